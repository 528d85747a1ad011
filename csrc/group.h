/* Aggregation: many series to one value a group and step.
 *
 *   values   [series, steps]      groups [series]          out [groups, steps]
 *            s0  x  x  -  x               0          g0    f(s0, s2)
 *            s1  x  -  -  x               1          g1    f(s1)
 *            s2  x  x  -  x               0                absent where no series of the group is present
 *
 * Series are taken in row order and with Prometheus' operations (promql/engine.go), so that the bits of a result are
 * the same. Operators are known by their index, below obs_group_count.
 */
#ifndef OBSFLOW_GROUP_H
#define OBSFLOW_GROUP_H

#include "status.h"

/* A row of one series, and what its group has seen at each step: a column for every field, so that steps are worked on
 * side by side. */
typedef struct {
    double *values;   /* [n] */
    uint8_t *present; /* [n] */
    double *count;    /* [n] series that were present; whole, and a double as that is what it is used with */
    double *value;    /* [n] */
    double *lost;     /* [n] compensation of a sum */
    double *mean;     /* [n] */
    uint8_t *overflowed; /* [n] an average that goes on as a mean */
} obs_group_row;

size_t obs_group_count(void);

/* The PromQL name of an operator; NULL for an index that is none. */
const char *obs_group_name(size_t op);

/* Whether an operator needs `params`. */
int obs_group_has_param(size_t op);

/* Whether an operator can take series one by one, as below. */
int obs_group_folds(size_t op);

/* A group over `n` steps: begin, add `values` and `present` of one series after another, end. */
void obs_group_begin(const obs_group_row *row, size_t n);
void obs_group_add(size_t op, const obs_group_row *row, size_t n);
void obs_group_end(size_t op, const obs_group_row *row, size_t n, double *out, uint8_t *out_present);

/* Sorts rows by group, keeping their order: group g gets order[ends[g - 1] : ends[g]]. `ends` has room for one more than
 * there are groups. OBS_INVALID unless all `groups` [n_rows] are below `n_groups`. */
obs_status obs_group_sort(const int64_t *groups, size_t n_rows, size_t n_groups, int64_t *order, int64_t *ends);

/* Whether such lists name nothing but rows below n_rows. */
int obs_group_lists(const int64_t *order, const int64_t *ends, size_t n_rows, size_t n_groups);

/* Group g has the rows order[ends[g - 1] : ends[g]] of `values` and `present` [n_rows, n_steps]; OBS_INVALID for a row
 * that is not there. `params` [n_steps] is the quantile at each step, or NULL for the operators without. Writes `out` and
 * `out_present`, [n_groups, n_steps]; where absent the value is 0. `rows` has the cells for each worker (its `values` and
 * `present` are not used), `ranks` is [n_workers, n_rows]. */
obs_status obs_group_reduce(size_t op, const double *values, const uint8_t *present, const int64_t *order,
                            const int64_t *ends, size_t n_rows, size_t n_steps, size_t n_groups, const double *params,
                            const obs_group_row *rows, uint64_t *ranks, size_t n_workers, double *out,
                            uint8_t *out_present);

#endif
