#include "window_lanes.h"

static void put_lanes(const window_job *job, lane_fold fold, lanes *w)
{
    lane_values out;
    if (!w->used)
        return;
    w->least = w->n[0];
    for (size_t k = 1; k < LANES; k++) {
        size_t from = k < w->used ? k : 0;
        w->lo[k] = w->lo[from];
        w->n[k] = w->n[from];
        w->step[k] = w->step[from];
        w->least = w->n[k] < w->least ? w->n[k] : w->least;
    }
    w->side_by_side = true;
    for (size_t k = 1; k < LANES; k++)
        w->side_by_side &= w->lo[k] == w->lo[0] + k;
    fold(job, w, &out);
    for (size_t k = 0; k < w->used; k++)
        for (size_t step = w->step[k]; step < w->end[k]; step++)
            window_put(job, step, true, out.lane[k]);
    w->used = 0;
}

static inline void fold_all(const window_job *job, lane_fold fold, size_t enough, bool by_step)
{
    lanes w = {.used = 0};
    window_span span = {0, 0}, before = {0, 0};
    for (size_t step = 0; step < job->n_steps; step++, before = span) {
        window_slide(&span, job, step);
        if (span.hi - span.lo < enough) {
            window_put(job, step, false, 0);
            continue;
        }
        bool again = !by_step && w.used && span.lo == before.lo && span.hi == before.hi;
        if (again) {
            w.end[w.used - 1] = step + 1;
            continue;
        }
        if (w.used == LANES)
            put_lanes(job, fold, &w);
        w.lo[w.used] = span.lo;
        w.n[w.used] = span.hi - span.lo;
        w.step[w.used] = step;
        w.end[w.used++] = step + 1;
    }
    put_lanes(job, fold, &w);
}

void window_fold_lanes(const window_job *job, lane_fold fold, size_t enough)
{
    fold_all(job, fold, enough, false);
}

void window_fold_steps(const window_job *job, lane_fold fold, size_t enough)
{
    fold_all(job, fold, enough, true);
}
