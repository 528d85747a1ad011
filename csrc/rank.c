#include "rank.h"

#include "bits.h"
#include "group.h"
#include "parallel.h"

#include <math.h>

enum { TILE = 32 /* steps: their heaps stay in the cache while the rows of a group go by */ };

/* ---- one heap -------------------------------------------------------------------------------------------------- */

/* Whether `a` goes before `b`. */
static inline bool goes_first(obs_rank_entry a, obs_rank_entry b)
{
    return isnan(a.key) || a.key > b.key;
}

static void sift_up(obs_rank_entry *heap, size_t child)
{
    while (child) {
        size_t parent = (child - 1) / 2;
        if (!goes_first(heap[child], heap[parent]))
            return;
        obs_rank_entry entry = heap[child];
        heap[child] = heap[parent];
        heap[parent] = entry;
        child = parent;
    }
}

static void sift_down(obs_rank_entry *heap, size_t n)
{
    size_t parent = 0;
    for (size_t child; (child = 2 * parent + 1) < n; parent = child) {
        child += child + 1 < n && goes_first(heap[child + 1], heap[child]);
        if (!goes_first(heap[child], heap[parent]))
            return;
        obs_rank_entry entry = heap[child];
        heap[child] = heap[parent];
        heap[parent] = entry;
    }
}

/* ---- a group over some steps ------------------------------------------------------------------------------------- */

typedef struct {
    const double *values;
    const uint8_t *present;
    const int64_t *order, *ends;
    size_t n_steps, n_tiles;
    const int64_t *limits;
    bool greatest;
    obs_rank_entry *heaps;
    size_t capacity;
    uint8_t *kept;
} rank_call;

/* Into how many entries the heaps of the steps first : first + n have to fit, for a group of `size` rows. A step that keeps
 * all of them needs none; its limit is SIZE_MAX. */
static size_t find_heaps(const int64_t *limits, size_t first, size_t n, size_t size, size_t *heap, size_t *limit)
{
    size_t total = 0;
    for (size_t t = 0; t < n; t++) {
        int64_t wanted = limits[first + t] > 0 ? limits[first + t] : 0;
        heap[t] = total;
        limit[t] = (uint64_t)wanted < size ? (size_t)wanted : SIZE_MAX;
        total += limit[t] < size ? limit[t] : 0;
    }
    return total;
}

static obs_status keep_tile(void *context, size_t task, size_t worker, size_t *cost)
{
    const rank_call *call = context;
    size_t group = task / call->n_tiles, first = task % call->n_tiles * TILE;
    size_t n = call->n_steps - first < TILE ? call->n_steps - first : TILE;
    size_t from = group ? (size_t)call->ends[group - 1] : 0, to = (size_t)call->ends[group];
    size_t heap[TILE], limit[TILE], used[TILE] = {0};
    if (find_heaps(call->limits, first, n, to - from, heap, limit) > call->capacity)
        return OBS_NO_SPACE;
    obs_rank_entry *heaps = call->heaps + worker * call->capacity;
    for (size_t i = from; i < to; i++) {
        size_t at = (size_t)call->order[i] * call->n_steps + first;
        for (size_t t = 0; t < n; t++) {
            if (!call->present[at + t] || !limit[t])
                continue;
            if (limit[t] == SIZE_MAX) {
                call->kept[at + t] = 1;
                continue;
            }
            double value = call->values[at + t];
            obs_rank_entry entry = {call->greatest ? -value : value, call->order[i]}, *own = heaps + heap[t];
            if (used[t] < limit[t]) {
                own[used[t]] = entry;
                sift_up(own, used[t]++);
            } else if (own->key > entry.key || (isnan(own->key) && !isnan(entry.key))) {
                *own = entry;
                sift_down(own, limit[t]);
            }
        }
    }
    for (size_t t = 0; t < n; t++)
        for (size_t k = 0; k < used[t]; k++)
            call->kept[(size_t)heaps[heap[t] + k].row * call->n_steps + first + t] = 1;
    *cost += (to - from) * n;
    return OBS_OK;
}

size_t obs_rank_heap(const int64_t *limits, const int64_t *ends, size_t n_steps, size_t n_groups)
{
    size_t heap[TILE], limit[TILE], largest = 0, most = 0;
    for (size_t g = 0; g < n_groups; g++) {
        size_t size = (size_t)(ends[g] - (g ? ends[g - 1] : 0));
        largest = size > largest ? size : largest;
    }
    for (size_t first = 0; first < n_steps; first += TILE) {
        size_t n = n_steps - first < TILE ? n_steps - first : TILE;
        size_t needed = find_heaps(limits, first, n, largest, heap, limit);
        most = needed > most ? needed : most;
    }
    return most;
}

obs_status obs_rank_keep(const double *values, const uint8_t *present, const int64_t *order, const int64_t *ends,
                         size_t n_rows, size_t n_steps, size_t n_groups, const int64_t *limits, int greatest,
                         obs_rank_entry *heaps, size_t capacity, size_t n_workers, uint8_t *kept)
{
    if (!obs_group_lists(order, ends, n_rows, n_groups))
        return OBS_INVALID;
    size_t n_tiles = (n_steps + TILE - 1) / TILE;
    rank_call call = {values, present, order, ends, n_steps, n_tiles, limits, greatest != 0, heaps, capacity, kept};
    return obs_parallel(n_groups * n_tiles, n_rows * n_steps, n_workers, keep_tile, &call);
}
