/* Records of float samples in Prometheus' write-ahead log.
 *
 *   | 2  | u64 reference | i64 time | (varint reference | varint time | 64 bits value)* |
 *          of the base                differences to the base, also of the first sample
 *
 *   | 11 | varint reference | varint time | varint start | 64 bits value |
 *        | (varint reference | varint time | u8 marker | [varint start] | 64 bits value)* |
 *          differences to the sample before, and to the first. A start time follows a marker above 1, and is left out.
 */
#ifndef OBSFLOW_LOG_H
#define OBSFLOW_LOG_H

#include "status.h"

/* An upper bound for the samples in records of so many bytes. */
size_t obs_log_capacity(size_t length);

/* Decodes `n` records, which are ranges of `data`: record i becomes the samples ends[i - 1] : ends[i]. `bad[i]` is then
 * 1 for a record that ends within a sample, whose samples before stay, and else 0. OBS_INVALID for a range that is
 * outside of the data, or begins with another type. */
obs_status obs_log_decode_samples(const uint8_t *data, size_t size, const int64_t *starts, const int64_t *lengths,
                                  size_t n, uint64_t *references, int64_t *times, double *values, size_t capacity,
                                  int64_t *ends, uint8_t *bad);

#endif
