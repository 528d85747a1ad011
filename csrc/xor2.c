#include "xor2.h"

#include "bits.h"
#include "series.h"

enum {
    HEADER_BYTES = 3,
    FIRST_START_KNOWN = 0x80,
    FIRST_START_CHANGE = 0x7f,
    PEEK_BYTES = 9 /* that obs_peek64 touches */
};

typedef struct {
    const uint8_t *data;
    size_t length;
    uint64_t position; /* bits */
} bit_reader;

typedef struct {
    int64_t time;
    uint64_t delta;    /* between the newest two times */
    uint64_t bits;     /* of the newest value */
    uint64_t baseline; /* what the next value is XORed with */
    unsigned lead, trail;
    uint64_t start;    /* of the newest sample */
    uint64_t distance; /* from the newest start to the sample before its own */
} decoder;

typedef struct {
    int64_t *times;
    double *values;
    int64_t *starts; /* or NULL */
} samples;

/* The next 64 bits; zeros beyond the end. */
static inline uint64_t peek(const bit_reader *r)
{
    size_t at = (size_t)(r->position >> 3);
    if (at < r->length && r->length - at >= PEEK_BYTES)
        return obs_peek64(r->data, r->position);
    uint8_t padded[PEEK_BYTES] = {0};
    if (at < r->length)
        memcpy(padded, r->data + at, r->length - at);
    return obs_peek64(padded, r->position & 7);
}

/* The next `n` bits, 1 <= n <= 64. */
static inline uint64_t take(bit_reader *r, unsigned n)
{
    uint64_t word = peek(r);
    r->position += n;
    return word >> (64 - n);
}

/* How many ones come next, at most `most`; with the zero that ends them, unless there are `most`. */
static inline unsigned take_ones(bit_reader *r, unsigned most)
{
    unsigned ones = obs_clz64(~peek(r));
    ones = ones < most ? ones : most;
    r->position += ones + (ones < most);
    return ones;
}

static inline obs_status take_window(bit_reader *r, decoder *d)
{
    unsigned lead = (unsigned)take(r, 5), size = (unsigned)take(r, 6);
    size = size ? size : 64;
    if (lead + size > 64)
        return OBS_CORRUPT;
    d->lead = lead;
    d->trail = 64 - lead - size;
    return OBS_OK;
}

static inline void take_xor(bit_reader *r, decoder *d)
{
    d->baseline ^= take(r, 64 - d->lead - d->trail) << d->trail;
    d->bits = d->baseline;
}

/* A value that is known to have changed. */
static inline obs_status take_changed(bit_reader *r, decoder *d)
{
    obs_status status = take_ones(r, 1) ? take_window(r, d) : OBS_OK;
    if (status == OBS_OK)
        take_xor(r, d);
    return status;
}

static inline obs_status take_value(bit_reader *r, decoder *d)
{
    enum { UNCHANGED, SAME_WINDOW, NEW_WINDOW, STALE };
    obs_status status = OBS_OK;
    switch (take_ones(r, STALE)) {
    case UNCHANGED:
        d->bits = d->baseline;
        break;
    case NEW_WINDOW:
        status = take_window(r, d);
        if (status != OBS_OK)
            break;
        /* fall through */
    case SAME_WINDOW:
        take_xor(r, d);
        break;
    default:
        d->bits = OBS_STALE_BITS;
    }
    return status;
}

/* What comes of a sample from the third on, before its start time. */
static inline obs_status take_sample(bit_reader *r, decoder *d)
{
    enum { UNCHANGED, CHANGED, SHORT_DOD, MIDDLE_DOD, LONG_DOD, STALE };
    static const uint8_t WIDTH[] = {[SHORT_DOD] = 13, [MIDDLE_DOD] = 20, [LONG_DOD] = 64};
    obs_status status = OBS_OK;
    unsigned kind = take_ones(r, STALE);
    switch (kind) {
    case UNCHANGED:
        d->bits = d->baseline;
        break;
    case CHANGED:
        status = take_changed(r, d);
        break;
    case STALE:
        d->bits = OBS_STALE_BITS;
        break;
    default: {
        unsigned shift = 64u - WIDTH[kind];
        d->delta += (uint64_t)((int64_t)(take(r, WIDTH[kind]) << shift) >> shift);
        status = take_value(r, d);
    }
    }
    d->time = obs_time_add(d->time, (int64_t)d->delta);
    return status;
}

/* A signed number of a width that its prefix tells; of n bits the range is 1 - 2^(n-1) to 2^(n-1). */
static inline uint64_t take_varbit(bit_reader *r)
{
    static const uint8_t WIDTH[] = {0, 3, 6, 9, 12, 18, 25, 56, 64};
    unsigned width = WIDTH[take_ones(r, 8)];
    if (!width)
        return 0;
    uint64_t word = take(r, width);
    return width < 64 && word > (uint64_t)1 << (width - 1) ? word - ((uint64_t)1 << width) : word;
}

/* The start time of the sample after `before`: how far before that it lies, or how that changed. */
static inline void take_start(bit_reader *r, decoder *d, int64_t before, bool is_first)
{
    d->distance = take_varbit(r) + (is_first ? 0 : d->distance);
    d->start = (uint64_t)before - d->distance;
}

/* A varint, which starts at a whole byte. */
static inline bool take_uvarint(bit_reader *r, uint64_t *word)
{
    size_t at = (size_t)(r->position >> 3);
    if (at > r->length || !obs_read_uvarint(r->data, r->length, &at, word))
        return false;
    r->position = 8 * (uint64_t)at;
    return true;
}

/* How many samples come next that are regular and unchanged, a zero bit each; at most `most`, or 64. */
static inline size_t take_unchanged(bit_reader *r, uint64_t end, size_t most)
{
    uint64_t left = r->position < end ? end - r->position : 0;
    size_t run = obs_clz64(peek(r));
    run = run < most ? run : most;
    run = run < left ? run : (size_t)left;
    r->position += run;
    return run;
}

static obs_status take_first(bit_reader *r, decoder *d, bool start_known)
{
    uint64_t word, start;
    if (!take_uvarint(r, &word))
        return OBS_TRUNCATED;
    d->time = obs_unzigzag(word);
    d->bits = take(r, 64);
    d->baseline = d->bits == OBS_STALE_BITS ? 0 : d->bits;
    if (!start_known)
        return OBS_OK;
    if (!take_uvarint(r, &start))
        return OBS_TRUNCATED;
    d->start = (uint64_t)d->time - (uint64_t)obs_unzigzag(start);
    return OBS_OK;
}

static obs_status take_second(bit_reader *r, decoder *d)
{
    if (!take_uvarint(r, &d->delta))
        return OBS_TRUNCATED;
    d->time = obs_time_add(d->time, (int64_t)d->delta);
    return take_value(r, d);
}

static inline void put_sample(const samples *out, size_t i, const decoder *d, uint64_t bits)
{
    out->times[i] = d->time;
    memcpy(out->values + i, &bits, sizeof bits);
    if (out->starts)
        out->starts[i] = (int64_t)d->start;
}

size_t obs_xor2_capacity(const uint8_t *data, size_t length)
{
    if (length < HEADER_BYTES)
        return 0;
    size_t claimed = (size_t)data[0] << 8 | data[1];
    size_t possible = 8 * (length - HEADER_BYTES); /* a sample has a bit at least */
    return claimed < possible ? claimed : possible;
}

obs_status obs_xor2_decode(const uint8_t *data, size_t length, int64_t *times, double *values, int64_t *starts,
                           size_t capacity, size_t *count)
{
    *count = 0;
    if (length < HEADER_BYTES)
        return OBS_TRUNCATED;
    if (obs_xor2_capacity(data, length) > capacity)
        return OBS_NO_SPACE;
    const size_t n = (size_t)data[0] << 8 | data[1], change = data[2] & FIRST_START_CHANGE;
    const uint64_t end = 8 * (uint64_t)length;
    const samples out = {times, values, starts};
    bit_reader r = {data, length, 8 * HEADER_BYTES};
    decoder d = {0};
    obs_status status = OBS_OK;
    size_t i = 0;
    while (i < n && status == OBS_OK) {
        if (i >= 2 && !change)
            for (size_t run = take_unchanged(&r, end, n - i); run > 0; run--) {
                d.time = obs_time_add(d.time, (int64_t)d.delta);
                put_sample(&out, i++, &d, d.baseline);
            }
        if (i == n)
            break;
        int64_t before = d.time;
        if (i >= 2)
            status = take_sample(&r, &d);
        else
            status = i ? take_second(&r, &d) : take_first(&r, &d, data[2] & FIRST_START_KNOWN);
        if (change && i >= change)
            take_start(&r, &d, before, i == change);
        if (status == OBS_OK && r.position > end)
            status = OBS_TRUNCATED;
        if (status == OBS_OK)
            put_sample(&out, i++, &d, d.bits);
    }
    *count = i;
    return status;
}
