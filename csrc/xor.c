#include "xor.h"

#include "xor_write.h"

enum {
    COUNT_MAX = UINT16_MAX,
    SAMPLE_BITS_MAX = 145,                    /* dod 4 + 64, value 13 + 64 */
    READ_AHEAD = SAMPLE_BITS_MAX / 8 + 1 + 9, /* bytes from the start of a sample that its peeks may touch */
    LEAD_MAX = 31
};

/* ---- reading ------------------------------------------------------------------------------------------------- */

typedef struct {
    int64_t *times;
    double *values;
    size_t n; /* samples wanted */
} samples;

static inline void put_sample(const samples *out, size_t i, int64_t time, uint64_t bits)
{
    out->times[i] = time;
    memcpy(out->values + i, &bits, sizeof bits);
}

/* The value field whose first bit is at the top of `word`, of which `valid` bits count, and at `*position` of the stream. */
static inline obs_status read_value(obs_xor_state *s, const uint8_t *base, uint64_t word, unsigned valid,
                                    uint64_t *position)
{
    if (!(word >> 63)) {
        *position += 1;
        return OBS_OK;
    }
    unsigned size, header;
    if (word >> 62 & 1) {
        size = (unsigned)(word >> 51) & 63;
        size = size ? size : 64;
        s->lead = (uint8_t)(word >> 57 & 31);
        if (s->lead + size > 64)
            return OBS_CORRUPT;
        s->trail = (uint8_t)(64 - s->lead - size);
        header = 13;
    } else {
        size = 64u - s->lead - s->trail;
        header = 2;
    }
    s->windowed = 1;
    /* what the word has not, or not all of, is read on its own */
    uint64_t bits = header + size <= valid ? word << header : obs_peek64(base, *position + header);
    s->bits ^= bits >> (64 - size) << s->trail;
    *position += header + size;
    return OBS_OK;
}

/* Reads samples while they start at or before `safe`; none may end after `end`. Positions count from `base`, which must
 * be readable for READ_AHEAD bytes from every position up to `safe`. */
static obs_status read_samples(obs_xor_state *state, const uint8_t *base, uint64_t safe, uint64_t end,
                               const samples *out)
{
    obs_xor_state s = *state; /* copies, so that they live in registers */
    const samples to = *out;
    obs_status status = OBS_OK;
    while (s.count < to.n && s.position <= safe) {
        uint64_t word = obs_peek57(base, s.position);
        if (!(word >> 62)) {
            /* regular and unchanged: all such samples that the word holds, two zero bits each */
            size_t run = obs_clz64(word | 1u << 6) / 2, wanted = to.n - s.count;
            run = run < wanted ? run : wanted;
            if (s.position + 2 * run > end)
                run = s.position < end ? (size_t)(end - s.position) / 2 : 0;
            if (!run) {
                status = OBS_TRUNCATED;
                break;
            }
            for (size_t k = 0; k < run; k++) {
                s.time = obs_time_add(s.time, (int64_t)s.delta);
                put_sample(&to, s.count + k, s.time, s.bits);
            }
            s.count += (uint32_t)run;
            s.position += 2 * run;
            continue;
        }
        uint64_t position = s.position + 1;
        unsigned valid = 56;
        if (word >> 63) {
            unsigned ones = obs_clz64(~word);
            if (ones < 4) {
                unsigned shift = 64u - XOR_DOD[ones].payload;
                uint64_t payload = word << XOR_DOD[ones].prefix >> shift;
                s.delta += (uint64_t)(((int64_t)((payload - 1) << shift) >> shift) + 1);
                position = s.position + XOR_DOD[ones].prefix + XOR_DOD[ones].payload;
                word <<= XOR_DOD[ones].prefix + XOR_DOD[ones].payload;
                valid = 57u - XOR_DOD[ones].prefix - XOR_DOD[ones].payload;
            } else {
                s.delta += obs_peek64(base, s.position + 4);
                position = s.position + 68;
                word = obs_peek57(base, position);
                valid = 57;
            }
        } else {
            word <<= 1;
        }
        status = read_value(&s, base, word, valid, &position);
        if (status == OBS_OK && position > end)
            status = OBS_TRUNCATED;
        if (status != OBS_OK)
            break;
        s.time = obs_time_add(s.time, (int64_t)s.delta);
        put_sample(&to, s.count++, s.time, s.bits);
        s.position = position;
    }
    *state = s;
    return status;
}

/* The last bytes of a chunk again, with zeros after them that may be read. */
static obs_status read_tail(obs_xor_state *state, const uint8_t *data, size_t length, const samples *out)
{
    uint8_t padded[2 * READ_AHEAD + 8] = {0};
    size_t start = (size_t)(state->position >> 3);
    memcpy(padded, data + start, length - start);
    state->position -= 8 * start;
    uint64_t end = 8 * (uint64_t)(length - start);
    obs_status status = read_samples(state, padded, end, end, out);
    state->position += 8 * start;
    return status;
}

/* t0 and v0, then t1: all byte-aligned. The value of sample 1 is the first that is a field of bits. */
static obs_status read_first(obs_xor_state *state, const uint8_t *data, size_t length, const samples *out)
{
    size_t at = XOR_HEADER_BYTES;
    uint64_t word;
    if (!obs_read_uvarint(data, length, &at, &word) || length - at < 8)
        return OBS_TRUNCATED;
    state->time = obs_unzigzag(word);
    state->bits = obs_load64(data + at);
    at += 8;
    state->position = 8 * (uint64_t)at;
    put_sample(out, state->count++, state->time, state->bits);
    return OBS_OK;
}

static obs_status read_second(obs_xor_state *state, const uint8_t *data, size_t length, const samples *out)
{
    size_t at = (size_t)(state->position >> 3);
    uint8_t padded[2 * READ_AHEAD] = {0};
    uint64_t delta;
    if (!obs_read_uvarint(data, length, &at, &delta))
        return OBS_TRUNCATED;
    size_t rest = length - at;
    memcpy(padded, data + at, rest < READ_AHEAD ? rest : READ_AHEAD);
    obs_xor_state before = *state;
    uint64_t position = 0;
    obs_status status = read_value(state, padded, obs_peek57(padded, 0), 57, &position);
    if (status == OBS_OK && position > 8 * (uint64_t)rest)
        status = OBS_TRUNCATED;
    if (status != OBS_OK) {
        *state = before;
        return status;
    }
    state->delta = delta;
    state->time = obs_time_add(state->time, (int64_t)delta);
    state->position = 8 * (uint64_t)at + position;
    put_sample(out, state->count++, state->time, state->bits);
    return OBS_OK;
}

size_t obs_xor_capacity(const uint8_t *data, size_t length)
{
    if (length < XOR_HEADER_BYTES)
        return 0;
    size_t claimed = (size_t)data[0] << 8 | data[1];
    size_t possible = 1 + 4 * (length - XOR_HEADER_BYTES); /* a sample has two bits at least */
    return claimed < possible ? claimed : possible;
}

obs_status obs_xor_resume(const uint8_t *data, size_t length, int64_t *times, double *values, size_t capacity,
                          size_t *count, obs_xor_state *state)
{
    memset(state, 0, sizeof *state);
    *count = 0;
    if (length < XOR_HEADER_BYTES)
        return OBS_TRUNCATED;
    samples out = {times, values, (size_t)data[0] << 8 | data[1]};
    state->position = 8 * XOR_HEADER_BYTES;
    if (obs_xor_capacity(data, length) > capacity)
        return OBS_NO_SPACE;
    obs_status status = OBS_OK;
    if (out.n > 0)
        status = read_first(state, data, length, &out);
    if (status == OBS_OK && out.n > 1)
        status = read_second(state, data, length, &out);
    if (status == OBS_OK && length >= READ_AHEAD)
        status = read_samples(state, data, 8 * (uint64_t)(length - READ_AHEAD), 8 * (uint64_t)length, &out);
    if (status == OBS_OK && state->count < out.n)
        status = read_tail(state, data, length, &out);
    if (status == OBS_OK && state->count < out.n)
        status = OBS_TRUNCATED;
    *count = state->count;
    return status;
}

obs_status obs_xor_decode(const uint8_t *data, size_t length, int64_t *times, double *values, size_t capacity,
                          size_t *count)
{
    obs_xor_state state;
    return obs_xor_resume(data, length, times, values, capacity, count, &state);
}

/* ---- writing ------------------------------------------------------------------------------------------------- */

size_t obs_xor_max_length(size_t n)
{
    return XOR_HEADER_BYTES + 2 * 18 + n * (SAMPLE_BITS_MAX / 8 + 1) + 8;
}

obs_status obs_xor_append(obs_xor_state *state, uint8_t *chunk, size_t capacity, const int64_t *times,
                          const double *values, size_t n)
{
    if (n > COUNT_MAX || state->count + n > COUNT_MAX)
        return OBS_INVALID;
    if (state->position / 8 > capacity || obs_xor_max_length(n) > capacity - state->position / 8)
        return OBS_NO_SPACE;
    obs_xor_state s = *state;
    xor_writer w = xor_resume_writing(&s, chunk);
    size_t i = 0;
    if (i < n && s.count == 0) {
        xor_append_first(&w, &s, times[i], obs_double_bits(values + i));
        s.count++, i++;
    }
    if (i < n && s.count == 1) {
        xor_append_second(&w, &s, times[i], obs_double_bits(values + i));
        s.count++, i++;
    }
    s.count += (uint32_t)(n - i);
    for (; i < n; i++)
        xor_append_next(&w, &s, times[i], obs_double_bits(values + i));
    xor_stop_writing(&s, chunk, &w);
    *state = s;
    return OBS_OK;
}

obs_status obs_xor_encode_many(const int64_t *times, const double *values, const int64_t *offsets, size_t n_chunks,
                               uint8_t *out, size_t capacity, int64_t *ends)
{
    size_t at = 0;
    for (size_t i = 0; i < n_chunks; i++) {
        if (offsets[i] < 0 || offsets[i + 1] < offsets[i])
            return OBS_INVALID;
        obs_xor_state state = {0};
        obs_status status = obs_xor_append(&state, out + at, capacity - at, times + offsets[i], values + offsets[i],
                                           (size_t)(offsets[i + 1] - offsets[i]));
        if (status != OBS_OK)
            return status;
        at += (size_t)((state.position + 7) / 8);
        ends[i] = (int64_t)at;
    }
    return OBS_OK;
}
