/* Tasks on threads: the input says how many, on how many threads, what each costs, and which of them fails. */
#include "../parallel.h"

#include "fuzz.h"

enum { TASKS_MAX = 256, WORKERS_MAX = 5 };

typedef struct {
    uint8_t done[TASKS_MAX], busy[WORKERS_MAX];
    size_t failing, cost;
} calls;

static obs_status count_call(void *context, size_t task, size_t worker, size_t *cost)
{
    calls *c = context;
    FUZZ_CHECK(worker < WORKERS_MAX && !c->busy[worker]);
    c->busy[worker] = 1;
    c->done[task]++;
    *cost += c->cost;
    c->busy[worker] = 0;
    return task == c->failing ? OBS_CORRUPT : OBS_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_reader r = {data, size};
    calls c = {.failing = SIZE_MAX};
    size_t n = fuzz_byte(&r), expected = (size_t)(fuzz_word(&r) >> 44);
    c.cost = (size_t)(fuzz_word(&r) >> 48);
    if (fuzz_byte(&r) < 64)
        c.failing = fuzz_byte(&r);
    obs_status status = obs_parallel(n, expected, fuzz_byte(&r) % (WORKERS_MAX + 1), count_call, &c);
    FUZZ_CHECK(status == (c.failing < n ? OBS_CORRUPT : OBS_OK));
    for (size_t task = 0; task < n; task++)
        FUZZ_CHECK(status == OBS_OK ? c.done[task] == 1 : c.done[task] <= 1);
    return 0;
}
