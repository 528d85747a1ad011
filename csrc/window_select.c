#include "series.h"
#include "window_kernels.h"

/* The newest sample of each window; none if it is a stale marker. Values keep all their bits. */
static inline void select_newest(const window_job *job, bool seconds)
{
    size_t seen = 0; /* samples up to the step */
    for (size_t step = 0; step < job->n_steps; step++) {
        int64_t end = job->steps[step];
        while (seen < job->n && job->times[seen] <= end)
            seen++;
        bool found = seen && job->times[seen - 1] > obs_time_before(end, job->range) &&
                     obs_double_bits(job->values + seen - 1) != OBS_STALE_BITS;
        job->present[step] = found;
        job->out[step] = 0;
        if (found && seconds)
            job->out[step] = (double)job->times[seen - 1] / 1000;
        else if (found)
            memcpy(job->out + step, job->values + seen - 1, sizeof *job->out);
    }
}

void window_select(const window_job *job)
{
    select_newest(job, false);
}

void window_select_seconds(const window_job *job)
{
    select_newest(job, true);
}
