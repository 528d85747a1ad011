/* Label sets as pairs of symbol ids, and the same as columns: one for each name.
 *
 *   series      0               1
 *   offsets   [ 0,              2,                  5 ]     series i has the pairs offsets[i] : offsets[i + 1]
 *   names     [ name, zone,     name, job, zone ]
 *   values    [ a,    x,        b,    p,   y    ]
 *
 *   columns     name [ a, b ]   job [ 0, p ]   zone [ x, y ]     0 where a series lacks the label
 */
#ifndef OBSFLOW_LABELS_H
#define OBSFLOW_LABELS_H

#include "status.h"

typedef struct {
    const int64_t *offsets; /* [n_series + 1] */
    size_t n_series;
    const int32_t *names;  /* [n_pairs] */
    const int32_t *values; /* [n_pairs] */
    size_t n_pairs;
} obs_labels;

/* The distinct names of the series `rows`, as they first appear; `*n_names` of them. OBS_NO_SPACE if there are more than
 * `capacity`, to which the work for each pair is bounded; OBS_INVALID if a row or a pair is not there. */
obs_status obs_labels_names(const obs_labels *labels, const int64_t *rows, size_t n_rows, int32_t *names,
                            size_t capacity, size_t *n_names);

/* The columns of `n_names` names, int32 [n_names, n_rows]: the last value where a series has a name twice. Pairs of other
 * names are left out. OBS_INVALID if a row or a pair is not there. */
obs_status obs_labels_columns(const obs_labels *labels, const int64_t *rows, size_t n_rows, const int32_t *names,
                              size_t n_names, int32_t *columns);

#endif
