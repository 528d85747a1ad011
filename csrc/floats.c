#include "floats.h"

enum { INSERTION_MAX = 24 };

static void sort_by_insertion(uint64_t *ranks, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        uint64_t rank = ranks[i];
        size_t k = i;
        for (; k > 0 && ranks[k - 1] > rank; k--)
            ranks[k] = ranks[k - 1];
        ranks[k] = rank;
    }
}

static void sift_down(uint64_t *ranks, size_t root, size_t n)
{
    uint64_t rank = ranks[root];
    for (size_t child; (child = 2 * root + 1) < n; root = child) {
        child += child + 1 < n && ranks[child + 1] > ranks[child];
        if (ranks[child] <= rank)
            break;
        ranks[root] = ranks[child];
    }
    ranks[root] = rank;
}

/* Heap sort: in place, without recursion, and never quadratic, whatever the data. */
void obs_sort_ranks(uint64_t *ranks, size_t n)
{
    if (n <= INSERTION_MAX) {
        sort_by_insertion(ranks, n);
        return;
    }
    for (size_t i = n / 2; i-- > 0;)
        sift_down(ranks, i, n);
    for (size_t last = n - 1; last > 0; last--) {
        uint64_t largest = ranks[0];
        ranks[0] = ranks[last];
        ranks[last] = largest;
        sift_down(ranks, 0, last);
    }
}

double obs_quantile(double q, const uint64_t *ranks, size_t n)
{
    if (isnan(q))
        return NAN;
    if (q < 0)
        return -INFINITY;
    if (q > 1)
        return INFINITY;
    double rank = q * ((double)n - 1);
    double below = floor(rank), weight = rank - below;
    size_t lower = (size_t)below;
    size_t upper = lower + 1 < n ? lower + 1 : n - 1;
    return obs_unrank(ranks[lower]) * (1 - weight) + obs_unrank(ranks[upper]) * weight;
}
