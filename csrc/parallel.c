#include "parallel.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

enum {
    WORKERS_MAX = 64,
    TASKS_A_WORKER = 4, /* so that nobody waits long for the last */
    TILE_MIN = 64,      /* steps */
    WORTH_A_THREAD = 1 << 16, /* values, some hundreds of microseconds' */
    SPINS = 200
};

/* What the workers of one call share. It lives until the last of them has seen that there is nothing left to do: a thread
 * may get to run only when the call is over, and must not be waited for. `context` is the caller's, and touched only by who
 * has a task, which the caller does wait for. */
typedef struct {
    obs_task task;
    void *context;
    size_t n_tasks;
    _Atomic size_t next;
    _Atomic int status;
    _Atomic size_t busy; /* workers that have a task, or are about to look for one */
    _Atomic size_t owners;
    pthread_mutex_t lock;
    pthread_cond_t idle;
} crew;

typedef struct {
    crew *crew;
    size_t number;
} worker;

static void disown(crew *c)
{
    if (atomic_fetch_sub(&c->owners, 1) > 1)
        return;
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->idle);
    free(c);
}

/* Does tasks until none is left, or until `*cost` reaches `most`. */
static void work(crew *c, size_t number, size_t most, size_t *cost)
{
    while (*cost < most) {
        size_t task = atomic_fetch_add(&c->next, 1);
        if (task >= c->n_tasks)
            return;
        obs_status status = c->task(c->context, task, number, cost);
        if (status != OBS_OK) {
            atomic_store(&c->status, (int)status);
            atomic_store(&c->next, c->n_tasks);
        }
    }
}

static void *work_beside(void *argument)
{
    worker w = *(worker *)argument;
    size_t cost = 0;
    free(argument);
    atomic_fetch_add(&w.crew->busy, 1);
    work(w.crew, w.number, SIZE_MAX, &cost);
    pthread_mutex_lock(&w.crew->lock);
    if (atomic_fetch_sub(&w.crew->busy, 1) == 1)
        pthread_cond_signal(&w.crew->idle);
    pthread_mutex_unlock(&w.crew->lock);
    disown(w.crew);
    return NULL;
}

/* Starts worker `number`; false where there is no memory or no thread for it. */
static bool start(crew *c, size_t number)
{
    pthread_t thread;
    worker *w = malloc(sizeof *w);
    if (!w)
        return false;
    *w = (worker){c, number};
    atomic_fetch_add(&c->owners, 1);
    if (pthread_create(&thread, NULL, work_beside, w)) {
        atomic_fetch_sub(&c->owners, 1);
        free(w);
        return false;
    }
    pthread_detach(thread);
    return true;
}

/* Until nobody has a task. They are about to end, so it is worth looking a few times before going to sleep. */
static void wait_for_others(crew *c)
{
    for (int i = 0; i < SPINS && atomic_load(&c->busy); i++)
        sched_yield();
    if (!atomic_load(&c->busy))
        return;
    pthread_mutex_lock(&c->lock);
    while (atomic_load(&c->busy))
        pthread_cond_wait(&c->idle, &c->lock);
    pthread_mutex_unlock(&c->lock);
}

static obs_status work_alone(size_t first, size_t n_tasks, obs_task task, void *context, size_t most, size_t *done)
{
    size_t cost = 0;
    for (*done = first; *done < n_tasks && cost < most; ++*done) {
        obs_status status = task(context, *done, 0, &cost);
        if (status != OBS_OK)
            return status;
    }
    return OBS_OK;
}

obs_status obs_parallel(size_t n_tasks, size_t expected, size_t n_workers, obs_task task, void *context)
{
    size_t done, cost = 0, alone = expected < WORTH_A_THREAD ? WORTH_A_THREAD - expected : 0;
    obs_status status = work_alone(0, n_tasks, task, context, n_workers > 1 ? alone : SIZE_MAX, &done);
    if (status != OBS_OK || done == n_tasks)
        return status;
    crew *c = done + 1 < n_tasks ? malloc(sizeof *c) : NULL;
    if (!c)
        return work_alone(done, n_tasks, task, context, SIZE_MAX, &done);
    *c = (crew){.task = task, .context = context, .n_tasks = n_tasks};
    atomic_init(&c->next, done);
    atomic_init(&c->owners, 1);
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->idle, NULL);
    n_workers = n_workers < WORKERS_MAX ? n_workers : WORKERS_MAX;
    for (size_t number = 1; number < n_workers && done + number < n_tasks; number++)
        if (!start(c, number))
            break;
    work(c, 0, SIZE_MAX, &cost);
    wait_for_others(c);
    status = (obs_status)atomic_load(&c->status);
    disown(c);
    return status;
}

size_t obs_tiles(size_t n_tasks, size_t n_steps, size_t n_workers)
{
    size_t wanted = n_workers > 1 ? (TASKS_A_WORKER * n_workers + n_tasks - 1) / n_tasks : 1;
    size_t most = (n_steps + TILE_MIN - 1) / TILE_MIN;
    return wanted < most ? wanted : most;
}
