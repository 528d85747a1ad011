#include "log_write.h"

#include "bits.h"
#include "hash.h"

enum { SERIES = 1, SAMPLES = 2, BASES_BYTES = 17, SAMPLE_BYTES_MAX = 28, HEADER_BYTES = 7, SNAPPY = 8 };
enum { FULL = 1, FIRST = 2, MIDDLE = 3, LAST = 4 };

static uint8_t *put_varint(uint8_t *out, int64_t value)
{
    uint64_t word = obs_zigzag(value);
    for (; word >= 0x80; word >>= 7)
        *out++ = (uint8_t)(word | 0x80);
    *out++ = (uint8_t)word;
    return out;
}

size_t obs_log_samples_max(size_t n, size_t per_record)
{
    return per_record ? (n / per_record + 1) * BASES_BYTES + n * SAMPLE_BYTES_MAX : 0;
}

obs_status obs_log_encode_samples(const uint64_t *references, const int64_t *times, const double *values, size_t n,
                                  size_t per_record, uint8_t *out, size_t capacity, int64_t *ends)
{
    if (!per_record)
        return OBS_INVALID;
    if (capacity < obs_log_samples_max(n, per_record))
        return OBS_NO_SPACE;
    uint8_t *at = out;
    for (size_t first = 0; first < n; first += per_record) {
        size_t last = n - first < per_record ? n : first + per_record;
        *at++ = SAMPLES;
        obs_store64(at, references[first]);
        obs_store64(at + 8, (uint64_t)times[first]);
        at += 16;
        for (size_t i = first; i < last; i++) {
            at = put_varint(at, (int64_t)(references[i] - references[first]));
            at = put_varint(at, obs_time_sub(times[i], times[first]));
            obs_store64(at, obs_double_bits(values + i));
            at += 8;
        }
        *ends++ = at - out;
    }
    return OBS_OK;
}

static bool is_among(const uint64_t *kept, size_t n, uint64_t reference)
{
    size_t low = 0;
    while (low < n) {
        size_t middle = low + (n - low) / 2;
        if (kept[middle] == reference)
            return true;
        if (kept[middle] < reference)
            low = middle + 1;
        else
            n = middle;
    }
    return false;
}

/* Where the series ends that begins at `at`; 0 where the record ends within it. */
static size_t skip_series(const uint8_t *data, size_t at, size_t end)
{
    uint64_t n, length;
    if (end - at < sizeof(uint64_t))
        return 0;
    at += sizeof(uint64_t);
    if (!obs_read_uvarint(data, end, &at, &n) || n > (end - at) / 2)
        return 0;
    for (uint64_t i = 0; i < 2 * n; i++) {
        if (!obs_read_uvarint(data, end, &at, &length) || length > end - at)
            return 0;
        at += (size_t)length;
    }
    return at;
}

obs_status obs_log_keep_series(const uint8_t *data, size_t size, const int64_t *starts, const int64_t *lengths, size_t n,
                               const uint64_t *kept, size_t n_kept, uint8_t *out, size_t capacity, int64_t *ends, uint8_t *bad)
{
    size_t written = 0;
    for (size_t i = 0; i < n; i++) {
        if (starts[i] < 0 || lengths[i] < 1 || (uint64_t)starts[i] > size ||
            (uint64_t)lengths[i] > size - (uint64_t)starts[i] || data[starts[i]] != SERIES)
            return OBS_INVALID;
        if ((uint64_t)lengths[i] > capacity - written)
            return OBS_NO_SPACE;
        size_t at = (size_t)starts[i] + 1, end = (size_t)(starts[i] + lengths[i]), before = written;
        out[written++] = SERIES;
        bad[i] = 0;
        while (at < end) {
            size_t next = skip_series(data, at, end);
            if (!next) {
                bad[i] = 1;
                break;
            }
            if (is_among(kept, n_kept, obs_load64(data + at))) {
                memcpy(out + written, data + at, next - at);
                written += next - at;
            }
            at = next;
        }
        if (written == before + 1)
            written = before;
        ends[i] = (int64_t)written;
    }
    return OBS_OK;
}

size_t obs_log_framed_max(size_t length)
{
    /* every page costs a header, and up to 6 bytes of padding before it */
    size_t fragments = length / (OBS_LOG_PAGE - HEADER_BYTES) + 2;
    return length + fragments * 2 * HEADER_BYTES;
}

/* One record into as many fragments as it takes. */
static uint8_t *put_record(uint8_t *out, const uint8_t *data, size_t length, uint8_t flags, uint64_t *position)
{
    bool is_first = true;
    do {
        size_t left = OBS_LOG_PAGE - (size_t)(*position % OBS_LOG_PAGE);
        if (left < HEADER_BYTES) {
            memset(out, 0, left);
            out += left;
            *position += left;
            left = OBS_LOG_PAGE;
        }
        size_t part = left - HEADER_BYTES < length ? left - HEADER_BYTES : length;
        bool is_last = part == length;
        unsigned type = is_first ? (is_last ? FULL : FIRST) : is_last ? LAST : MIDDLE;
        uint32_t sum = obs_hash_crc32c(data, part);
        out[0] = (uint8_t)(type | flags);
        out[1] = (uint8_t)(part >> 8);
        out[2] = (uint8_t)part;
        for (unsigned i = 0; i < 4; i++)
            out[3 + i] = (uint8_t)(sum >> (24 - 8 * i));
        memcpy(out + HEADER_BYTES, data, part);
        out += HEADER_BYTES + part;
        *position += HEADER_BYTES + part;
        data += part;
        length -= part;
        is_first = false;
    } while (length);
    return out;
}

obs_status obs_log_frame(const uint8_t *data, const int64_t *ends, size_t n_records, size_t limit, uint64_t *position,
                         obs_log_scratch *scratch, uint8_t *out, size_t capacity, size_t *written, size_t *n_done)
{
    uint8_t *to = out;
    int64_t start = 0;
    *written = *n_done = 0;
    for (size_t i = 0; i < n_records; i++) {
        if (ends[i] < start)
            return OBS_INVALID;
        const uint8_t *record = data + start;
        size_t length = (size_t)(ends[i] - start), shorter = length;
        uint8_t flags = 0;
        if (scratch->table && length) {
            obs_status status =
                obs_snappy_encode(record, length, scratch->table, scratch->compressed, scratch->capacity, &shorter);
            if (status != OBS_OK)
                return status;
            if (shorter < length) {
                record = scratch->compressed;
                flags = SNAPPY;
            }
        }
        size_t framed = flags ? shorter : length, most = obs_log_framed_max(framed);
        if (*position + most > limit)
            return OBS_OK;
        if (most > capacity - *written)
            return OBS_NO_SPACE;
        to = put_record(to, record, framed, flags, position);
        *written = (size_t)(to - out);
        ++*n_done;
        start = ends[i];
    }
    return OBS_OK;
}
