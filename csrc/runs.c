#include "runs.h"

#include "bits.h"
#include "series.h"
#include "xor.h"
#include "xor2.h"

enum { RAW_SAMPLE_BYTES = sizeof(int64_t) + sizeof(double), RAW_START_BYTES = RAW_SAMPLE_BYTES + sizeof(int64_t) };

/* ---- encodings ----------------------------------------------------------------------------------------------- */

static void clear_starts(int64_t *starts, size_t count)
{
    if (starts && count)
        memset(starts, 0, count * sizeof *starts);
}

static size_t raw_capacity(const uint8_t *data, size_t length)
{
    (void)data;
    return length / RAW_SAMPLE_BYTES;
}

static size_t raw_starts_capacity(const uint8_t *data, size_t length)
{
    (void)data;
    return length / RAW_START_BYTES;
}

static obs_status raw_columns(const uint8_t *data, size_t length, size_t sample_bytes, int64_t *times, double *values,
                              size_t capacity, size_t *count)
{
    size_t n = length / sample_bytes;
    *count = 0;
    if (n > capacity)
        return OBS_NO_SPACE;
    if (length % sample_bytes)
        return OBS_CORRUPT; /* where the values begin cannot be known */
    if (n) {
        memcpy(times, data, n * sizeof *times);
        memcpy(values, data + n * sizeof *times, n * sizeof *values);
    }
    *count = n;
    return OBS_OK;
}

static obs_status raw_decode(const uint8_t *data, size_t length, int64_t *times, double *values, int64_t *starts,
                             size_t capacity, size_t *count)
{
    obs_status status = raw_columns(data, length, RAW_SAMPLE_BYTES, times, values, capacity, count);
    clear_starts(starts, *count);
    return status;
}

static obs_status raw_starts_decode(const uint8_t *data, size_t length, int64_t *times, double *values,
                                    int64_t *starts, size_t capacity, size_t *count)
{
    obs_status status = raw_columns(data, length, RAW_START_BYTES, times, values, capacity, count);
    if (starts && *count)
        memcpy(starts, data + *count * RAW_SAMPLE_BYTES, *count * sizeof *starts);
    return status;
}

static obs_status xor_decode(const uint8_t *data, size_t length, int64_t *times, double *values, int64_t *starts,
                             size_t capacity, size_t *count)
{
    obs_status status = obs_xor_decode(data, length, times, values, capacity, count);
    clear_starts(starts, *count);
    return status;
}

typedef struct {
    size_t (*capacity)(const uint8_t *data, size_t length);
    obs_status (*decode)(const uint8_t *data, size_t length, int64_t *times, double *values, int64_t *starts,
                         size_t capacity, size_t *count);
} codec;

/* NULL for an encoding that is not known. */
static const codec *find_codec(uint8_t encoding)
{
    static const codec RAW = {raw_capacity, raw_decode}, RAW_STARTS = {raw_starts_capacity, raw_starts_decode},
                       XOR = {obs_xor_capacity, xor_decode}, XOR2 = {obs_xor2_capacity, obs_xor2_decode};
    switch (encoding) {
    case OBS_ENCODING_RAW:
        return &RAW;
    case OBS_ENCODING_XOR:
        return &XOR;
    case OBS_ENCODING_XOR2:
        return &XOR2;
    case OBS_ENCODING_RAW_STARTS:
        return &RAW_STARTS;
    default:
        return NULL;
    }
}

/* ---- one run ------------------------------------------------------------------------------------------------- */

typedef struct {
    const uint8_t *data;
    size_t length;
    const codec *codec; /* NULL if the encoding is unknown */
} run;

static bool find_run(const obs_runs *runs, size_t r, run *found)
{
    if (runs->buffer[r] < 0 || (size_t)runs->buffer[r] >= runs->n_buffers)
        return false;
    size_t size = runs->sizes[runs->buffer[r]];
    if (runs->start[r] < 0 || runs->length[r] < 0 || (uint64_t)runs->start[r] > size ||
        (uint64_t)runs->length[r] > size - (uint64_t)runs->start[r])
        return false;
    found->data = runs->buffers[runs->buffer[r]] + runs->start[r];
    found->length = (size_t)runs->length[r];
    found->codec = find_codec(runs->encoding[r]);
    return true;
}

static bool find_series(const obs_runs *runs, size_t series, size_t *first, size_t *last)
{
    int64_t from = runs->offsets[series], to = runs->offsets[series + 1];
    if (from < 0 || to < from || (uint64_t)to > runs->n_runs)
        return false;
    *first = (size_t)from;
    *last = (size_t)to;
    return true;
}

/* The first of the runs first : last that ends at `from` or later. */
static size_t skip_runs(const obs_runs *runs, size_t first, size_t last, int64_t from)
{
    while (first < last) {
        size_t middle = first + (last - first) / 2;
        if (runs->max_time[middle] < from)
            first = middle + 1;
        else
            last = middle;
    }
    return first;
}

static void mark_bad(uint8_t *bad, size_t r)
{
    __atomic_store_n(&bad[r], 1, __ATOMIC_RELAXED); /* two workers may find it */
}

/* ---- series -------------------------------------------------------------------------------------------------- */

/* Decodes one series to the front of the given arrays; `starts` may be NULL. */
static obs_status decode_into(const obs_runs *runs, size_t series, int64_t from, int64_t to, int64_t *times,
                              double *values, int64_t *starts, size_t capacity, size_t *n, uint8_t *bad)
{
    size_t first, last;
    *n = 0;
    if (!find_series(runs, series, &first, &last))
        return OBS_INVALID;
    for (size_t r = skip_runs(runs, first, last, from); r < last && runs->min_time[r] <= to; r++) {
        run found;
        size_t count = 0;
        if (!find_run(runs, r, &found))
            return OBS_INVALID;
        if (!found.codec) {
            mark_bad(bad, r);
            continue;
        }
        obs_status status = found.codec->decode(found.data, found.length, times + *n, values + *n,
                                                starts ? starts + *n : NULL, capacity - *n, &count);
        if (status == OBS_NO_SPACE)
            return status;
        if (status != OBS_OK)
            mark_bad(bad, r);
        *n += count;
    }
    return OBS_OK;
}

obs_status obs_series_decode(const obs_runs *runs, size_t series, int64_t from, int64_t to,
                             const obs_scratch *scratch, size_t *n, uint8_t *bad)
{
    return decode_into(runs, series, from, to, scratch->times, scratch->values, NULL, scratch->capacity, n, bad);
}

size_t obs_series_drop_stale(const obs_scratch *scratch, size_t n)
{
    size_t i = 0;
    while (i < n && obs_double_bits(scratch->values + i) != OBS_STALE_BITS)
        i++;
    size_t kept = i;
    for (; i < n; i++) {
        scratch->times[kept] = scratch->times[i];
        memmove(scratch->values + kept, scratch->values + i, sizeof *scratch->values);
        kept += obs_double_bits(scratch->values + i) != OBS_STALE_BITS;
    }
    return kept;
}

/* The first of `n` ascending times that is not below `time`. */
static size_t count_before(const int64_t *times, size_t n, int64_t time)
{
    size_t low = 0;
    while (n > 0) {
        size_t half = n / 2;
        bool below = times[low + half] < time;
        low += below ? half + 1 : 0;
        n = below ? n - half - 1 : half;
    }
    return low;
}

static bool has_stale(const double *values, size_t n)
{
    bool found = false;
    for (size_t i = 0; i < n; i++)
        found |= obs_double_bits(values + i) == OBS_STALE_BITS;
    return found;
}

/* Whether the series is one raw run that can be read where it lies, and what of it touches [from, to]. */
static bool find_raw(const obs_runs *runs, size_t series, int64_t from, int64_t to, obs_samples *samples)
{
    size_t first, last;
    run found;
    if (!find_series(runs, series, &first, &last) || last - first != 1 || runs->encoding[first] != OBS_ENCODING_RAW ||
        !find_run(runs, first, &found) || found.length % RAW_SAMPLE_BYTES || (uintptr_t)found.data % sizeof(int64_t))
        return false;
    size_t n = found.length / RAW_SAMPLE_BYTES;
    const int64_t *times = (const int64_t *)(const void *)found.data;
    size_t low = count_before(times, n, from), high = to == INT64_MAX ? n : count_before(times, n, to + 1);
    if (high < low) /* times that do not ascend */
        return false;
    *samples = (obs_samples){times + low, (const double *)(const void *)(times + n) + low, high - low};
    return true;
}

obs_status obs_series_read(const obs_runs *runs, size_t series, int64_t from, int64_t to, bool with_stale,
                           const obs_scratch *scratch, obs_samples *samples, uint8_t *bad)
{
    if (find_raw(runs, series, from, to, samples) && (with_stale || !has_stale(samples->values, samples->n)))
        return samples->n > scratch->capacity ? OBS_NO_SPACE : OBS_OK; /* kernels take as much room as there are samples */
    *samples = (obs_samples){scratch->times, scratch->values, 0};
    obs_status status = obs_series_decode(runs, series, from, to, scratch, &samples->n, bad);
    if (status == OBS_OK && !with_stale)
        samples->n = obs_series_drop_stale(scratch, samples->n);
    return status;
}

obs_status obs_runs_measure(const obs_runs *runs, int64_t from, int64_t to, size_t *longest, size_t *total)
{
    *longest = *total = 0;
    for (size_t series = 0; series < runs->n_series; series++) {
        size_t first, last, samples = 0;
        if (!find_series(runs, series, &first, &last))
            return OBS_INVALID;
        for (size_t r = skip_runs(runs, first, last, from); r < last && runs->min_time[r] <= to; r++) {
            run found;
            if (!find_run(runs, r, &found))
                return OBS_INVALID;
            if (found.codec)
                samples += found.codec->capacity(found.data, found.length);
        }
        *total += samples;
        *longest = samples > *longest ? samples : *longest;
    }
    return OBS_OK;
}

obs_status obs_runs_unpack(const obs_runs *runs, int64_t from, int64_t to, int64_t *out, size_t capacity,
                           const obs_scratch *scratch, int64_t *ends, uint8_t *bad)
{
    size_t at = 0;
    for (size_t series = 0; series < runs->n_series; series++) {
        size_t n;
        obs_status status = obs_series_decode(runs, series, from, to, scratch, &n, bad);
        if (status != OBS_OK)
            return status;
        if (2 * n > capacity - at)
            return OBS_NO_SPACE;
        if (n) {
            memcpy(out + at, scratch->times, n * sizeof *scratch->times);
            memcpy(out + at + n, scratch->values, n * sizeof *scratch->values);
        }
        at += 2 * n;
        ends[series] = (int64_t)(at / 2);
    }
    return OBS_OK;
}

obs_status obs_runs_decode(const obs_runs *runs, int64_t from, int64_t to, int64_t *times, double *values,
                           int64_t *starts, size_t capacity, int64_t *ends, uint8_t *bad)
{
    size_t at = 0;
    for (size_t series = 0; series < runs->n_series; series++) {
        size_t n;
        obs_status status = decode_into(runs, series, from, to, times + at, values + at, starts ? starts + at : NULL,
                                        capacity - at, &n, bad);
        if (status != OBS_OK)
            return status;
        at += n;
        ends[series] = (int64_t)at;
    }
    return OBS_OK;
}
