#include "window_kernels.h"

/* ---- least squares ----------------------------------------------------------------------------------------------- */

typedef struct {
    double slope, intercept;
} line;

/* The line through the samples lo : hi; x is in seconds from `origin`. A constant series has slope 0 exactly. */
static line fit(const window_job *job, size_t lo, size_t hi, int64_t origin)
{
    obs_kahan x_sum = {0, 0}, y_sum = {0, 0}, xy_sum = {0, 0}, xx_sum = {0, 0};
    double first = job->values[lo];
    bool constant = true;
    for (size_t i = lo; i < hi; i++) {
        double y = job->values[i], x = (double)obs_time_sub(job->times[i], origin) / 1e3;
        constant = constant && (i == lo || y == first);
        x_sum = obs_kahan_add(x_sum, x);
        y_sum = obs_kahan_add(y_sum, y);
        xy_sum = obs_kahan_add(xy_sum, x * y);
        xx_sum = obs_kahan_add(xx_sum, x * x);
    }
    if (constant)
        return isinf(first) ? (line){NAN, NAN} : (line){0, first};
    double n = (double)(hi - lo);
    double sx = x_sum.sum + x_sum.lost, sy = y_sum.sum + y_sum.lost;
    double covariance = (xy_sum.sum + xy_sum.lost) - sx * sy / n;
    double variance = (xx_sum.sum + xx_sum.lost) - sx * sx / n;
    double slope = covariance / variance;
    return (line){slope, sy / n - slope * sx / n};
}

void window_deriv(const window_job *job)
{
    window_span w = {0, 0}, before = {0, 0};
    double slope = 0;
    for (size_t step = 0; step < job->n_steps; step++, before = w) {
        window_slide(&w, job, step);
        bool enough = w.hi - w.lo >= 2;
        if (enough && (w.lo != before.lo || w.hi != before.hi))
            slope = fit(job, w.lo, w.hi, job->times[w.lo]).slope;
        window_put(job, step, enough, slope);
    }
}

/* Seconds back to the ms they came from. */
static int64_t whole_ms(double seconds)
{
    double ms = round(seconds * 1000);
    return ms > -9.2e18 && ms < 9.2e18 ? (int64_t)ms : 0;
}

void window_predict_linear(const window_job *job)
{
    const double *ahead = job->params, *now = job->params + job->params_stride;
    window_span w = {0, 0};
    for (size_t step = 0; step < job->n_steps; step++) {
        window_slide(&w, job, step);
        if (w.hi - w.lo < 2) {
            window_put(job, step, false, 0);
            continue;
        }
        line trend = fit(job, w.lo, w.hi, whole_ms(now[step]));
        window_put(job, step, true, trend.slope * ahead[step] + trend.intercept);
    }
}

/* ---- double exponential smoothing (Holt) ------------------------------------------------------------------------- */

static double smooth(const window_job *job, size_t lo, size_t hi, double smoothing, double trending)
{
    double before = 0, level = job->values[lo], trend = job->values[lo + 1] - job->values[lo];
    for (size_t i = lo + 1; i < hi; i++) {
        double scaled = smoothing * job->values[i];
        if (i > lo + 1)
            trend = trending * (level - before) + (1 - trending) * trend;
        double carried = (1 - smoothing) * (level + trend);
        before = level;
        level = scaled + carried;
    }
    return level;
}

void window_smoothing(const window_job *job)
{
    const double *smoothing = job->params, *trending = job->params + job->params_stride;
    window_span w = {0, 0};
    for (size_t step = 0; step < job->n_steps; step++) {
        window_slide(&w, job, step);
        if (w.hi - w.lo < 2)
            window_put(job, step, false, 0);
        else
            window_put(job, step, true, smooth(job, w.lo, w.hi, smoothing[step], trending[step]));
    }
}
