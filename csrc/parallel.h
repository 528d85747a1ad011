/* Tasks that do not depend on one another, on several threads. Internal.
 *
 * The caller is worker 0. Others are started once the tasks that are done say that the rest is worth it. All tasks are done
 * when the call returns; a thread that never got one ends by itself.
 */
#ifndef OBSFLOW_PARALLEL_H
#define OBSFLOW_PARALLEL_H

#include <stdbool.h>

#include "status.h"

/* Does one task and adds about how many values it touched to `*cost`. A worker does one task at a time. */
typedef obs_status (*obs_task)(void *context, size_t task, size_t worker, size_t *cost);

/* Does the tasks 0 : n_tasks on at most `n_workers` threads; the first status that is not OBS_OK ends it. `expected` is what
 * they cost at least, all together. */
obs_status obs_parallel(size_t n_tasks, size_t expected, size_t n_workers, obs_task task, void *context);

/* Into how many stretches of steps each of so many tasks is best cut, so that no worker is idle for long. */
size_t obs_tiles(size_t n_tasks, size_t n_steps, size_t n_workers);

#endif
