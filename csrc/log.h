/* Records of series and of float samples in Prometheus' write-ahead log.
 *
 *   | 1  | (u64 reference | uvarint labels | (string name | string value)*)* |      string: uvarint length, bytes
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

/* The series of records: series i has the strings ends[i - 1] : ends[i], name and value by turns, which are ranges of the
 * data. */
typedef struct {
    uint64_t *references;
    int64_t *ends;
    uint8_t *plain; /* 1 where the names ascend and are ASCII, and no name or value is empty */
    int64_t *starts;
    int64_t *lengths;
    size_t series_capacity; /* bytes of records / 9 are enough */
    size_t strings_capacity; /* bytes of records are enough */
    size_t n_series;
    size_t n_strings;
} obs_log_series;

/* Decodes `n` records of type 1, which are ranges of `data`. `bad[i]` is 1 for a record that ends within a series, whose
 * series before stay, and else 0. OBS_INVALID for a range that is outside of the data or has another type. */
obs_status obs_log_decode_series(const uint8_t *data, size_t size, const int64_t *starts, const int64_t *lengths, size_t n,
                                 obs_log_series *series, uint8_t *bad);

/* Numbers the distinct strings among ranges of `data`, as they come: `numbers[i]` is that of range i, `firsts` has the first
 * range of each. `slots` is scratch: a power of two that is greater than n, all -1. OBS_INVALID otherwise, or for a range
 * that is outside of the data. */
obs_status obs_log_number_strings(const uint8_t *data, size_t size, const int64_t *starts, const int64_t *lengths, size_t n,
                                  int32_t *slots, size_t n_slots, int32_t *numbers, int64_t *firsts, size_t *n_distinct);

/* Which samples lie within a chunk of their series: the chunks of row r, in order of time, are offsets[r] : offsets[r + 1];
 * `next` [n_rows] is scratch, a copy of offsets. OBS_INVALID for a row that is not there. */
obs_status obs_log_find_covered(const int64_t *rows, const int64_t *times, size_t n, const int64_t *offsets, size_t n_rows,
                                const int64_t *min_time, const int64_t *max_time, int64_t *next, uint8_t *covered);

#endif
