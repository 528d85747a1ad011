#include "window.h"

#include "parallel.h"
#include "series.h"
#include "window_kernels.h"

static const struct {
    const char *name;
    window_kernel kernel;
    size_t params;
    bool sees_stale;
} FUNCTIONS[] = {
    {"rate", window_rate, 0, false},
    {"increase", window_increase, 0, false},
    {"delta", window_delta, 0, false},
    {"irate", window_irate, 0, false},
    {"idelta", window_idelta, 0, false},
    {"changes", window_changes, 0, false},
    {"resets", window_resets, 0, false},
    {"deriv", window_deriv, 0, false},
    {"predict_linear", window_predict_linear, 2, false},
    {"double_exponential_smoothing", window_smoothing, 2, false},
    {"sum_over_time", window_sum, 0, false},
    {"avg_over_time", window_avg, 0, false},
    {"min_over_time", window_min, 0, false},
    {"max_over_time", window_max, 0, false},
    {"count_over_time", window_count, 0, false},
    {"present_over_time", window_present, 0, false},
    {"first_over_time", window_first, 0, false},
    {"last_over_time", window_last, 0, false},
    {"stddev_over_time", window_stddev, 0, false},
    {"stdvar_over_time", window_stdvar, 0, false},
    {"mad_over_time", window_mad, 0, false},
    {"quantile_over_time", window_quantile, 1, false},
    {"ts_of_min_over_time", window_ts_of_min, 0, false},
    {"ts_of_max_over_time", window_ts_of_max, 0, false},
    {"ts_of_first_over_time", window_ts_of_first, 0, false},
    {"ts_of_last_over_time", window_ts_of_last, 0, false},
    {"select", window_select, 0, true},
    {"select_seconds", window_select_seconds, 0, true},
};

size_t obs_window_count(void)
{
    return sizeof FUNCTIONS / sizeof *FUNCTIONS;
}

const char *obs_window_name(size_t function)
{
    return function < obs_window_count() ? FUNCTIONS[function].name : NULL;
}

size_t obs_window_params(size_t function)
{
    return function < obs_window_count() ? FUNCTIONS[function].params : 0;
}

static bool makes_sense(const obs_windows *windows)
{
    bool ascend = true;
    for (size_t i = 1; i < windows->n_times; i++)
        ascend &= windows->times[i] >= windows->times[i - 1];
    return ascend && windows->function < obs_window_count() && windows->range >= 0 &&
           (windows->params || !FUNCTIONS[windows->function].params);
}

/* ---- one row ----------------------------------------------------------------------------------------------------- */

/* What the tasks of one call share. */
typedef struct {
    const obs_windows *windows;
    const obs_runs *runs;
    const obs_scratch *scratch; /* [worker] */
    double *values;
    uint8_t *present;
    int64_t *filled;
    uint8_t *bad;
    /* of a reduction: */
    size_t op;
    const int64_t *order, *ends;
    const obs_group_row *rows; /* [worker] */
    size_t n_tiles;
} window_call;

/* The row of one series over the steps first : first + n. */
static obs_status make_row(const window_call *call, size_t series, size_t worker, size_t first, size_t n,
                           double *values, uint8_t *present, size_t *cost)
{
    const obs_windows *windows = call->windows;
    const obs_scratch *scratch = &call->scratch[worker];
    window_job job = {
        .marks = scratch->marks,
        .ranks = scratch->ranks,
        .steps = windows->times + first,
        .n_steps = n,
        .range = windows->range,
        .params = windows->params ? windows->params + first : NULL,
        .params_stride = windows->n_times,
        .out = values,
        .present = present,
    };
    int64_t from = obs_time_before(job.steps[0], job.range);
    obs_samples samples;
    bool with_stale = FUNCTIONS[windows->function].sees_stale;
    obs_status status =
        obs_series_read(call->runs, series, from, job.steps[n - 1], with_stale, scratch, &samples, call->bad);
    if (status != OBS_OK)
        return status;
    job.times = samples.times;
    job.values = samples.values;
    job.n = samples.n;
    *cost += job.n + n;
    FUNCTIONS[windows->function].kernel(&job);
    return OBS_OK;
}

static int64_t count_present(const uint8_t *present, size_t n)
{
    int64_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += present[i];
    return count;
}

/* ---- a frame ----------------------------------------------------------------------------------------------------- */

static obs_status do_series(void *context, size_t series, size_t worker, size_t *cost)
{
    const window_call *call = context;
    size_t n = call->windows->n_times, at = series * n;
    obs_status status = make_row(call, series, worker, 0, n, call->values + at, call->present + at, cost);
    if (status == OBS_OK)
        call->filled[series] = count_present(call->present + at, n);
    return status;
}

obs_status obs_window_apply(const obs_windows *windows, const obs_runs *runs, const obs_scratch *scratch,
                            size_t n_workers, double *values, uint8_t *present, int64_t *filled, uint8_t *bad)
{
    if (!makes_sense(windows))
        return OBS_INVALID;
    if (windows->n_times == 0)
        return OBS_OK;
    window_call call = {windows, runs, scratch, values, present, filled, bad, 0, NULL, NULL, NULL, 0};
    return obs_parallel(runs->n_series, runs->n_series * windows->n_times, n_workers, do_series, &call);
}

/* ---- groups ------------------------------------------------------------------------------------------------------ */

enum { TILE_MIN = 64 /* steps */ };

/* A group is one task, or several stretches of its steps where there are few groups: the series of a group must be taken
 * in their order, so that they cannot be shared out. */
static obs_status do_tile(void *context, size_t task, size_t worker, size_t *cost)
{
    const window_call *call = context;
    size_t n = call->windows->n_times, group = task / call->n_tiles, tile = task % call->n_tiles;
    size_t first = n * tile / call->n_tiles, length = n * (tile + 1) / call->n_tiles - first;
    const obs_group_row *row = &call->rows[worker];
    size_t from = group ? (size_t)call->ends[group - 1] : 0, to = (size_t)call->ends[group];
    obs_group_begin(row, length);
    for (size_t i = from; i < to; i++) {
        size_t series = (size_t)call->order[i];
        obs_status status = make_row(call, series, worker, first, length, row->values, row->present, cost);
        if (status != OBS_OK)
            return status;
        int64_t filled = count_present(row->present, length);
        __atomic_fetch_add(&call->filled[series], filled, __ATOMIC_RELAXED);
        if (filled)
            obs_group_add(call->op, row, length);
    }
    obs_group_end(call->op, row, length, call->values + group * n + first, call->present + group * n + first);
    return OBS_OK;
}

/* Every stretch decodes all chunks that it touches, back to its first window: no more of them than keep the workers busy,
 * and none if most would be decoded twice. */
static size_t count_tiles(const obs_windows *windows, size_t n_groups, size_t n_workers)
{
    double span = (double)windows->times[windows->n_times - 1] - (double)windows->times[0];
    bool are_few = n_groups < 2 * n_workers && windows->n_times >= TILE_MIN * n_workers;
    return are_few && span > (double)windows->range ? n_workers : 1;
}

obs_status obs_window_reduce(const obs_windows *windows, const obs_runs *runs, size_t op, const int64_t *order,
                             const int64_t *ends, size_t n_groups, const obs_scratch *scratch,
                             const obs_group_row *rows, size_t n_workers, double *values, uint8_t *present,
                             int64_t *filled, uint8_t *bad)
{
    if (!makes_sense(windows) || !obs_group_folds(op) || !obs_group_lists(order, ends, runs->n_series, n_groups))
        return OBS_INVALID;
    for (size_t series = 0; series < runs->n_series; series++)
        filled[series] = 0;
    if (windows->n_times == 0 || n_groups == 0)
        return OBS_OK;
    n_workers = n_workers ? n_workers : 1;
    size_t n_tiles = count_tiles(windows, n_groups, n_workers);
    window_call call = {windows, runs, scratch, values, present, filled, bad, op, order, ends, rows, n_tiles};
    return obs_parallel(n_groups * n_tiles, runs->n_series * windows->n_times, n_workers, do_tile, &call);
}
