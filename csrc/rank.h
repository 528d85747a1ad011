/* Ranking: which samples of a group are the greatest, or the least, at each step.
 *
 *   topk(2, x)    values  s0  7  -  1        kept  s0  1  .  .
 *                         s1  5  5  NaN            s1  .  1  .
 *                         s2  9  6  3              s2  1  1  1
 *                         s3  5  5  2              s3  .  .  1     NaN comes last
 *
 * Which of several equal samples is pushed out is decided by a binary heap, and so the heap is kept as Go's container/heap
 * keeps it: the sample that goes first is at the root.
 */
#ifndef OBSFLOW_RANK_H
#define OBSFLOW_RANK_H

#include "status.h"

/* A sample in the heap of one step. */
typedef struct {
    double key; /* the value, or the value negated where the greatest are kept: the greatest key goes first */
    int64_t row;
} obs_rank_entry;

/* The heaps that a worker needs at least. */
size_t obs_rank_heap(const int64_t *limits, const int64_t *ends, size_t n_steps, size_t n_groups);

/* Group g has the rows order[ends[g - 1] : ends[g]] of `values` and `present` [n_rows, n_steps], and keeps limits[t] of them
 * at step t. Writes `kept` (0 or 1), [n_rows, n_steps]: all 0 before. `heaps` is [n_workers, capacity], with the capacity
 * that obs_rank_heap gives. OBS_INVALID for a row that is not there, OBS_NO_SPACE for less. */
obs_status obs_rank_keep(const double *values, const uint8_t *present, const int64_t *order, const int64_t *ends,
                         size_t n_rows, size_t n_steps, size_t n_groups, const int64_t *limits, int greatest,
                         obs_rank_entry *heaps, size_t capacity, size_t n_workers, uint8_t *kept);

#endif
