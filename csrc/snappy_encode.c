/* Snappy's greedy search: the last place where each hash of four bytes was seen, in stretches of 64 KiB so that offsets fit
 * into two bytes. The longer nothing is found, the larger the steps. */
#include "bits.h"
#include "snappy.h"

enum {
    STRETCH = 1 << 16,
    TABLE_BITS = 14,
    MATCH_MIN = 4,
    COPY_MAX = 64,
    TAIL = 15 /* bytes at the end that are not searched, so that words can be loaded ahead */
};

size_t obs_snappy_max_length(size_t length)
{
    return 32 + length + length / 6;
}

static inline uint32_t hash(uint32_t word, unsigned shift)
{
    return word * 0x1e35a7bdu >> shift;
}

static uint8_t *put_literal(uint8_t *out, const uint8_t *data, size_t n)
{
    size_t last = n - 1;
    if (last < 60) {
        *out++ = (uint8_t)(last << 2);
    } else {
        unsigned bytes = last < 1u << 8 ? 1 : last < 1u << 16 ? 2 : last < 1u << 24 ? 3 : 4;
        *out++ = (uint8_t)((59 + bytes) << 2);
        for (unsigned i = 0; i < bytes; i++)
            *out++ = (uint8_t)(last >> 8 * i);
    }
    memcpy(out, data, n);
    return out + n;
}

static uint8_t *put_copy(uint8_t *out, size_t offset, size_t n)
{
    while (n) {
        /* a rest of less than 4 could not be said in the short form */
        size_t part = n <= COPY_MAX ? n : n < COPY_MAX + MATCH_MIN ? COPY_MAX - MATCH_MIN : COPY_MAX;
        if (part >= 4 && part < 12 && offset < 1u << 11) {
            *out++ = (uint8_t)(1 | (part - 4) << 2 | offset >> 8 << 5);
            *out++ = (uint8_t)offset;
        } else {
            *out++ = (uint8_t)(2 | (part - 1) << 2);
            *out++ = (uint8_t)offset;
            *out++ = (uint8_t)(offset >> 8);
        }
        n -= part;
    }
    return out;
}

static size_t match_length(const uint8_t *a, const uint8_t *b, const uint8_t *end)
{
    const uint8_t *start = b;
    while (end - b >= 8) {
        uint64_t differs = obs_load64(a) ^ obs_load64(b);
        if (differs)
            return (size_t)(b - start) + obs_clz64(differs) / 8;
        a += 8;
        b += 8;
    }
    while (b < end && *a == *b)
        a++, b++;
    return (size_t)(b - start);
}

static uint8_t *encode_stretch(const uint8_t *data, size_t n, uint16_t *table, uint8_t *out)
{
    const uint8_t *end = data + n, *at = data, *literal = data;
    if (n > TAIL) {
        unsigned bits = 8;
        while (bits < TABLE_BITS && (size_t)1 << bits < n)
            bits++;
        unsigned shift = 32 - bits;
        memset(table, 0, sizeof *table << bits);
        const uint8_t *limit = end - TAIL;
        size_t misses = 32;
        for (at++; at < limit;) {
            uint32_t word = obs_load32le(at), slot = hash(word, shift);
            const uint8_t *candidate = data + table[slot];
            table[slot] = (uint16_t)(at - data);
            if (obs_load32le(candidate) != word || candidate == at) {
                at += misses++ >> 5;
                continue;
            }
            if (at > literal)
                out = put_literal(out, literal, (size_t)(at - literal));
            size_t length = MATCH_MIN + match_length(candidate + MATCH_MIN, at + MATCH_MIN, end);
            out = put_copy(out, (size_t)(at - candidate), length);
            at += length;
            literal = at;
            misses = 32;
            if (at < limit)
                table[hash(obs_load32le(at - 1), shift)] = (uint16_t)(at - 1 - data);
        }
    }
    return literal < end ? put_literal(out, literal, (size_t)(end - literal)) : out;
}

obs_status obs_snappy_encode(const uint8_t *data, size_t length, uint16_t *table, uint8_t *out, size_t capacity,
                             size_t *written)
{
    if (length > UINT32_MAX)
        return OBS_INVALID;
    if (capacity < obs_snappy_max_length(length))
        return OBS_NO_SPACE;
    uint8_t *at = out;
    uint64_t rest = length;
    for (; rest >= 0x80; rest >>= 7)
        *at++ = (uint8_t)(rest | 0x80);
    *at++ = (uint8_t)rest;
    for (size_t i = 0; i < length; i += STRETCH)
        at = encode_stretch(data + i, length - i < STRETCH ? length - i : STRETCH, table, at);
    *written = (size_t)(at - out);
    return OBS_OK;
}
