/* One series out of a table of runs, decoded. Internal: what every kernel over runs begins with. */
#ifndef OBSFLOW_SERIES_H
#define OBSFLOW_SERIES_H

#include <stdbool.h>

#include "runs.h"

#define OBS_STALE_BITS 0x7ff0000000000002u

/* Decodes the runs of `series` that touch [from, to] into the scratch; `*n` samples. Samples of these runs that lie
 * outside are kept. OBS_INVALID if the table contradicts itself, OBS_NO_SPACE if the scratch is too small. */
obs_status obs_series_decode(const obs_runs *runs, size_t series, int64_t from, int64_t to,
                             const obs_scratch *scratch, size_t *n, uint8_t *bad);

/* The samples of one series, in the scratch or where they lie. */
typedef struct {
    const int64_t *times;
    const double *values;
    size_t n;
} obs_samples;

/* The samples in the runs of `series` that touch [from, to], with or without stale markers. Of a series that is one raw run,
 * and has nothing to be left out, it is those in [from, to], and nothing is copied. As obs_series_decode otherwise. */
obs_status obs_series_read(const obs_runs *runs, size_t series, int64_t from, int64_t to, bool with_stale,
                           const obs_scratch *scratch, obs_samples *samples, uint8_t *bad);

/* Removes the stale markers from the first `n` samples; returns how many are left. */
size_t obs_series_drop_stale(const obs_scratch *scratch, size_t n);

#endif
