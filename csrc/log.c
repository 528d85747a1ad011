#include "log.h"

#include "bits.h"
#include "hash.h"

enum { SERIES = 1, SAMPLES = 2, SAMPLES_V2 = 11, SAMPLE_BYTES_MIN = 10, NO_START = 0, SAME_START = 1 };

typedef struct {
    const uint8_t *data;
    size_t at, end;
} cursor;

typedef struct {
    uint64_t reference;
    int64_t time;
    int64_t start;
    uint64_t bits;
} sample;

static inline bool read_varint(cursor *c, int64_t *value)
{
    uint64_t word;
    if (!obs_read_uvarint(c->data, c->end, &c->at, &word))
        return false;
    *value = obs_unzigzag(word);
    return true;
}

static inline bool read_64(cursor *c, uint64_t *word)
{
    if (c->end - c->at < sizeof *word)
        return false;
    *word = obs_load64(c->data + c->at);
    c->at += sizeof *word;
    return true;
}

/* The start time of a sample that comes after one that started at `before`, the first of all at `first`. */
static bool read_start(cursor *c, int64_t first, int64_t before, int64_t *start)
{
    if (c->at == c->end)
        return false;
    uint8_t marker = c->data[c->at++];
    if (marker <= SAME_START) {
        *start = marker == NO_START ? 0 : before;
        return true;
    }
    if (!read_varint(c, start))
        return false;
    *start = obs_time_add(first, *start);
    return true;
}

/* One sample, whose reference and time are differences to the base; so is its start, if not that of `out` before. */
static inline bool read_sample(cursor *c, bool has_start, const sample *base, sample *out)
{
    int64_t reference, time;
    if (!read_varint(c, &reference) || !read_varint(c, &time) || (has_start && !read_start(c, base->start, out->start, &out->start)) || !read_64(c, &out->bits))
        return false;
    out->reference = base->reference + (uint64_t)reference;
    out->time = obs_time_add(base->time, time);
    return true;
}

/* What a record of the first version begins with. */
static bool read_bases(cursor *c, sample *base)
{
    uint64_t time;
    if (!read_64(c, &base->reference) || !read_64(c, &time))
        return false;
    base->time = (int64_t)time;
    return true;
}

/* What a record of the second version begins with. */
static bool read_first(cursor *c, sample *first)
{
    int64_t reference;
    if (!read_varint(c, &reference) || !read_varint(c, &first->time) || !read_varint(c, &first->start) ||
        !read_64(c, &first->bits))
        return false;
    first->reference = (uint64_t)reference;
    return true;
}

typedef struct {
    uint64_t *references;
    int64_t *times;
    double *values;
    int64_t *starts;
    size_t n;
} columns;

static inline void put(columns *to, const sample *s)
{
    to->references[to->n] = s->reference;
    to->times[to->n] = s->time;
    to->starts[to->n] = s->start;
    memcpy(to->values + to->n++, &s->bits, sizeof s->bits);
}

/* The samples of one record, behind its type; false if it ends within one. */
static bool read_record(cursor c, bool second_version, columns *to)
{
    sample base = {0}, s = {0};
    if (c.at == c.end)
        return true;
    if (second_version ? !read_first(&c, &base) : !read_bases(&c, &base))
        return false;
    if (second_version) {
        put(to, &base);
        s.start = base.start;
    }
    while (c.at < c.end) {
        if (!read_sample(&c, second_version, &base, &s))
            return false;
        put(to, &s);
        if (second_version)
            base.reference = s.reference;
    }
    return true;
}

size_t obs_log_capacity(size_t length)
{
    return length / SAMPLE_BYTES_MIN;
}

obs_status obs_log_decode_samples(const uint8_t *data, size_t size, const int64_t *starts, const int64_t *lengths,
                                  size_t n, uint64_t *references, int64_t *times, double *values,
                                  int64_t *start_times, size_t capacity, int64_t *ends, uint8_t *bad)
{
    columns to = {references, times, values, start_times, 0};
    for (size_t i = 0; i < n; i++) {
        if (starts[i] < 0 || lengths[i] < 1 || (uint64_t)starts[i] > size ||
            (uint64_t)lengths[i] > size - (uint64_t)starts[i])
            return OBS_INVALID;
        cursor c = {data, (size_t)starts[i], (size_t)(starts[i] + lengths[i])};
        if (obs_log_capacity(c.end - c.at) > capacity - to.n)
            return OBS_NO_SPACE;
        uint8_t type = data[c.at++];
        if (type != SAMPLES && type != SAMPLES_V2)
            return OBS_INVALID;
        bad[i] = !read_record(c, type == SAMPLES_V2, &to);
        ends[i] = (int64_t)to.n;
    }
    return OBS_OK;
}

/* ---- series -------------------------------------------------------------------------------------------------- */

static bool is_range(int64_t start, int64_t length, size_t size)
{
    return start >= 0 && length >= 0 && (uint64_t)start <= size && (uint64_t)length <= size - (uint64_t)start;
}

/* Whether a name comes after the one before it, and has one byte for each character. */
static bool is_plain_name(const uint8_t *name, size_t length, const uint8_t *before, size_t before_length)
{
    for (size_t i = 0; i < length; i++)
        if (name[i] >= 0x80)
            return false;
    size_t shorter = length < before_length ? length : before_length;
    int order = shorter ? memcmp(before, name, shorter) : 0;
    return order < 0 || (order == 0 && before_length < length);
}

/* One series; false where the record ends within it. OBS_NO_SPACE is for the caller to see by `*full`. */
static bool read_series(cursor *c, obs_log_series *to, bool *full)
{
    uint64_t reference, n_labels;
    if (!read_64(c, &reference) || !obs_read_uvarint(c->data, c->end, &c->at, &n_labels))
        return false;
    if (n_labels > (c->end - c->at) / 2)
        return false;
    *full = to->n_series >= to->series_capacity || 2 * n_labels > to->strings_capacity - to->n_strings;
    if (*full)
        return false;
    const uint8_t *before = NULL;
    size_t before_length = 0, at = to->n_strings;
    bool plain = true;
    for (uint64_t i = 0; i < 2 * n_labels; i++) {
        uint64_t length;
        if (!obs_read_uvarint(c->data, c->end, &c->at, &length) || length > c->end - c->at)
            return false;
        to->starts[at] = (int64_t)c->at;
        to->lengths[at++] = (int64_t)length;
        const uint8_t *text = c->data + c->at;
        if (!length || (i % 2 == 0 && !is_plain_name(text, (size_t)length, before, before_length)))
            plain = false;
        if (i % 2 == 0) {
            before = text;
            before_length = (size_t)length;
        }
        c->at += (size_t)length;
    }
    to->references[to->n_series] = reference;
    to->plain[to->n_series] = plain;
    to->n_strings = at;
    to->ends[to->n_series++] = (int64_t)at;
    return true;
}

obs_status obs_log_decode_series(const uint8_t *data, size_t size, const int64_t *starts, const int64_t *lengths, size_t n,
                                 obs_log_series *series, uint8_t *bad)
{
    series->n_series = series->n_strings = 0;
    for (size_t i = 0; i < n; i++) {
        if (!is_range(starts[i], lengths[i], size) || !lengths[i] || data[starts[i]] != SERIES)
            return OBS_INVALID;
        cursor c = {data, (size_t)starts[i] + 1, (size_t)(starts[i] + lengths[i])};
        bool full = false;
        bad[i] = 0;
        while (c.at < c.end && !bad[i])
            bad[i] = !read_series(&c, series, &full);
        if (full)
            return OBS_NO_SPACE;
    }
    return OBS_OK;
}

obs_status obs_log_number_strings(const uint8_t *data, size_t size, const int64_t *starts, const int64_t *lengths, size_t n,
                                  int32_t *slots, size_t n_slots, int32_t *numbers, int64_t *firsts, size_t *n_distinct)
{
    *n_distinct = 0;
    if (n >= n_slots || (n_slots & (n_slots - 1)) || n > INT32_MAX)
        return OBS_INVALID;
    for (size_t i = 0; i < n; i++) {
        if (!is_range(starts[i], lengths[i], size))
            return OBS_INVALID;
        const uint8_t *text = data + starts[i];
        size_t length = (size_t)lengths[i], slot = obs_hash_xxhash64(text, length) & (n_slots - 1);
        for (;; slot = (slot + 1) & (n_slots - 1)) {
            int32_t number = slots[slot];
            if (number < 0) {
                slots[slot] = number = (int32_t)*n_distinct;
                firsts[(*n_distinct)++] = (int64_t)i;
            }
            int64_t first = firsts[number];
            if (lengths[first] == lengths[i] && !memcmp(data + starts[first], text, length)) {
                numbers[i] = number;
                break;
            }
        }
    }
    return OBS_OK;
}

/* ---- samples and chunks -------------------------------------------------------------------------------------- */

obs_status obs_log_find_covered(const int64_t *rows, const int64_t *times, size_t n, const int64_t *offsets, size_t n_rows,
                                const int64_t *min_time, const int64_t *max_time, int64_t *next, uint8_t *covered)
{
    for (size_t i = 0; i < n; i++) {
        int64_t row = rows[i], time = times[i];
        if (row < 0 || (size_t)row >= n_rows)
            return OBS_INVALID;
        int64_t first = offsets[row], end = offsets[row + 1], at = next[row];
        /* the times of a series mostly ascend: the chunk is the one of the sample before, or comes after it */
        while (at > first && max_time[at - 1] >= time)
            at--;
        while (at < end && max_time[at] < time)
            at++;
        next[row] = at;
        covered[i] = at < end && min_time[at] <= time;
    }
    return OBS_OK;
}
