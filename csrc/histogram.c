#include "histogram.h"

#include <float.h>

#include "floats.h"
#include "parallel.h"

static const double SMALL_DELTA = 1e-12;

/* The buckets of one group at one step, by ascending bound. */
typedef struct {
    double *bounds, *counts;
    size_t n;
} buckets;

static bool almost_equal(double a, double b)
{
    if (isnan(a) && isnan(b))
        return true;
    double size = fabs(a) + fabs(b), difference = fabs(a - b);
    if (a == 0 || b == 0 || size < DBL_MIN)
        return difference < SMALL_DELTA * DBL_MIN;
    return difference / fmin(size, DBL_MAX) < SMALL_DELTA;
}

/* Adds a bucket; counts of equal bounds are added up. */
static void add_bucket(buckets *b, double bound, double count)
{
    if (b->n && b->bounds[b->n - 1] == bound) {
        b->counts[b->n - 1] += count;
        return;
    }
    b->bounds[b->n] = bound;
    b->counts[b->n++] = count;
}

/* Raises counts that fall; true if one fell by more than rounding explains, and then `extent` takes in where and how far. */
static bool force_monotonic(buckets *b, double extent[3])
{
    bool forced = false;
    double before = b->counts[0];
    for (size_t i = 1; i < b->n; i++) {
        double count = b->counts[i];
        if (count == before)
            continue;
        bool small = almost_equal(before, count);
        if (small || count < before) {
            b->counts[i] = before;
            if (small)
                continue;
            forced = true;
            if (b->bounds[i] < extent[0])
                extent[0] = b->bounds[i];
            if (b->bounds[i] > extent[1])
                extent[1] = b->bounds[i];
            if (before - count > extent[2])
                extent[2] = before - count;
        } else {
            before = count;
        }
    }
    return forced;
}

/* The first bucket but the last whose count reaches `rank`; n - 1 if none does. */
static size_t find_bucket(const buckets *b, double rank)
{
    size_t low = 0, high = b->n - 1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (b->counts[middle] >= rank)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static double interpolate(double q, buckets *b, uint8_t *forced, double extent[3])
{
    if (isnan(q))
        return NAN;
    if (q < 0)
        return -INFINITY;
    if (q > 1)
        return INFINITY;
    if (!(isinf(b->bounds[b->n - 1]) && b->bounds[b->n - 1] > 0))
        return NAN;
    *forced = force_monotonic(b, extent);
    if (b->n < 2 || b->counts[b->n - 1] == 0)
        return NAN;
    double rank = q * b->counts[b->n - 1];
    size_t at = find_bucket(b, rank);
    if (at == b->n - 1)
        return b->bounds[b->n - 2];
    if (at == 0 && b->bounds[0] <= 0)
        return b->bounds[0];
    double start = 0, count = b->counts[at];
    if (at > 0) {
        start = b->bounds[at - 1];
        count -= b->counts[at - 1];
        rank -= b->counts[at - 1];
    }
    return start + (b->bounds[at] - start) * (rank / count);
}

typedef struct {
    const double *q, *le;
    const int64_t *rows;
    const double *values;
    const uint8_t *present;
    const int64_t *offsets;
    size_t n_rows, n_steps;
    double *bounds, *counts;
    double *out;
    uint8_t *out_present, *forced;
    double *extents;
} histogram_call;

static obs_status do_group(void *context, size_t group, size_t worker, size_t *cost)
{
    const histogram_call *call = context;
    size_t from = (size_t)call->offsets[group], to = (size_t)call->offsets[group + 1];
    double *extent = call->extents + 3 * group;
    extent[0] = INFINITY, extent[1] = -INFINITY, extent[2] = 0;
    for (size_t t = 0; t < call->n_steps; t++) {
        buckets b = {call->bounds + worker * call->n_rows, call->counts + worker * call->n_rows, 0};
        for (size_t i = from; i < to; i++) {
            size_t cell = (size_t)call->rows[i] * call->n_steps + t;
            if (call->present[cell])
                add_bucket(&b, call->le[i], call->values[cell]);
        }
        size_t at = group * call->n_steps + t;
        call->forced[at] = 0;
        call->out_present[at] = b.n > 0;
        call->out[at] = b.n ? interpolate(call->q[t], &b, &call->forced[at], extent) : 0.0;
    }
    *cost += (to - from) * call->n_steps * 4;
    return OBS_OK;
}

obs_status obs_histogram_quantile(const double *q, const double *le, const int64_t *rows, const double *values,
                                  const uint8_t *present, const int64_t *offsets, size_t n_series, size_t n_rows,
                                  size_t n_steps, size_t n_groups, double *bounds, double *counts, size_t n_workers,
                                  double *out, uint8_t *out_present, uint8_t *forced, double *extents)
{
    for (size_t g = 0; g < n_groups; g++)
        if (offsets[g] < 0 || offsets[g + 1] < offsets[g] || (uint64_t)offsets[g + 1] > n_rows)
            return OBS_INVALID;
    for (size_t i = 0; i < n_rows; i++)
        if (rows[i] < 0 || (uint64_t)rows[i] >= n_series)
            return OBS_INVALID;
    histogram_call call = {q,      le,     rows, values,      present, offsets, n_rows, n_steps,
                           bounds, counts, out,  out_present, forced,  extents};
    return obs_parallel(n_groups, n_rows * n_steps * 4, n_workers, do_group, &call);
}
