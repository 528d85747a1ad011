/* Windows over samples: one value for every series and step, from the samples in the window that ends at the step.
 *
 *                    (time - range         time]
 *   samples    x   x   |   x       x     x  |   x       left-open
 *                          ^ lo             ^ hi        both only move right: O(samples + steps) a series
 *
 * A series is decoded into the scratch, and the function then writes its row of the result, or a row that is folded into
 * its group's at once; nothing else is materialised. The operations on doubles and their order are Prometheus' own
 * (promql/functions.go), so that the bits of a result are too.
 *
 * Functions are known by their index, below obs_window_count. To the range functions of PromQL, which do not see stale
 * markers, come two that do, and that are how a selector without a range looks back:
 *
 *   select                        the newest sample; none if it is a stale marker
 *   select_seconds                its time in s
 */
#ifndef OBSFLOW_WINDOW_H
#define OBSFLOW_WINDOW_H

#include "group.h"
#include "runs.h"

size_t obs_window_count(void);

/* The PromQL name of a function; NULL for an index that is none. */
const char *obs_window_name(size_t function);

/* How many rows of parameters a function takes. */
size_t obs_window_params(size_t function);

/* A function of windows. `times` (ms) ascend; equal neighbours are allowed. `params` is [obs_window_params, n_times]:
 *
 *   quantile_over_time            the quantile
 *   double_exponential_smoothing  the smoothing factor, the trend factor; the caller has checked 0 < factor < 1
 *   predict_linear                seconds ahead, the time of the step itself in s
 */
typedef struct {
    size_t function;
    const int64_t *times; /* [n_times] */
    size_t n_times;
    int64_t range; /* ms */
    const double *params;
} obs_windows;

/* Writes `values` and `present` (0 or 1), [n_series, n_times], and `filled` [n_series]: at how many steps a series is
 * present. Where absent the value is 0. Up to `n_workers` threads take part, each with a scratch of its own. `bad` has one
 * entry a run, all 0 before. */
obs_status obs_window_apply(const obs_windows *windows, const obs_runs *runs, const obs_scratch *scratch,
                            size_t n_workers, double *values, uint8_t *present, int64_t *filled, uint8_t *bad);

/* The same rows aggregated, without ever being written: group g has the series order[ends[g - 1] : ends[g]], which are
 * taken in that order. `op` is one that needs no parameter (group.h). Writes `values` and `present`, [n_groups, n_times],
 * and `filled` as above. `rows` has a row and its group's cells for each worker. */
obs_status obs_window_reduce(const obs_windows *windows, const obs_runs *runs, size_t op, const int64_t *order,
                             const int64_t *ends, size_t n_groups, const obs_scratch *scratch,
                             const obs_group_row *rows, size_t n_workers, double *values, uint8_t *present,
                             int64_t *filled, uint8_t *bad);

#endif
