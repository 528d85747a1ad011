/* The samples of many series, still encoded: what selecting and windowing read.
 *
 *   series     0       1           2
 *   offsets  [ 0,      1,          3,  3 ]             series i owns the runs offsets[i] : offsets[i + 1]
 *   runs       r0      r1    r2                        in order of time
 *               |       |     |
 *   buffers   [ ....r0.......r2...] [.....r1......]    run r is the bytes start[r] : start[r] + length[r]
 *                                                      of buffers[buffer[r]]
 *
 * A run is raw (count int64 times, then count doubles, in the machine's byte order; with starts also count int64 start
 * times) or an XOR or XOR2 chunk. min_time and max_time (ms, closed) let runs be skipped without decoding them; nothing else
 * relies on them. Every index, offset and length is checked where it is used. A run whose bytes are corrupt, or of an
 * unknown encoding, is marked in `bad` and contributes the samples before its fault.
 */
#ifndef OBSFLOW_RUNS_H
#define OBSFLOW_RUNS_H

#include "status.h"

typedef enum { OBS_ENCODING_RAW = 0, OBS_ENCODING_XOR = 1, OBS_ENCODING_XOR2 = 4, OBS_ENCODING_RAW_STARTS = 128 } obs_encoding;

typedef struct {
    const uint8_t *const *buffers; /* [n_buffers] */
    const size_t *sizes;           /* [n_buffers] bytes */
    size_t n_buffers;
    const int64_t *offsets; /* [n_series + 1] */
    size_t n_series;
    const int32_t *buffer;   /* [n_runs] */
    const int64_t *start;    /* [n_runs] */
    const int64_t *length;   /* [n_runs] */
    const uint8_t *encoding; /* [n_runs] */
    const int64_t *min_time; /* [n_runs] */
    const int64_t *max_time; /* [n_runs] */
    size_t n_runs;
} obs_runs;

/* Room for the samples of one series, and for what a kernel derives from them. */
typedef struct {
    int64_t *times;  /* [capacity] ms */
    double *values;  /* [capacity] */
    int64_t *marks;  /* [capacity] */
    uint64_t *ranks; /* [capacity] */
    size_t capacity; /* obs_runs_measure's `longest` is enough */
} obs_scratch;

/* Upper bounds for the samples in the runs that touch [from, to]: of one series, and of all. OBS_INVALID if an index or a
 * range is outside of what it refers to. */
obs_status obs_runs_measure(const obs_runs *runs, int64_t from, int64_t to, size_t *longest, size_t *total);

/* Decodes the runs that touch [from, to], whole: series i becomes the samples ends[i - 1] : ends[i]. `starts` (ms, 0 for
 * none) may be NULL. `bad` has one entry a run, all 0 before. */
obs_status obs_runs_decode(const obs_runs *runs, int64_t from, int64_t to, int64_t *times, double *values,
                           int64_t *starts, size_t capacity, int64_t *ends, uint8_t *bad);

/* Decodes the runs that touch [from, to] into raw ones, one a series, each after the other in `out` [capacity] words: series i
 * becomes the samples ends[i - 1] : ends[i]. */
obs_status obs_runs_unpack(const obs_runs *runs, int64_t from, int64_t to, int64_t *out, size_t capacity,
                           const obs_scratch *scratch, int64_t *ends, uint8_t *bad);

#endif
