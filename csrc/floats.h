/* Floating point as Prometheus computes it, operation for operation. Internal. */
#ifndef OBSFLOW_FLOATS_H
#define OBSFLOW_FLOATS_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* For loops over doubles: compiled once more for processors with wider vectors, and chosen when the module is loaded. Both
 * round the same, since nothing is contracted. The sanitizers' build has the narrow ones alone, so that its tests are of
 * them. */
#if defined(__x86_64__) && defined(__GLIBC__) && !defined(__clang__) && !defined(OBS_NARROW)
#define WIDE __attribute__((target_clones("avx2", "default")))
#else
#define WIDE
#endif

/* A running sum and its compensation (Neumaier's variant of Kahan's summation). */
typedef struct {
    double sum, lost;
} obs_kahan;

static inline obs_kahan obs_kahan_add(obs_kahan k, double value)
{
    double sum = k.sum + value;
    if (isinf(sum))
        k.lost = 0;
    else if (fabs(k.sum) >= fabs(value))
        k.lost += (k.sum - sum) + value;
    else
        k.lost += (value - sum) + k.sum;
    k.sum = sum;
    return k;
}

static inline double obs_kahan_total(obs_kahan k)
{
    return isinf(k.sum) ? k.sum : k.sum + k.lost;
}

/* The q-quantile of `n` values given as ascending ranks (see obs_rank), n > 0. */
double obs_quantile(double q, const uint64_t *ranks, size_t n);

/* Sorts ranks ascending, in place. */
void obs_sort_ranks(uint64_t *ranks, size_t n);

/* A double as an integer that sorts as PromQL's quantiles do: NaN first, then by value, -0 before 0. */
static inline uint64_t obs_rank(double value)
{
    union {
        double value;
        uint64_t bits;
    } u = {value};
    if (isnan(value))
        return 0;
    return u.bits >> 63 ? ~u.bits : u.bits | (uint64_t)1 << 63;
}

static inline double obs_unrank(uint64_t rank)
{
    union {
        uint64_t bits;
        double value;
    } u = {rank >> 63 ? rank & ~((uint64_t)1 << 63) : ~rank};
    return rank ? u.value : NAN;
}

#endif
