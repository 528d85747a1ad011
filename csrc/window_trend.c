#include "window_lanes.h"

/* ---- least squares ----------------------------------------------------------------------------------------------- */

/* Sums over the samples of each window, x in seconds from `origin`. Times are ms from the first sample, as doubles, which
 * hold them exactly. */
typedef struct {
    double origin[LANES];
    obs_kahan x[LANES], y[LANES], xy[LANES], xx[LANES];
    bool changes[LANES]; /* some sample after the first is another; a NaN is */
} sums;

/* Writes the times of a series over its marks, which are as wide and not used otherwise. */
static void offset_times(const window_job *job)
{
    double *offsets = (double *)(void *)job->marks;
    for (size_t i = 0; i < job->n; i++)
        offsets[i] = (double)obs_time_sub(job->times[i], job->times[0]);
}

static void add_rest(sums *s, size_t k, const window_job *job, const lanes *w)
{
    const double *times = (const double *)(const void *)job->marks;
    for (size_t i = w->lo[k] + w->least; i < w->lo[k] + w->n[k]; i++) {
        double x = (times[i] - s->origin[k]) / 1e3, y = job->values[i];
        s->x[k] = obs_kahan_add(s->x[k], x);
        s->y[k] = obs_kahan_add(s->y[k], y);
        s->xy[k] = obs_kahan_add(s->xy[k], x * y);
        s->xx[k] = obs_kahan_add(s->xx[k], x * x);
        s->changes[k] |= y != job->values[w->lo[k]];
    }
}

WIDE static void add_windows(sums *s, const window_job *job, const lanes *w)
{
    lane_sums x_sums = {0}, y_sums = {0}, xy_sums = {0}, xx_sums = {0};
    const double *times = (const double *)(const void *)job->marks;
    lane_words changes[VECTORS] = {{0}};
    lane_doubles first[VECTORS], origin[VECTORS];
    memcpy(origin, s->origin, sizeof origin);
    for (EACH_VECTOR(v))
        first[v] = lane_load(job->values, w, v, 0);
    for (size_t i = 0; i < w->least; i++)
        for (EACH_VECTOR(v)) {
            lane_doubles x = (lane_load(times, w, v, i) - origin[v]) / 1e3, y = lane_load(job->values, w, v, i);
            lane_sums_add(&x_sums, v, x);
            lane_sums_add(&y_sums, v, y);
            lane_sums_add(&xy_sums, v, x * y);
            lane_sums_add(&xx_sums, v, x * x);
            changes[v] |= (y != first[v]) & -(int64_t)(i > 0);
        }
    lane_sums_split(&x_sums, s->x);
    lane_sums_split(&y_sums, s->y);
    lane_sums_split(&xy_sums, s->xy);
    lane_sums_split(&xx_sums, s->xx);
    for (size_t k = 0; k < LANES; k++) {
        s->changes[k] = changes[k / LANES_A_VECTOR][k % LANES_A_VECTOR] != 0;
        add_rest(s, k, job, w);
    }
}

typedef struct {
    double slope, intercept;
} line;

/* The line through the samples of a window. A constant series has slope 0 exactly. */
static line fit(const sums *s, size_t k, const window_job *job, const lanes *w)
{
    double first = job->values[w->lo[k]], n = (double)w->n[k];
    if (!s->changes[k])
        return isinf(first) ? (line){NAN, NAN} : (line){0, first};
    double sx = s->x[k].sum + s->x[k].lost, sy = s->y[k].sum + s->y[k].lost;
    double covariance = (s->xy[k].sum + s->xy[k].lost) - sx * sy / n;
    double variance = (s->xx[k].sum + s->xx[k].lost) - sx * sx / n;
    double slope = covariance / variance;
    return (line){slope, sy / n - slope * sx / n};
}

static void fold_deriv(const window_job *job, const lanes *w, lane_values *out)
{
    sums s;
    for (size_t k = 0; k < LANES; k++)
        s.origin[k] = ((const double *)(const void *)job->marks)[w->lo[k]];
    add_windows(&s, job, w);
    for (size_t k = 0; k < LANES; k++)
        out->lane[k] = fit(&s, k, job, w).slope;
}

/* Seconds back to the ms they came from. */
static int64_t whole_ms(double seconds)
{
    double ms = round(seconds * 1000);
    return ms > -9.2e18 && ms < 9.2e18 ? (int64_t)ms : 0;
}

static void fold_prediction(const window_job *job, const lanes *w, lane_values *out)
{
    const double *ahead = job->params, *now = job->params + job->params_stride;
    sums s;
    for (size_t k = 0; k < LANES; k++)
        s.origin[k] = (double)obs_time_sub(whole_ms(now[w->step[k]]), job->times[0]);
    add_windows(&s, job, w);
    for (size_t k = 0; k < LANES; k++) {
        line trend = fit(&s, k, job, w);
        out->lane[k] = trend.slope * ahead[w->step[k]] + trend.intercept;
    }
}

void window_deriv(const window_job *job)
{
    offset_times(job);
    window_fold_lanes(job, fold_deriv, 2);
}

void window_predict_linear(const window_job *job)
{
    offset_times(job);
    window_fold_steps(job, fold_prediction, 2);
}

/* ---- double exponential smoothing (Holt) ------------------------------------------------------------------------- */

WIDE static void fold_smoothing(const window_job *job, const lanes *w, lane_values *out)
{
    const double *smoothings = job->params, *trendings = job->params + job->params_stride;
    lane_values s, t, last, slope;
    lane_doubles level[VECTORS], before[VECTORS], trend[VECTORS];
    for (size_t k = 0; k < LANES; k++) {
        s.lane[k] = smoothings[w->step[k]];
        t.lane[k] = trendings[w->step[k]];
    }
    for (EACH_VECTOR(v)) {
        lane_doubles second = lane_load(job->values, w, v, 1);
        before[v] = lane_load(job->values, w, v, 0);
        trend[v] = second - before[v];
        level[v] = s.vector[v] * second + (1 - s.vector[v]) * (before[v] + trend[v]);
    }
    for (size_t i = 2; i < w->least; i++)
        for (EACH_VECTOR(v)) {
            lane_doubles now = level[v];
            trend[v] = t.vector[v] * (now - before[v]) + (1 - t.vector[v]) * trend[v];
            level[v] = s.vector[v] * lane_load(job->values, w, v, i) + (1 - s.vector[v]) * (now + trend[v]);
            before[v] = now;
        }
    for (EACH_VECTOR(v)) {
        out->vector[v] = level[v];
        last.vector[v] = before[v];
        slope.vector[v] = trend[v];
    }
    for (size_t k = 0; k < LANES; k++)
        for (size_t i = w->lo[k] + w->least; i < w->lo[k] + w->n[k]; i++) {
            double now = out->lane[k];
            slope.lane[k] = t.lane[k] * (now - last.lane[k]) + (1 - t.lane[k]) * slope.lane[k];
            out->lane[k] = s.lane[k] * job->values[i] + (1 - s.lane[k]) * (now + slope.lane[k]);
            last.lane[k] = now;
        }
}

void window_smoothing(const window_job *job)
{
    window_fold_steps(job, fold_smoothing, 2);
}
