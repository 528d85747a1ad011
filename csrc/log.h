/* Records of float samples in Prometheus' write-ahead log.
 *
 *   | 2  | u64 reference | i64 time | (varint reference | varint time | 64 bits value)* |
 *          of the base                differences to the base, also of the first sample
 *
 *   | 11 | varint reference | varint time | varint start | 64 bits value |
 *        | (varint reference | varint time | u8 marker | [varint start] | 64 bits value)* |
 *          differences to the sample before, and to the first. The marker is 0 where there is no start time, 1 where it
 *          is that of the sample before; else its difference to the first follows.
 */
#ifndef OBSFLOW_LOG_H
#define OBSFLOW_LOG_H

#include "status.h"

/* An upper bound for the samples in records of so many bytes. */
size_t obs_log_capacity(size_t length);

/* Decodes `n` records, which are ranges of `data`: record i becomes the samples ends[i - 1] : ends[i]. Where there is no
 * start time, 0 is put to `start_times`. `bad[i]` is then 1 for a record that ends within a sample, whose samples before
 * stay, and else 0. OBS_INVALID for a range that is
 * outside of the data, or begins with another type. */
obs_status obs_log_decode_samples(const uint8_t *data, size_t size, const int64_t *starts, const int64_t *lengths,
                                  size_t n, uint64_t *references, int64_t *times, double *values,
                                  int64_t *start_times, size_t capacity, int64_t *ends, uint8_t *bad);

#endif
