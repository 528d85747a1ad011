/* Several windows of one series at once: a sum over one window is a chain of additions, each of which waits for the one
 * before, so the chains of LANES windows run side by side. Internal.
 */
#ifndef OBSFLOW_WINDOW_LANES_H
#define OBSFLOW_WINDOW_LANES_H

#include "window_kernels.h"

/* Doubles side by side, and the integers that comparing them gives: all ones or zero. The compiler makes of them what the
 * processor has. */
typedef double lane_doubles __attribute__((vector_size(32)));
typedef int64_t lane_words __attribute__((vector_size(32)));

enum { LANES_A_VECTOR = 4, VECTORS = 2, LANES = LANES_A_VECTOR * VECTORS };

#define ALWAYS __attribute__((always_inline))
#pragma GCC diagnostic ignored "-Wpsabi" /* how vectors are passed changes nothing where every function is inlined */
#define EACH_VECTOR(v) size_t v = 0; v < VECTORS; v++ /* for (EACH_VECTOR(v)) */

typedef union {
    lane_doubles vector[VECTORS];
    double lane[LANES];
} lane_values;

/* The windows values[lo : lo + n], none of them empty. `step` and `end` are the steps that have each; of two windows next
 * to each other that are the same one is enough. Lanes that are not used repeat the first. */
typedef struct {
    size_t lo[LANES], n[LANES], step[LANES], end[LANES];
    size_t used;
    size_t least;   /* the least `n` */
    bool side_by_side; /* lo[k] is lo[0] + k */
} lanes;

/* Writes the value of each lane. */
typedef void (*lane_fold)(const window_job *job, const lanes *w, lane_values *out);

/* Folds the windows of at least `enough` samples; the steps of others are absent. */
void window_fold_lanes(const window_job *job, lane_fold fold, size_t enough);

/* The same, a lane for every step, because each has parameters of its own. */
void window_fold_steps(const window_job *job, lane_fold fold, size_t enough);

/* Sample `i` of each window of a vector. */
static inline ALWAYS lane_doubles lane_load(const double *values, const lanes *w, size_t v, size_t i)
{
    const size_t *lo = w->lo + v * LANES_A_VECTOR;
    lane_doubles loaded;
    if (w->side_by_side) {
        memcpy(&loaded, values + lo[0] + i, sizeof loaded);
        return loaded;
    }
    return (lane_doubles){values[lo[0] + i], values[lo[1] + i], values[lo[2] + i], values[lo[3] + i]};
}

static inline ALWAYS lane_doubles lane_abs(lane_doubles x)
{
    return (lane_doubles)((lane_words)x & INT64_MAX);
}

/* obs_kahan_add without asking which of the two is larger: what rounding lost is exact either way (Knuth's TwoSum). */
static inline ALWAYS void lane_add(lane_doubles *sum, lane_doubles *lost, lane_doubles value)
{
    lane_doubles before = *sum, after = before + value, added = after - before;
    lane_doubles so_far = *lost + ((before - (after - added)) + (value - added));
    *lost = (lane_doubles)((lane_words)so_far & (lane_abs(after) != (lane_doubles){0} + INFINITY));
    *sum = after;
}

/* Sums and their compensations, while all lanes go on together. Only ever indexed by constants, so that they stay in
 * registers. */
typedef struct {
    lane_doubles sum[VECTORS], lost[VECTORS];
} lane_sums;

static inline ALWAYS void lane_sums_add(lane_sums *s, size_t v, lane_doubles value)
{
    lane_add(&s->sum[v], &s->lost[v], value);
}

static inline ALWAYS lane_doubles lane_sums_total(const lane_sums *s, size_t v)
{
    return s->sum[v] + s->lost[v];
}

/* The same, lane by lane, for the samples that a window has and others have not. */
static inline ALWAYS void lane_sums_split(const lane_sums *s, obs_kahan *lane)
{
    lane_values sum, lost;
    for (EACH_VECTOR(v)) {
        sum.vector[v] = s->sum[v];
        lost.vector[v] = s->lost[v];
    }
    for (size_t k = 0; k < LANES; k++)
        lane[k] = (obs_kahan){sum.lane[k], lost.lane[k]};
}

#endif
