/* What window.c and the families of range functions share. Internal. */
#ifndef OBSFLOW_WINDOW_KERNELS_H
#define OBSFLOW_WINDOW_KERNELS_H

#include "bits.h"
#include "floats.h"
#include "window.h"

/* One series, without its stale markers unless the function sees them, the steps, and the row to write. */
typedef struct {
    const int64_t *times; /* [n] */
    const double *values; /* [n] */
    size_t n;
    int64_t *marks;       /* [n] free to use */
    uint64_t *ranks;      /* [n] free to use */
    const int64_t *steps; /* [n_steps] */
    size_t n_steps;
    int64_t range;
    const double *params; /* [.., params_stride], of which n_steps are meant */
    size_t params_stride;
    double *out;          /* [n_steps] */
    uint8_t *present;     /* [n_steps] */
} window_job;

typedef void (*window_kernel)(const window_job *job);

/* The samples lo : hi of a window. Start with {0, 0} and slide to one step after another. */
typedef struct {
    size_t lo, hi;
} window_span;

static inline void window_slide(window_span *w, const window_job *job, size_t step)
{
    int64_t end = job->steps[step], start = obs_time_before(end, job->range);
    while (w->hi < job->n && job->times[w->hi] <= end)
        w->hi++;
    while (w->lo < w->hi && job->times[w->lo] <= start)
        w->lo++;
}

static inline void window_put(const window_job *job, size_t step, bool present, double value)
{
    job->present[step] = present;
    job->out[step] = present ? value : 0.0;
}

/* window_rate.c */
void window_rate(const window_job *job);
void window_increase(const window_job *job);
void window_delta(const window_job *job);
void window_irate(const window_job *job);
void window_idelta(const window_job *job);
void window_changes(const window_job *job);
void window_resets(const window_job *job);

/* window_fold.c */
void window_sum(const window_job *job);
void window_avg(const window_job *job);
void window_min(const window_job *job);
void window_max(const window_job *job);
void window_count(const window_job *job);
void window_present(const window_job *job);
void window_first(const window_job *job);
void window_last(const window_job *job);
void window_stddev(const window_job *job);
void window_stdvar(const window_job *job);
void window_mad(const window_job *job);
void window_quantile(const window_job *job);
void window_ts_of_min(const window_job *job);
void window_ts_of_max(const window_job *job);
void window_ts_of_first(const window_job *job);
void window_ts_of_last(const window_job *job);

/* window_trend.c */
void window_deriv(const window_job *job);
void window_predict_linear(const window_job *job);
void window_smoothing(const window_job *job);

/* window_select.c */
void window_select(const window_job *job);
void window_select_seconds(const window_job *job);

#endif
