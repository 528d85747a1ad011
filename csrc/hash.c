#include "hash.h"

#include "bits.h"
#include "crc32c_table.h"

/* ---- CRC-32C ------------------------------------------------------------------------------------------------- */

uint32_t obs_hash_crc32c_portable(const uint8_t *data, size_t length)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < length; i++)
        crc = crc >> 8 ^ CRC32C_TABLE[(crc ^ data[i]) & 0xff];
    return ~crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(const uint8_t *data, size_t length)
{
    uint64_t crc = UINT32_MAX;
    size_t i = 0;
    for (; i + 8 <= length; i += 8) {
        uint64_t word;
        memcpy(&word, data + i, sizeof word);
        crc = __builtin_ia32_crc32di(crc, word);
    }
    uint32_t tail = (uint32_t)crc;
    for (; i < length; i++)
        tail = __builtin_ia32_crc32qi(tail, data[i]);
    return ~tail;
}
#endif

uint32_t obs_hash_crc32c(const uint8_t *data, size_t length)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2"))
        return crc32c_sse42(data, length);
#endif
    return obs_hash_crc32c_portable(data, length);
}

obs_status obs_hash_crc32c_many(const uint8_t *data, size_t size, const int64_t *starts, const int64_t *lengths,
                                size_t n, uint32_t *sums)
{
    for (size_t i = 0; i < n; i++) {
        if (starts[i] < 0 || lengths[i] < 0 || (uint64_t)starts[i] > size ||
            (uint64_t)lengths[i] > size - (uint64_t)starts[i])
            return OBS_INVALID;
        sums[i] = obs_hash_crc32c(data + starts[i], (size_t)lengths[i]);
    }
    return OBS_OK;
}

/* ---- XXH64 --------------------------------------------------------------------------------------------------- */

#define P1 0x9e3779b185ebca87u
#define P2 0xc2b2ae3d27d4eb4fu
#define P3 0x165667b19e3779f9u
#define P4 0x85ebca77c2b2ae63u
#define P5 0x27d4eb2f165667c5u

static inline uint64_t rotate_left(uint64_t word, unsigned by)
{
    return word << by | word >> (64 - by);
}

static inline uint64_t xx_round(uint64_t lane, uint64_t input)
{
    return rotate_left(lane + input * P2, 31) * P1;
}

static inline uint64_t xx_merge(uint64_t hash, uint64_t lane)
{
    return (hash ^ xx_round(0, lane)) * P1 + P4;
}

static uint64_t xx_stripes(const uint8_t *data, size_t stripes)
{
    uint64_t lane[4] = {P1 + P2, P2, 0, (uint64_t)0 - P1};
    for (size_t i = 0; i < stripes; i++)
        for (unsigned k = 0; k < 4; k++)
            lane[k] = xx_round(lane[k], obs_load64le(data + 32 * i + 8 * k));
    uint64_t hash =
        rotate_left(lane[0], 1) + rotate_left(lane[1], 7) + rotate_left(lane[2], 12) + rotate_left(lane[3], 18);
    for (unsigned k = 0; k < 4; k++)
        hash = xx_merge(hash, lane[k]);
    return hash;
}

uint64_t obs_hash_xxhash64(const uint8_t *data, size_t length)
{
    size_t at = length / 32 * 32;
    uint64_t hash = at ? xx_stripes(data, length / 32) : P5;
    hash += length;
    for (; at + 8 <= length; at += 8)
        hash = rotate_left(hash ^ xx_round(0, obs_load64le(data + at)), 27) * P1 + P4;
    if (at + 4 <= length) {
        hash = rotate_left(hash ^ obs_load32le(data + at) * P1, 23) * P2 + P3;
        at += 4;
    }
    for (; at < length; at++)
        hash = rotate_left(hash ^ data[at] * P5, 11) * P1;
    hash = (hash ^ hash >> 33) * P2;
    hash = (hash ^ hash >> 29) * P3;
    return hash ^ hash >> 32;
}

/* ---- FNV-1a -------------------------------------------------------------------------------------------------- */

uint64_t obs_hash_fnv1a64(const uint8_t *data, size_t length)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ data[i]) * 0x100000001b3u;
    return hash;
}
