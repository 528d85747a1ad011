#include "window_kernels.h"

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

static inline double fold_sum(const window_job *job, size_t lo, size_t hi)
{
    obs_kahan k = {0, 0};
    for (size_t i = lo; i < hi; i++)
        k = obs_kahan_add(k, job->values[i]);
    return obs_kahan_total(k);
}

static inline double fold_avg(const window_job *job, size_t lo, size_t hi)
{
    obs_kahan k = {job->values[lo], 0};
    size_t i = lo + 1;
    for (; i < hi; i++) {
        obs_kahan next = obs_kahan_add(k, job->values[i]);
        if (isinf(next.sum))
            break;
        k = next;
    }
    double count = (double)(i - lo);
    if (i == hi)
        return k.sum / count + k.lost / count;
    /* the sum would overflow: go on with the mean */
    obs_kahan mean = {k.sum / count, k.lost / count};
    for (; i < hi; i++) {
        count = (double)(i - lo + 1);
        double q = (count - 1) / count;
        mean = obs_kahan_add((obs_kahan){q * mean.sum, q * mean.lost}, job->values[i] / count);
    }
    return mean.sum + mean.lost;
}

/* Welford's variance with compensated sums. */
static inline double fold_stdvar(const window_job *job, size_t lo, size_t hi)
{
    obs_kahan mean = {0, 0}, squares = {0, 0};
    double count = 0;
    for (size_t i = lo; i < hi; i++) {
        count++;
        double delta = job->values[i] - (mean.sum + mean.lost);
        mean = obs_kahan_add(mean, delta / count);
        squares = obs_kahan_add(squares, delta * (job->values[i] - (mean.sum + mean.lost)));
    }
    return (squares.sum + squares.lost) / count;
}

static inline double fold_stddev(const window_job *job, size_t lo, size_t hi)
{
    return sqrt(fold_stdvar(job, lo, hi));
}

void window_sum(const window_job *job)
{
    fold_windows(job, fold_sum);
}

void window_avg(const window_job *job)
{
    fold_windows(job, fold_avg);
}

void window_stdvar(const window_job *job)
{
    fold_windows(job, fold_stdvar);
}

void window_stddev(const window_job *job)
{
    fold_windows(job, fold_stddev);
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
        if (w.lo == w.hi) {
            window_put(job, step, false, 0);
            continue;
        }
        if (w.lo != before.lo || w.hi != before.hi)
            rank_window(job, w.lo, w.hi);
        window_put(job, step, true, obs_quantile(job->params[step], job->ranks, w.hi - w.lo));
    }
}
