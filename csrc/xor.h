/* XOR float chunks, Prometheus' encoding 1: after Gorilla (Pelkonen et al., VLDB 2015), and bit for bit as Prometheus
 * writes them.
 *
 *   | u16 n | varint t0 | 64 bits v0 | uvarint t1 - t0 | value | dod | value | dod | value | ... 0 to a byte
 *
 *   dod = (t[i] - t[i-1]) - (t[i-1] - t[i-2])        value, where x = bits(v[i]) ^ bits(v[i-1])
 *     0                                   0            x = 0                   0
 *     10   + 14 bits   -8191..8192                     x fits the window       10 + the window's bits of x
 *     110  + 17 bits   -65535..65536                   else a new window       11 + lead:5 + size:6 + size bits of x
 *     1110 + 20 bits   -524287..524288
 *     1111 + 64 bits
 *
 * A window is the bits of x between `lead` zeros (at most 31) and `trail` zeros; size 64 is written as 0. A decoder
 * starts with the window of all 64 bits, an encoder with none. Values are moved as bits, so every NaN survives.
 *
 * Bytes after the last sample are allowed: old writers left one.
 */
#ifndef OBSFLOW_XOR_H
#define OBSFLOW_XOR_H

#include "status.h"

/* Where an appender stands in its chunk. All zero is the start of an empty one. */
typedef struct {
    int64_t time;      /* of the newest sample */
    uint64_t delta;    /* between the newest two */
    uint64_t bits;     /* of the newest value */
    uint64_t position; /* bits of the chunk in use */
    uint32_t count;    /* samples */
    uint8_t lead;      /* the window */
    uint8_t trail;
    uint8_t windowed; /* 1 once the chunk has used a window */
} obs_xor_state;

/* An upper bound for the samples in these bytes, whatever they claim. */
size_t obs_xor_capacity(const uint8_t *data, size_t length);

/* Decodes a chunk into `times` (ms) and `values`. `*count` samples were written, also when the status is OBS_TRUNCATED or
 * OBS_CORRUPT: those before the fault. */
obs_status obs_xor_decode(const uint8_t *data, size_t length, int64_t *times, double *values, size_t capacity,
                          size_t *count);

/* Decodes as above and leaves `state` where the writer of the chunk stood, so that appending goes on as if it had never
 * stopped. The chunk is then the first (position + 7) / 8 bytes. */
obs_status obs_xor_resume(const uint8_t *data, size_t length, int64_t *times, double *values, size_t capacity,
                          size_t *count, obs_xor_state *state);

/* Bytes that a chunk of `n` samples may need while it is written. */
size_t obs_xor_max_length(size_t n);

/* Appends `n` samples to `chunk`, which has room for `capacity` bytes: obs_xor_max_length(n) more than are in use.
 * OBS_INVALID beyond 65535 samples; nothing is then written. */
obs_status obs_xor_append(obs_xor_state *state, uint8_t *chunk, size_t capacity, const int64_t *times,
                          const double *values, size_t n);

/* Encodes many chunks one after another: chunk i has the samples offsets[i] : offsets[i + 1] and becomes the bytes
 * ends[i - 1] : ends[i] of `out`. */
obs_status obs_xor_encode_many(const int64_t *times, const double *values, const int64_t *offsets, size_t n_chunks,
                               uint8_t *out, size_t capacity, int64_t *ends);

#endif
