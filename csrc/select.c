#include "select.h"

#include "bits.h"
#include "series.h"

static void select_row(const obs_scratch *samples, size_t n, const int64_t *times, size_t n_times, int64_t lookback,
                       double *values, uint8_t *present, int64_t *sample_times)
{
    size_t seen = 0; /* samples up to the step */
    for (size_t s = 0; s < n_times; s++) {
        while (seen < n && samples->times[seen] <= times[s])
            seen++;
        bool found = seen && samples->times[seen - 1] > obs_time_before(times[s], lookback) &&
                     obs_double_bits(samples->values + seen - 1) != OBS_STALE_BITS;
        values[s] = 0;
        if (found)
            memcpy(values + s, samples->values + seen - 1, sizeof *values);
        present[s] = found;
        if (sample_times)
            sample_times[s] = found ? samples->times[seen - 1] : 0;
    }
}

obs_status obs_select_instant(const obs_runs *runs, const int64_t *times, size_t n_times, int64_t lookback,
                              const obs_scratch *scratch, double *values, uint8_t *present, int64_t *sample_times,
                              uint8_t *bad)
{
    if (n_times == 0)
        return OBS_OK;
    if (lookback < 0)
        return OBS_INVALID;
    int64_t from = obs_time_before(times[0], lookback);
    for (size_t series = 0; series < runs->n_series; series++) {
        size_t n, row = series * n_times;
        obs_status status = obs_series_decode(runs, series, from, times[n_times - 1], scratch, &n, bad);
        if (status != OBS_OK)
            return status;
        select_row(scratch, n, times, n_times, lookback, values + row, present + row,
                   sample_times ? sample_times + row : NULL);
    }
    return OBS_OK;
}
