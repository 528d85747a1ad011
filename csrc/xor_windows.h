/* XOR chunks with the windows that make them shortest. The format leaves it to the writer when to open a window: Prometheus
 * reuses one for as long as it fits, so that one wide XOR (a stale marker, a restarted counter) is paid for to the end of the
 * chunk. Here they are chosen by a dynamic programme, and every reader of the format reads the result.
 *
 *   a window of k values between `lead` and `trail` zeros, S = 64 - lead - trail:   13 + S + (k - 1) * (2 + S) bits
 *
 * Two windows side by side are never worse than one around both where that one is wider than the later by d bits and the
 * later has k values with k * d >= 11: the search for where a window begins ends there.
 */
#ifndef OBSFLOW_XOR_WINDOWS_H
#define OBSFLOW_XOR_WINDOWS_H

#include "index_write.h"
#include "status.h"

/* A value's XOR with the one before, where it is not zero. */
typedef struct {
    uint64_t bits;
    uint32_t cost;  /* of all up to this one, in bits */
    uint16_t first; /* its window begins with this one */
    uint8_t lead;   /* of that window, once it is chosen */
    uint8_t trail;
} obs_xor_change;

/* Room for one chunk of `capacity` samples. */
typedef struct {
    obs_xor_change *changes;
    int64_t *times;
    double *values;
    uint8_t *chunk; /* obs_xor_max_length(capacity) bytes */
    size_t capacity;
} obs_xor_scratch;

/* As obs_xor_encode_many, and no chunk is longer than that one's. OBS_NO_SPACE where the scratch is too small for a chunk. */
obs_status obs_xor_windows_encode_many(const int64_t *times, const double *values, const int64_t *offsets, size_t n_chunks,
                                       const obs_xor_scratch *scratch, uint8_t *out, size_t capacity, int64_t *ends);

/* Writes the XOR chunks of a table again, those that become shorter: chunk i as the bytes starts[i] : starts[i] + lengths[i]
 * of `out`. A chunk that would not, or has another encoding, or cannot be decoded, or has more samples than the scratch has
 * room for, has the length 0 and stays as it is. `out` needs room for as many bytes as the chunks have. */
obs_status obs_xor_windows_rewrite(const obs_block_chunks *chunks, const obs_xor_scratch *scratch, uint8_t *out,
                                   size_t capacity, int64_t *starts, int64_t *lengths, size_t *written);

#endif
