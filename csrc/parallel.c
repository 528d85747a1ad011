#include "parallel.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    WORKERS_MAX = 64,
    TASKS_A_WORKER = 4, /* so that nobody waits long for the last */
    TILE_MIN = 64,      /* steps */
    WORTH_A_THREAD = 1 << 18 /* values, about a millisecond's; where all cores are busy, a thread waits as long for its turn */
};

typedef struct {
    obs_task task;
    void *context;
    size_t n_tasks;
    _Atomic size_t next;
    _Atomic int status;
} crew;

typedef struct {
    crew *crew;
    size_t number;
} worker;

/* Does tasks until none is left, or until `*cost` reaches `most`. */
static void work(const worker *w, size_t most, size_t *cost)
{
    crew *c = w->crew;
    while (*cost < most && atomic_load(&c->status) == OBS_OK) {
        size_t task = atomic_fetch_add(&c->next, 1);
        if (task >= c->n_tasks)
            return;
        obs_status status = c->task(c->context, task, w->number, cost);
        if (status != OBS_OK)
            atomic_store(&c->status, (int)status);
    }
}

static void *work_to_the_end(void *argument)
{
    size_t cost = 0;
    work(argument, SIZE_MAX, &cost);
    return NULL;
}

obs_status obs_parallel(size_t n_tasks, size_t n_workers, obs_task task, void *context)
{
    crew c = {.task = task, .context = context, .n_tasks = n_tasks};
    worker workers[WORKERS_MAX] = {{&c, 0}};
    pthread_t threads[WORKERS_MAX];
    size_t cost = 0, started = 1;
    n_workers = n_workers < WORKERS_MAX ? n_workers : WORKERS_MAX;
    work(&workers[0], n_workers > 1 ? WORTH_A_THREAD : SIZE_MAX, &cost);
    while (started < n_workers && atomic_load(&c.next) + started <= n_tasks) {
        workers[started] = (worker){&c, started};
        if (pthread_create(&threads[started], NULL, work_to_the_end, &workers[started]))
            break; /* as many as there are */
        started++;
    }
    work(&workers[0], SIZE_MAX, &cost);
    while (started > 1)
        pthread_join(threads[--started], NULL);
    return (obs_status)atomic_load(&c.status);
}

size_t obs_tiles(size_t n_tasks, size_t n_steps, size_t n_workers)
{
    size_t wanted = n_workers > 1 ? (TASKS_A_WORKER * n_workers + n_tasks - 1) / n_tasks : 1;
    size_t most = (n_steps + TILE_MIN - 1) / TILE_MIN;
    return wanted < most ? wanted : most;
}
