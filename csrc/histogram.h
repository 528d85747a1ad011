/* Quantiles of classic histograms: cumulative counts by upper bound.
 *
 *   rows        0     1     2     3     4    5               offsets [0, 4, 6]
 *   le         0.1   0.5    1   +Inf   10  +Inf              group g has the rows offsets[g] : offsets[g + 1]
 *              \_______ g0 _______/    \_ g1 _/              by ascending le; equal bounds are added up
 *
 * As Prometheus' bucketQuantile (promql/quantile.go): counts that fall are raised to the one before, silently if they
 * differ by less than 1e-12 of their size, and else with `forced`; then linear interpolation in the bucket.
 */
#ifndef OBSFLOW_HISTOGRAM_H
#define OBSFLOW_HISTOGRAM_H

#include "status.h"

/* `q` [n_steps], `le` [n_rows], `offsets` [n_groups + 1]; row i is the row rows[i] of `values` and `present`
 * [n_series, n_steps]. Scratch: `bounds` and `counts` [n_workers, n_rows]. Writes `out`, `out_present` and `forced` (1 where
 * counts were raised), [n_groups, n_steps], and `extents` [n_groups, 3]: the least and the greatest bound whose count was
 * raised, and the most it was raised by. A group is present where any of its rows is. OBS_INVALID if the offsets leave the
 * rows, or those the series. */
obs_status obs_histogram_quantile(const double *q, const double *le, const int64_t *rows, const double *values,
                                  const uint8_t *present, const int64_t *offsets, size_t n_series, size_t n_rows,
                                  size_t n_steps, size_t n_groups, double *bounds, double *counts, size_t n_workers,
                                  double *out, uint8_t *out_present, uint8_t *forced, double *extents);

#endif
