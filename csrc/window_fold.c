#include "window_lanes.h"

/* A fold sees only the samples of a window, so that two steps with the same samples have the same value. */
typedef double (*fold)(const window_job *job, size_t lo, size_t hi);

static inline void fold_windows(const window_job *job, fold apply)
{
    window_span w = {0, 0}, before = {0, 0};
    double value = 0;
    for (size_t step = 0; step < job->n_steps; step++, before = w) {
        window_slide(&w, job, step);
        if (w.lo == w.hi) {
            window_put(job, step, false, 0);
            continue;
        }
        if (w.lo != before.lo || w.hi != before.hi)
            value = apply(job, w.lo, w.hi);
        window_put(job, step, true, value);
    }
}

/* ---- sums -------------------------------------------------------------------------------------------------------- */

WIDE static void fold_sum(const window_job *job, const lanes *w, lane_values *out)
{
    lane_sums s = {0};
    obs_kahan lane[LANES];
    for (size_t i = 0; i < w->least; i++)
        for (EACH_VECTOR(v))
            lane_sums_add(&s, v, lane_load(job->values, w, v, i));
    lane_sums_split(&s, lane);
    for (size_t k = 0; k < LANES; k++) {
        for (size_t i = w->least; i < w->n[k]; i++)
            lane[k] = obs_kahan_add(lane[k], job->values[w->lo[k] + i]);
        out->lane[k] = obs_kahan_total(lane[k]);
    }
}

/* An average whose sum would overflow: from there on with the mean. */
static double average_by_mean(const double *values, size_t n)
{
    obs_kahan k = {values[0], 0};
    size_t i = 1;
    for (; i < n; i++) {
        obs_kahan next = obs_kahan_add(k, values[i]);
        if (isinf(next.sum))
            break;
        k = next;
    }
    double count = (double)i;
    if (i == n)
        return k.sum / count + k.lost / count;
    obs_kahan mean = {k.sum / count, k.lost / count};
    for (; i < n; i++) {
        count = (double)(i + 1);
        double q = (count - 1) / count;
        mean = obs_kahan_add((obs_kahan){q * mean.sum, q * mean.lost}, values[i] / count);
    }
    return mean.sum + mean.lost;
}

WIDE static void fold_avg(const window_job *job, const lanes *w, lane_values *out)
{
    lane_sums s = {0};
    obs_kahan lane[LANES];
    for (EACH_VECTOR(v))
        s.sum[v] = lane_load(job->values, w, v, 0);
    for (size_t i = 1; i < w->least; i++)
        for (EACH_VECTOR(v))
            lane_sums_add(&s, v, lane_load(job->values, w, v, i));
    lane_sums_split(&s, lane);
    for (size_t k = 0; k < LANES; k++) {
        const double *values = job->values + w->lo[k];
        double count = (double)w->n[k];
        for (size_t i = w->least; i < w->n[k]; i++)
            lane[k] = obs_kahan_add(lane[k], values[i]);
        bool overflows = !isfinite(lane[k].sum);
        out->lane[k] = overflows ? average_by_mean(values, w->n[k]) : lane[k].sum / count + lane[k].lost / count;
    }
}

/* Welford's variance with compensated sums. */
WIDE static void fold_stdvar(const window_job *job, const lanes *w, lane_values *out)
{
    lane_sums means = {0}, squares = {0};
    obs_kahan mean[LANES], square[LANES];
    for (size_t i = 0; i < w->least; i++)
        for (EACH_VECTOR(v)) {
            lane_doubles value = lane_load(job->values, w, v, i), delta = value - lane_sums_total(&means, v);
            lane_sums_add(&means, v, delta / (double)(i + 1));
            lane_sums_add(&squares, v, delta * (value - lane_sums_total(&means, v)));
        }
    lane_sums_split(&means, mean);
    lane_sums_split(&squares, square);
    for (size_t k = 0; k < LANES; k++) {
        for (size_t i = w->least; i < w->n[k]; i++) {
            double value = job->values[w->lo[k] + i], delta = value - (mean[k].sum + mean[k].lost);
            mean[k] = obs_kahan_add(mean[k], delta / (double)(i + 1));
            square[k] = obs_kahan_add(square[k], delta * (value - (mean[k].sum + mean[k].lost)));
        }
        out->lane[k] = (square[k].sum + square[k].lost) / (double)w->n[k];
    }
}

static void fold_stddev(const window_job *job, const lanes *w, lane_values *out)
{
    fold_stdvar(job, w, out);
    for (size_t k = 0; k < LANES; k++)
        out->lane[k] = sqrt(out->lane[k]);
}

void window_sum(const window_job *job)
{
    window_fold_lanes(job, fold_sum, 1);
}

void window_avg(const window_job *job)
{
    window_fold_lanes(job, fold_avg, 1);
}

void window_stdvar(const window_job *job)
{
    window_fold_lanes(job, fold_stdvar, 1);
}

void window_stddev(const window_job *job)
{
    window_fold_lanes(job, fold_stddev, 1);
}

/* ---- extremes ---------------------------------------------------------------------------------------------------- */

typedef bool (*order)(double value, double best);
typedef double (*answer)(const window_job *job, size_t at);

static inline bool lower(double value, double best)
{
    return value < best;
}

static inline bool higher(double value, double best)
{
    return value > best;
}

static inline bool lower_or_equal(double value, double best)
{
    return value <= best;
}

static inline bool higher_or_equal(double value, double best)
{
    return value >= best;
}

static inline double value_at(const window_job *job, size_t at)
{
    return job->values[at];
}

static inline double seconds_at(const window_job *job, size_t at)
{
    return (double)job->times[at] / 1000;
}

/* The marks head : tail are the samples that may still become the extreme, each beaten by none that came after it; the
 * first that is in the window is the extreme. NaNs never are, unless there is nothing else: then the last. */
static inline void slide_extreme(const window_job *job, order beats, answer give)
{
    int64_t *marks = job->marks;
    size_t head = 0, tail = 0, seen = 0;
    window_span w = {0, 0};
    for (size_t step = 0; step < job->n_steps; step++) {
        window_slide(&w, job, step);
        for (; seen < w.hi; seen++) {
            double value = job->values[seen];
            if (isnan(value))
                continue;
            while (tail > head && beats(value, job->values[marks[tail - 1]]))
                tail--;
            marks[tail++] = (int64_t)seen;
        }
        while (head < tail && (size_t)marks[head] < w.lo)
            head++;
        if (w.lo == w.hi)
            window_put(job, step, false, 0);
        else
            window_put(job, step, true, give(job, head < tail ? (size_t)marks[head] : w.hi - 1));
    }
}

void window_min(const window_job *job)
{
    slide_extreme(job, lower, value_at);
}

void window_max(const window_job *job)
{
    slide_extreme(job, higher, value_at);
}

void window_ts_of_min(const window_job *job)
{
    slide_extreme(job, lower_or_equal, seconds_at);
}

void window_ts_of_max(const window_job *job)
{
    slide_extreme(job, higher_or_equal, seconds_at);
}

/* ---- counts and ends --------------------------------------------------------------------------------------------- */

static inline double fold_count(const window_job *job, size_t lo, size_t hi)
{
    (void)job;
    return (double)(hi - lo);
}

static inline double fold_present(const window_job *job, size_t lo, size_t hi)
{
    (void)job, (void)lo, (void)hi;
    return 1;
}

static inline double fold_first(const window_job *job, size_t lo, size_t hi)
{
    (void)hi;
    return job->values[lo];
}

static inline double fold_last(const window_job *job, size_t lo, size_t hi)
{
    (void)lo;
    return job->values[hi - 1];
}

static inline double fold_ts_of_first(const window_job *job, size_t lo, size_t hi)
{
    (void)hi;
    return seconds_at(job, lo);
}

static inline double fold_ts_of_last(const window_job *job, size_t lo, size_t hi)
{
    (void)lo;
    return seconds_at(job, hi - 1);
}

void window_count(const window_job *job)
{
    fold_windows(job, fold_count);
}

void window_present(const window_job *job)
{
    fold_windows(job, fold_present);
}

void window_first(const window_job *job)
{
    fold_windows(job, fold_first);
}

void window_last(const window_job *job)
{
    fold_windows(job, fold_last);
}

void window_ts_of_first(const window_job *job)
{
    fold_windows(job, fold_ts_of_first);
}

void window_ts_of_last(const window_job *job)
{
    fold_windows(job, fold_ts_of_last);
}

/* ---- quantiles --------------------------------------------------------------------------------------------------- */

static void rank_window(const window_job *job, size_t lo, size_t hi)
{
    for (size_t i = lo; i < hi; i++)
        job->ranks[i - lo] = obs_rank(job->values[i]);
    obs_sort_ranks(job->ranks, hi - lo);
}

/* How many of the `n` ascending ranks are below `rank`. */
static size_t count_below(const uint64_t *ranks, size_t n, uint64_t rank)
{
    size_t low = 0;
    while (n > 0) {
        size_t half = n / 2;
        bool above = ranks[low + half] < rank;
        low += above ? half + 1 : 0;
        n = above ? n - half - 1 : half;
    }
    return low;
}

/* Brings the sorted ranks of one window to the next: what went out and what came in, if that is less than all. */
static void slide_ranks(const window_job *job, window_span before, window_span w)
{
    size_t n = before.hi - before.lo, gone = w.lo - before.lo, come = w.hi - before.hi;
    if (w.lo >= before.hi || 4 * (gone + come) > n) {
        rank_window(job, w.lo, w.hi);
        return;
    }
    for (size_t i = before.lo; i < w.lo; i++) {
        size_t at = count_below(job->ranks, n, obs_rank(job->values[i]));
        n--;
        memmove(job->ranks + at, job->ranks + at + 1, (n - at) * sizeof *job->ranks);
    }
    for (size_t i = before.hi; i < w.hi; i++) {
        uint64_t rank = obs_rank(job->values[i]);
        size_t at = count_below(job->ranks, n, rank);
        memmove(job->ranks + at + 1, job->ranks + at, (n - at) * sizeof *job->ranks);
        job->ranks[at] = rank;
        n++;
    }
}

static inline double fold_mad(const window_job *job, size_t lo, size_t hi)
{
    rank_window(job, lo, hi);
    double median = obs_quantile(0.5, job->ranks, hi - lo);
    if (job->ranks[0] == obs_rank(NAN))
        return NAN;
    for (size_t i = lo; i < hi; i++)
        job->ranks[i - lo] = obs_rank(fabs(job->values[i] - median));
    obs_sort_ranks(job->ranks, hi - lo);
    return obs_quantile(0.5, job->ranks, hi - lo);
}

void window_mad(const window_job *job)
{
    fold_windows(job, fold_mad);
}

void window_quantile(const window_job *job)
{
    window_span w = {0, 0}, before = {0, 0};
    for (size_t step = 0; step < job->n_steps; step++, before = w) {
        window_slide(&w, job, step);
        slide_ranks(job, before, w);
        if (w.lo == w.hi)
            window_put(job, step, false, 0);
        else
            window_put(job, step, true, obs_quantile(job->params[step], job->ranks, w.hi - w.lo));
    }
}
