#include "index_read.h"

#include "bits.h"
#include "hash.h"

enum { CRC_BYTES = 4 };

obs_status obs_index_find_entries(const uint8_t *section, size_t size, size_t position, size_t alignment, int64_t *starts,
                                  int64_t *lengths, size_t capacity, size_t *n)
{
    *n = 0;
    if (!alignment)
        return OBS_INVALID;
    size_t at = 0;
    for (;;) {
        at += (alignment - (at + position) % alignment) % alignment;
        while (at < size && !section[at])
            at += alignment;
        if (at >= size)
            return OBS_OK;
        uint64_t length;
        if (!obs_read_uvarint(section, size, &at, &length) || size - at < CRC_BYTES || length > size - at - CRC_BYTES)
            return OBS_CORRUPT;
        if (obs_hash_crc32c(section + at, (size_t)length) != obs_load32(section + at + length))
            return OBS_CORRUPT;
        if (*n == capacity)
            return OBS_NO_SPACE;
        starts[*n] = (int64_t)at;
        lengths[(*n)++] = (int64_t)length;
        at += (size_t)length + CRC_BYTES;
    }
}

obs_status obs_index_decode_bodies(const uint8_t *data, size_t size, const int64_t *starts, const int64_t *lengths,
                                   size_t n, uint64_t *values, size_t capacity, int64_t *offsets)
{
    size_t count = 0;
    offsets[0] = 0;
    for (size_t i = 0; i < n; i++) {
        if (starts[i] < 0 || lengths[i] < 0 || (uint64_t)starts[i] > size || (uint64_t)lengths[i] > size - (uint64_t)starts[i])
            return OBS_INVALID;
        if ((size_t)lengths[i] > capacity - count)
            return OBS_NO_SPACE;
        size_t at = (size_t)starts[i], end = at + (size_t)lengths[i];
        while (at < end) {
            uint64_t word = data[at];
            if (word < 0x80) {
                at++;
            } else if (!obs_read_uvarint(data, end, &at, &word)) {
                word = UINT64_MAX;
                while (at < end && data[at] >= 0x80)
                    at++;
                at += at < end;
            }
            values[count++] = word;
        }
        offsets[i + 1] = (int64_t)count;
    }
    return OBS_OK;
}
