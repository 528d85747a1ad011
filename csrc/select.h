/* Instant selection: the value of every series at every step.
 *
 *                 (time - lookback         time]
 *   samples    x   x     x       x     x        x
 *                                      ^ the newest in the left-open interval; none if it is a stale marker
 */
#ifndef OBSFLOW_SELECT_H
#define OBSFLOW_SELECT_H

#include "runs.h"

/* `times` (ms) ascend; equal neighbours are allowed. Writes [n_series, n_times], row by row: `values`, `present` (0 or 1)
 * and, unless it is NULL, `sample_times`, the time of the sample that was taken (0 where absent). */
obs_status obs_select_instant(const obs_runs *runs, const int64_t *times, size_t n_times, int64_t lookback,
                              const obs_scratch *scratch, double *values, uint8_t *present, int64_t *sample_times,
                              uint8_t *bad);

#endif
