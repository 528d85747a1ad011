#include "histogram.h"

#include <float.h>

#include "floats.h"

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

obs_status obs_histogram_quantile(const double *q, const double *le, const double *values, const uint8_t *present,
                                  const int64_t *offsets, size_t n_rows, size_t n_steps, size_t n_groups,
                                  double *bounds, double *counts, double *out, uint8_t *out_present,
                                  uint8_t *forced, double *extents)
{
    for (size_t g = 0; g < n_groups; g++) {
        double *extent = extents + 3 * g;
        extent[0] = INFINITY, extent[1] = -INFINITY, extent[2] = 0;
        if (offsets[g] < 0 || offsets[g + 1] < offsets[g] || (uint64_t)offsets[g + 1] > n_rows)
            return OBS_INVALID;
        for (size_t t = 0; t < n_steps; t++) {
            buckets b = {bounds, counts, 0};
            for (size_t row = (size_t)offsets[g]; row < (size_t)offsets[g + 1]; row++)
                if (present[row * n_steps + t])
                    add_bucket(&b, le[row], values[row * n_steps + t]);
            size_t at = g * n_steps + t;
            forced[at] = 0;
            out_present[at] = b.n > 0;
            out[at] = b.n ? interpolate(q[t], &b, &forced[at], extent) : 0.0;
        }
    }
    return OBS_OK;
}
