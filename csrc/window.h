/* Range functions: one value for every series and step, from the samples in the window that ends at the step.
 *
 *                    (time - range         time]
 *   samples    x   x   |   x       x     x  |   x       left-open; stale markers are not there
 *                          ^ lo             ^ hi        both only move right: O(samples + steps) a series
 *
 * A series is decoded into the scratch, and the function then writes its row of the result; nothing else is
 * materialised. The operations on doubles and their order are Prometheus' own (promql/functions.go), so that the bits of
 * a result are too. Functions are known by their index, below obs_window_count.
 */
#ifndef OBSFLOW_WINDOW_H
#define OBSFLOW_WINDOW_H

#include "runs.h"

size_t obs_window_count(void);

/* The PromQL name of a function; NULL for an index that is none. */
const char *obs_window_name(size_t function);

/* How many rows of parameters a function takes. */
size_t obs_window_params(size_t function);

/* `times` (ms) ascend; equal neighbours are allowed. `params` is [obs_window_params, n_times]:
 *
 *   quantile_over_time            the quantile
 *   double_exponential_smoothing  the smoothing factor, the trend factor; the caller has checked 0 < factor < 1
 *   predict_linear                seconds ahead, the time of the step itself in s
 *
 * Writes `values` and `present` (0 or 1), [n_series, n_times]. Where absent the value is 0. */
obs_status obs_window_apply(size_t function, const obs_runs *runs, const int64_t *times, size_t n_times,
                            int64_t range, const double *params, const obs_scratch *scratch, double *values,
                            uint8_t *present, uint8_t *bad);

#endif
