#include "window.h"

#include "series.h"
#include "window_kernels.h"

static const struct {
    const char *name;
    window_kernel kernel;
    size_t params;
} FUNCTIONS[] = {
    {"rate", window_rate, 0},
    {"increase", window_increase, 0},
    {"delta", window_delta, 0},
    {"irate", window_irate, 0},
    {"idelta", window_idelta, 0},
    {"changes", window_changes, 0},
    {"resets", window_resets, 0},
    {"deriv", window_deriv, 0},
    {"predict_linear", window_predict_linear, 2},
    {"double_exponential_smoothing", window_smoothing, 2},
    {"sum_over_time", window_sum, 0},
    {"avg_over_time", window_avg, 0},
    {"min_over_time", window_min, 0},
    {"max_over_time", window_max, 0},
    {"count_over_time", window_count, 0},
    {"present_over_time", window_present, 0},
    {"first_over_time", window_first, 0},
    {"last_over_time", window_last, 0},
    {"stddev_over_time", window_stddev, 0},
    {"stdvar_over_time", window_stdvar, 0},
    {"mad_over_time", window_mad, 0},
    {"quantile_over_time", window_quantile, 1},
    {"ts_of_min_over_time", window_ts_of_min, 0},
    {"ts_of_max_over_time", window_ts_of_max, 0},
    {"ts_of_first_over_time", window_ts_of_first, 0},
    {"ts_of_last_over_time", window_ts_of_last, 0},
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

obs_status obs_window_apply(size_t function, const obs_runs *runs, const int64_t *times, size_t n_times,
                            int64_t range, const double *params, const obs_scratch *scratch, double *values,
                            uint8_t *present, uint8_t *bad)
{
    if (function >= obs_window_count() || range < 0 || (FUNCTIONS[function].params && !params))
        return OBS_INVALID;
    if (n_times == 0)
        return OBS_OK;
    window_job job = {
        .times = scratch->times,
        .values = scratch->values,
        .marks = scratch->marks,
        .ranks = scratch->ranks,
        .steps = times,
        .n_steps = n_times,
        .range = range,
        .params = params,
    };
    int64_t from = obs_time_before(times[0], range);
    for (size_t series = 0; series < runs->n_series; series++) {
        obs_status status = obs_series_decode(runs, series, from, times[n_times - 1], scratch, &job.n, bad);
        if (status != OBS_OK)
            return status;
        job.n = obs_series_drop_stale(scratch, job.n);
        job.out = values + series * n_times;
        job.present = present + series * n_times;
        FUNCTIONS[function].kernel(&job);
    }
    return OBS_OK;
}
