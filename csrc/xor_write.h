/* Writing XOR chunks, a sample at a time: what xor.c and head.c share. Internal. */
#ifndef OBSFLOW_XOR_WRITE_H
#define OBSFLOW_XOR_WRITE_H

#include "bits.h"
#include "xor.h"

enum {
    XOR_HEADER_BYTES = 2,
    XOR_LEAD_MAX = 31,
    /* Bytes from the position's on that writing one sample may touch: the second has up to 157 bits, and a put stores 8. */
    XOR_SAMPLE_ROOM = 30
};

/* A dod field, by how many ones lead it. */
static const struct {
    uint8_t prefix, payload;
} XOR_DOD[4] = {{1, 0}, {2, 14}, {3, 17}, {4, 20}};

/* `fill` bits, fewer than 8, wait at the top of `pending`. A put stores 8 bytes, of which the unused are zero. */
typedef struct {
    uint8_t *at;
    uint64_t pending;
    unsigned fill;
} xor_writer;

/* The low `n` bits of `field`, 1 <= n <= 56; the others must be zero. */
static inline void xor_put(xor_writer *w, uint64_t field, unsigned n)
{
    uint64_t pending = w->pending | field << (64 - w->fill - n);
    unsigned fill = w->fill + n;
    obs_store64(w->at, pending);
    w->at += fill >> 3;
    w->pending = pending << (fill & ~7u);
    w->fill = fill & 7;
}

static inline void xor_put_wide(xor_writer *w, uint64_t field, unsigned n)
{
    if (n > 56) {
        xor_put(w, field >> 32, n - 32);
        field &= UINT32_MAX;
        n = 32;
    }
    xor_put(w, field, n);
}

static inline void xor_put_uvarint(xor_writer *w, uint64_t word)
{
    for (; word >= 0x80; word >>= 7)
        xor_put(w, (word & 0x7f) | 0x80, 8);
    xor_put(w, word, 8);
}

/* What a sample is written with before the bits of its value. */
typedef struct {
    uint64_t bits;
    unsigned n;
} xor_field;

static inline xor_field xor_dod_field(int64_t dod, xor_writer *w)
{
    static const uint64_t PREFIX[4] = {0, 2, 6, 14}; /* 10, 110, 1110 */
    if (dod == 0)
        return (xor_field){0, 1};
    for (unsigned i = 1; i < 4; i++) {
        int64_t most = (int64_t)1 << (XOR_DOD[i].payload - 1);
        if (dod > -most && dod <= most) {
            uint64_t payload = (uint64_t)dod & (((uint64_t)1 << XOR_DOD[i].payload) - 1);
            return (xor_field){PREFIX[i] << XOR_DOD[i].payload | payload, (unsigned)XOR_DOD[i].prefix + XOR_DOD[i].payload};
        }
    }
    xor_put(w, 15, 4);
    xor_put_wide(w, (uint64_t)dod, 64);
    return (xor_field){0, 0};
}

static inline void xor_put_value(xor_writer *w, obs_xor_state *s, uint64_t bits, xor_field head)
{
    uint64_t x = bits ^ s->bits;
    s->bits = bits;
    if (!x) {
        xor_put(w, head.bits << 1, head.n + 1);
        return;
    }
    unsigned lead = obs_clz64(x), trail = (unsigned)__builtin_ctzll(x), size;
    lead = lead < XOR_LEAD_MAX ? lead : XOR_LEAD_MAX;
    if (s->windowed && lead >= s->lead && trail >= s->trail) {
        size = 64u - s->lead - s->trail;
        head = (xor_field){head.bits << 2 | 2, head.n + 2};
    } else {
        size = 64 - lead - trail;
        s->lead = (uint8_t)lead;
        s->trail = (uint8_t)trail;
        s->windowed = 1;
        head = (xor_field){((head.bits << 2 | 3) << 5 | lead) << 6 | (size & 63), head.n + 13};
    }
    uint64_t payload = x >> s->trail;
    if (head.n + size <= 56) {
        xor_put(w, head.bits << size | payload, head.n + size);
    } else {
        xor_put(w, head.bits, head.n);
        xor_put_wide(w, payload, size);
    }
}

static inline void xor_append_first(xor_writer *w, obs_xor_state *s, int64_t time, uint64_t bits)
{
    xor_put_uvarint(w, obs_zigzag(time));
    xor_put_wide(w, bits, 64);
    s->time = time;
    s->bits = bits;
}

static inline void xor_append_second(xor_writer *w, obs_xor_state *s, int64_t time, uint64_t bits)
{
    s->delta = (uint64_t)time - (uint64_t)s->time;
    s->time = time;
    xor_put_uvarint(w, s->delta);
    xor_put_value(w, s, bits, (xor_field){0, 0});
}

static inline void xor_append_next(xor_writer *w, obs_xor_state *s, int64_t time, uint64_t bits)
{
    uint64_t delta = (uint64_t)time - (uint64_t)s->time;
    xor_field head = xor_dod_field((int64_t)(delta - s->delta), w);
    s->delta = delta;
    s->time = time;
    xor_put_value(w, s, bits, head);
}

/* Starts where the state stands in its chunk. */
static inline xor_writer xor_resume_writing(obs_xor_state *s, uint8_t *chunk)
{
    if (s->position < 8 * XOR_HEADER_BYTES)
        s->position = 8 * XOR_HEADER_BYTES;
    xor_writer w = {chunk + (s->position >> 3), 0, (unsigned)(s->position & 7)};
    if (w.fill)
        w.pending = (uint64_t)(*w.at >> (8 - w.fill)) << (64 - w.fill);
    return w;
}

/* Makes the chunk whole as far as it is written. */
static inline void xor_stop_writing(obs_xor_state *s, uint8_t *chunk, const xor_writer *w)
{
    s->position = 8 * (uint64_t)(w->at - chunk) + w->fill;
    chunk[0] = (uint8_t)(s->count >> 8);
    chunk[1] = (uint8_t)s->count;
}

#endif
