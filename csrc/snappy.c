#include "snappy.h"

#include "bits.h"

enum { LITERAL = 0, EXPANSION_MAX = 22 };

static obs_status read_header(const uint8_t *data, size_t length, size_t *at, size_t *decoded)
{
    uint64_t claimed;
    *at = 0;
    if (!obs_read_uvarint(data, length, at, &claimed))
        return OBS_TRUNCATED;
    if (claimed > UINT32_MAX || claimed > (uint64_t)length * EXPANSION_MAX)
        return OBS_CORRUPT;
    *decoded = (size_t)claimed;
    return OBS_OK;
}

obs_status obs_snappy_length(const uint8_t *data, size_t length, size_t *decoded)
{
    size_t at;
    return read_header(data, length, &at, decoded);
}

static inline uint64_t read_le(const uint8_t *from, unsigned bytes)
{
    uint64_t word = 0;
    for (unsigned i = 0; i < bytes; i++)
        word |= (uint64_t)from[i] << (8 * i);
    return word;
}

/* An overlapping copy repeats the last `offset` bytes: the source it may read doubles with every turn. */
static inline void copy_back(uint8_t *to, size_t offset, size_t n)
{
    const uint8_t *from = to - offset;
    while (n > offset) {
        memcpy(to, from, offset);
        to += offset;
        n -= offset;
        offset *= 2;
    }
    memcpy(to, from, n);
}

obs_status obs_snappy_decode(const uint8_t *data, size_t length, uint8_t *out, size_t capacity)
{
    size_t at, decoded, written = 0;
    obs_status status = read_header(data, length, &at, &decoded);
    if (status != OBS_OK)
        return status;
    if (decoded > capacity)
        return OBS_NO_SPACE;
    /* bytes that follow the tag, by its low two bits; a literal's depend on its length */
    static const uint8_t EXTRA[4] = {0, 1, 2, 4};
    while (at < length) {
        uint8_t tag = data[at++];
        unsigned kind = tag & 3u;
        uint64_t n = (uint64_t)(tag >> 2) + 1;
        unsigned extra = kind == LITERAL && n > 60 ? (unsigned)n - 60 : EXTRA[kind];
        if (extra > length - at)
            return OBS_TRUNCATED;
        uint64_t operand = read_le(data + at, extra);
        at += extra;
        if (kind == LITERAL) {
            n = extra ? operand + 1 : n;
            if (n > length - at)
                return OBS_TRUNCATED;
            if (n > decoded - written)
                return OBS_CORRUPT;
            memcpy(out + written, data + at, (size_t)n);
            at += (size_t)n;
        } else {
            uint64_t offset = kind == 1 ? (uint64_t)(tag >> 5) << 8 | operand : operand;
            n = kind == 1 ? 4 + (tag >> 2 & 7u) : n;
            if (offset == 0 || offset > written || n > decoded - written)
                return OBS_CORRUPT;
            copy_back(out + written, (size_t)offset, (size_t)n);
        }
        written += (size_t)n;
    }
    return written == decoded ? OBS_OK : OBS_TRUNCATED;
}
