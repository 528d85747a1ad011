#include "window_kernels.h"

/* ---- rate, increase, delta ------------------------------------------------------------------------------------ */

/* The seconds of a range, as Go's Duration.Seconds divides them. */
static double range_seconds(int64_t range)
{
    return (double)(range / 1000) + (double)(range % 1000 * 1000000) / 1e9;
}

/* Marks every sample that is lower than the one before it; returns how many there are. */
static size_t mark_resets(const window_job *job)
{
    size_t found = 0;
    for (size_t i = 1; i < job->n; i++) {
        job->marks[found] = (int64_t)i;
        found += job->values[i] < job->values[i - 1];
    }
    return found;
}

/* How far the samples of a window reach, in seconds. It is the same at most steps of a regular series. */
typedef struct {
    int64_t first, last; /* ms from the window's start to its first sample, and from the last to the end */
    int64_t length;      /* ms between first and last */
    size_t intervals;
    double sampled, to_start, to_end;
} reach;

static void measure_reach(reach *r, int64_t first, int64_t last, int64_t length, size_t intervals)
{
    if (first == r->first && last == r->last && length == r->length && intervals == r->intervals)
        return;
    *r = (reach){first, last, length, intervals, (double)length / 1000, (double)first / 1000, (double)last / 1000};
    double average = r->sampled / (double)intervals, threshold = average * 1.1;
    r->to_start = r->to_start >= threshold ? average / 2 : r->to_start;
    r->to_end = r->to_end >= threshold ? average / 2 : r->to_end;
}

static inline void extrapolate(const window_job *job, bool counter, bool per_second)
{
    double seconds = range_seconds(job->range);
    size_t n_resets = counter ? mark_resets(job) : 0, next_reset = 0;
    window_span w = {0, 0};
    reach r = {0};
    for (size_t step = 0; step < job->n_steps; step++) {
        window_slide(&w, job, step);
        if (w.hi - w.lo < 2) {
            window_put(job, step, false, 0);
            continue;
        }
        double first = job->values[w.lo], increase = job->values[w.hi - 1] - first;
        while (next_reset < n_resets && (size_t)job->marks[next_reset] <= w.lo)
            next_reset++;
        for (size_t k = next_reset; k < n_resets && (size_t)job->marks[k] < w.hi; k++)
            increase += job->values[job->marks[k] - 1];

        int64_t end = job->steps[step], newest = job->times[w.hi - 1], oldest = job->times[w.lo];
        measure_reach(&r, obs_time_sub(oldest, obs_time_before(end, job->range)), obs_time_sub(end, newest),
                      obs_time_sub(newest, oldest), w.hi - w.lo - 1);
        double to_start = r.to_start;
        if (counter && increase > 0 && first >= 0) {
            /* a counter is never extrapolated below zero */
            double to_zero = r.sampled * (first / increase);
            to_start = to_zero < to_start ? to_zero : to_start;
        }
        double factor = r.sampled != 0 ? (r.sampled + to_start + r.to_end) / r.sampled : 1;
        if (per_second)
            factor /= seconds;
        window_put(job, step, true, increase * factor);
    }
}

void window_rate(const window_job *job)
{
    extrapolate(job, true, true);
}

void window_increase(const window_job *job)
{
    extrapolate(job, true, false);
}

void window_delta(const window_job *job)
{
    extrapolate(job, false, false);
}

/* ---- irate, idelta --------------------------------------------------------------------------------------------- */

static inline void newest_two(const window_job *job, bool rate)
{
    window_span w = {0, 0};
    for (size_t step = 0; step < job->n_steps; step++) {
        window_slide(&w, job, step);
        size_t last = w.hi - 1;
        if (w.hi - w.lo < 2 || job->times[last] == job->times[last - 1]) {
            window_put(job, step, false, 0);
            continue;
        }
        double newest = job->values[last], previous = job->values[last - 1];
        double change = rate && newest < previous ? newest : newest - previous;
        if (rate)
            change /= (double)obs_time_sub(job->times[last], job->times[last - 1]) / 1000;
        window_put(job, step, true, change);
    }
}

void window_irate(const window_job *job)
{
    newest_two(job, true);
}

void window_idelta(const window_job *job)
{
    newest_two(job, false);
}

/* ---- changes, resets --------------------------------------------------------------------------------------------- */

static inline bool differs(double previous, double value)
{
    return value != previous && !(isnan(value) && isnan(previous));
}

static inline bool drops(double previous, double value)
{
    return value < previous;
}

/* Counts pairs of neighbours in the window: marks[i] is how many there are up to sample i of the series. */
static inline void count_pairs(const window_job *job, bool (*counts)(double previous, double value))
{
    int64_t found = 0;
    for (size_t i = 0; i < job->n; i++) {
        found += i > 0 && counts(job->values[i - 1], job->values[i]);
        job->marks[i] = found;
    }
    window_span w = {0, 0};
    for (size_t step = 0; step < job->n_steps; step++) {
        window_slide(&w, job, step);
        if (w.lo == w.hi)
            window_put(job, step, false, 0);
        else
            window_put(job, step, true, (double)(job->marks[w.hi - 1] - job->marks[w.lo]));
    }
}

void window_changes(const window_job *job)
{
    count_pairs(job, differs);
}

void window_resets(const window_job *job)
{
    count_pairs(job, drops);
}
