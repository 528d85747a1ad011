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

/* What a group has seen at one step. */
typedef struct {
    double value;
    double lost; /* compensation of a sum */
    double mean;
    uint32_t count;
    uint32_t overflowed; /* an average that goes on as a mean */
} obs_group_cell;

typedef struct {
    obs_group_cell *cells; /* [n_steps] */
    uint64_t *ranks;       /* [n_rows] */
    int64_t *order;        /* [n_rows] */
    int64_t *ends;         /* [n_groups + 1] */
} obs_group_scratch;

size_t obs_group_count(void);

/* The PromQL name of an operator; NULL for an index that is none. */
const char *obs_group_name(size_t op);

/* Whether an operator needs `params`. */
int obs_group_has_param(size_t op);

/* OBS_INVALID unless all `groups` [n_rows] are below `n_groups`. `params` [n_steps] is the quantile at each step, or NULL
 * for the operators without. Writes `out` and `out_present`, [n_groups, n_steps]; where absent the value is 0. */
obs_status obs_group_reduce(size_t op, const double *values, const uint8_t *present, const int64_t *groups,
                            size_t n_rows, size_t n_steps, size_t n_groups, const double *params,
                            const obs_group_scratch *scratch, double *out, uint8_t *out_present);

#endif
