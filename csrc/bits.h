/* Big-endian loads and stores, positions in bit streams, varints, and the bits of doubles. Internal.
 *
 * A bit stream is read most significant bit first. A position counts bits from its base:
 *
 *      position      0       8       16
 *      byte          |   0   |   1   |   2   | ...
 *      bit in byte   76543210 76543210 ...
 *
 * obs_peek57 and obs_peek64 read 8 and 9 whole bytes from the byte that holds the position. The caller makes sure that
 * they exist.
 */
#ifndef OBSFLOW_BITS_H
#define OBSFLOW_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t obs_load64(const uint8_t *from)
{
    uint64_t word;
    memcpy(&word, from, sizeof word);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

static inline uint32_t obs_load32(const uint8_t *from)
{
    return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | (uint32_t)from[3];
}

static inline void obs_store64(uint8_t *to, uint64_t word)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    memcpy(to, &word, sizeof word);
}

static inline uint64_t obs_load64le(const uint8_t *from)
{
    return __builtin_bswap64(obs_load64(from));
}

static inline uint32_t obs_load32le(const uint8_t *from)
{
    return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

/* At least 57 bits from `position` on, at the top of the word. */
static inline uint64_t obs_peek57(const uint8_t *base, uint64_t position)
{
    return obs_load64(base + (position >> 3)) << (position & 7);
}

/* The 64 bits from `position` on. */
static inline uint64_t obs_peek64(const uint8_t *base, uint64_t position)
{
    const uint8_t *at = base + (position >> 3);
    unsigned skip = (unsigned)(position & 7);
    return obs_load64(at) << skip | ((uint64_t)at[8] << skip) >> 8;
}

/* Leading zeros; 64 for zero. */
static inline unsigned obs_clz64(uint64_t word)
{
    return word ? (unsigned)__builtin_clzll(word) : 64u;
}

static inline uint64_t obs_double_bits(const double *value)
{
    uint64_t bits;
    memcpy(&bits, value, sizeof bits);
    return bits;
}

/* Times differ in wrapping arithmetic, as Go's do; C leaves signed overflow undefined. */
static inline int64_t obs_time_add(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static inline int64_t obs_time_sub(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a - (uint64_t)b);
}

/* `a - b` that stops at the smallest time. `b` is not negative. */
static inline int64_t obs_time_before(int64_t a, int64_t b)
{
    return a < INT64_MIN + b ? INT64_MIN : a - b;
}

/* LEB128: moves `*at`, which must stay below `end`; false if it ends early or has more than 10 bytes. */
static inline bool obs_read_uvarint(const uint8_t *data, size_t end, size_t *at, uint64_t *value)
{
    uint64_t word = 0;
    size_t i = *at;
    for (unsigned shift = 0; shift < 70 && i < end; shift += 7) {
        uint8_t byte = data[i++];
        word |= (uint64_t)(byte & 0x7f) << (shift < 64 ? shift : 63);
        if (byte < 0x80) {
            *at = i;
            *value = word;
            return shift < 63 || byte <= 1;
        }
    }
    return false;
}

static inline uint64_t obs_zigzag(int64_t value)
{
    return (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0);
}

static inline int64_t obs_unzigzag(uint64_t word)
{
    return (int64_t)(word >> 1 ^ (~(word & 1) + 1));
}

#endif
