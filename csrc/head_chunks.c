#include "head_chunks.h"

#include "bits.h"
#include "hash.h"

enum { FIXED_BYTES = 25, CRC_BYTES = 4, HEADER_BYTES = 8, TIMES_BYTES = 24 };

static size_t varint_size(size_t value)
{
    size_t n = 1;
    for (; value >= 0x80; value >>= 7)
        n++;
    return n;
}

size_t obs_head_chunks_size(size_t length)
{
    return FIXED_BYTES + varint_size(length) + length + CRC_BYTES;
}

obs_status obs_head_chunks_encode(const uint8_t *data, const int64_t *ends, const uint64_t *references,
                                  const int64_t *min_time, const int64_t *max_time, size_t n, uint8_t encoding, uint8_t *out,
                                  size_t capacity, int64_t *starts, size_t *written)
{
    int64_t begin = 0;
    uint8_t *at = out;
    *written = 0;
    for (size_t i = 0; i < n; i++) {
        if (ends[i] < begin)
            return OBS_INVALID;
        size_t length = (size_t)(ends[i] - begin);
        if (obs_head_chunks_size(length) > capacity - *written)
            return OBS_NO_SPACE;
        const uint8_t *record = at;
        obs_store64(at, references[i]);
        obs_store64(at + 8, (uint64_t)min_time[i]);
        obs_store64(at + 16, (uint64_t)max_time[i]);
        at[24] = encoding;
        at += FIXED_BYTES;
        size_t rest = length;
        for (; rest >= 0x80; rest >>= 7)
            *at++ = (uint8_t)(rest | 0x80);
        *at++ = (uint8_t)rest;
        starts[i] = at - out;
        if (length)
            memcpy(at, data + begin, length);
        at += length;
        uint32_t sum = obs_hash_crc32c(record, (size_t)(at - record));
        for (unsigned k = 0; k < CRC_BYTES; k++)
            *at++ = (uint8_t)(sum >> (24 - 8 * k));
        *written = (size_t)(at - out);
        begin = ends[i];
    }
    return OBS_OK;
}

size_t obs_head_chunks_capacity(size_t size)
{
    return size / (FIXED_BYTES + 1 + CRC_BYTES);
}

/* Zeros in place of the reference and the times, or as many of them as there are. */
static bool is_end(const uint8_t *data, size_t left)
{
    for (size_t i = 0; i < TIMES_BYTES && i < left; i++)
        if (data[i])
            return false;
    return true;
}

obs_status obs_head_chunks_decode(const uint8_t *data, size_t size, obs_head_chunks_table *table, int64_t *fault)
{
    *fault = -1;
    table->n = 0;
    for (size_t at = HEADER_BYTES; at < size && !is_end(data + at, size - at);) {
        size_t next = at + FIXED_BYTES;
        uint64_t length;
        if (size - at < FIXED_BYTES || !obs_read_uvarint(data, size, &next, &length) || size - next < CRC_BYTES ||
            length > size - next - CRC_BYTES) {
            *fault = (int64_t)at;
            return OBS_OK;
        }
        size_t i = table->n, end = next + (size_t)length;
        if (i == table->capacity)
            return OBS_NO_SPACE;
        table->references[i] = obs_load64(data + at);
        table->offsets[i] = (int64_t)at;
        table->starts[i] = (int64_t)next;
        table->lengths[i] = (int64_t)length;
        table->min_time[i] = (int64_t)obs_load64(data + at + 8);
        table->max_time[i] = (int64_t)obs_load64(data + at + 16);
        table->encodings[i] = data[at + FIXED_BYTES - 1];
        table->is_sound[i] = obs_hash_crc32c(data + at, end - at) == obs_load32(data + end);
        table->n++;
        at = end + CRC_BYTES;
    }
    return OBS_OK;
}
