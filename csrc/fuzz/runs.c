/* Run tables: the input is a table, its buffers and the steps; every kernel over runs takes them. */
#include "../runs.h"

#include <stdlib.h>

#include "../window.h"
#include "fuzz.h"

enum { RUNS = 6, SERIES = 3, STEPS = 8, BUFFERS = 2, SAMPLES_MAX = 1 << 14 };

typedef struct {
    int64_t offsets[SERIES + 1], start[RUNS], length[RUNS], min_time[RUNS], max_time[RUNS], steps[STEPS];
    int32_t buffer[RUNS];
    uint8_t encoding[RUNS];
    int64_t range;
} table;

/* Mostly small and consistent numbers, so that the table often holds; now and then any number. */
static int64_t number(fuzz_reader *r, int64_t below)
{
    uint8_t kind = fuzz_byte(r);
    if (kind == 255)
        return (int64_t)fuzz_word(r);
    return below > 0 ? (int64_t)(fuzz_word(r) >> 40) % below : 0;
}

static int64_t add(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static void read_table(fuzz_reader *r, table *t)
{
    int64_t at = 0;
    for (size_t i = 0; i <= SERIES; i++) {
        t->offsets[i] = at;
        at = add(at, number(r, 4));
    }
    for (size_t i = 0; i < RUNS; i++) {
        t->buffer[i] = (int32_t)number(r, BUFFERS);
        t->start[i] = number(r, 32);
        t->length[i] = number(r, 96);
        t->min_time[i] = number(r, 64);
        t->max_time[i] = add(t->min_time[i], number(r, 1 << 20));
        uint8_t encoding = fuzz_byte(r) % 7;
        t->encoding[i] = encoding == 6 ? OBS_ENCODING_RAW_STARTS : encoding;
    }
    t->range = number(r, 1 << 20);
    at = number(r, 1 << 16);
    for (size_t i = 0; i < STEPS; i++) {
        t->steps[i] = at;
        at = add(at, number(r, 1 << 16));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_reader r = {data, size};
    table t;
    read_table(&r, &t);
    size_t half = r.left / 2;
    const uint8_t *buffers[BUFFERS] = {r.at, r.at + half};
    const size_t sizes[BUFFERS] = {half, r.left - half};
    const obs_runs runs = {buffers,    sizes,      BUFFERS,    t.offsets,  SERIES, t.buffer, t.start,
                           t.length,   t.encoding, t.min_time, t.max_time, RUNS};
    size_t longest, total;
    if (t.range < 0 || obs_runs_measure(&runs, INT64_MIN, INT64_MAX, &longest, &total) != OBS_OK ||
        total > SAMPLES_MAX)
        longest = total = 1; /* the kernels must refuse such a table themselves */

    int64_t *times = malloc((total + 1) * sizeof *times), *marks = malloc((longest + 1) * sizeof *marks);
    int64_t *starts = malloc((total + 1) * sizeof *starts);
    double *values = malloc((total + 1) * sizeof *values), cells[5][STEPS];
    uint64_t *ranks = malloc((longest + 1) * sizeof *ranks);
    int64_t ends[SERIES], filled[SERIES], order[SERIES];
    double out[SERIES * STEPS], params[2 * STEPS] = {0.5};
    uint8_t present[SERIES * STEPS], bad[RUNS] = {0}, there[STEPS], overflowed[STEPS];
    const obs_scratch scratch = {times, values, marks, ranks, longest};
    const obs_group_row row = {cells[0], there, cells[1], cells[2], cells[3], cells[4], overflowed};
    obs_windows windows = {0, t.steps, STEPS, t.range, params};

    if (obs_runs_decode(&runs, INT64_MIN, INT64_MAX, times, values, starts, total, ends, bad) == OBS_OK)
        FUZZ_CHECK(ends[SERIES - 1] >= 0 && (size_t)ends[SERIES - 1] <= total);
    for (size_t i = 0; i < SERIES; i++) {
        order[i] = number(&r, SERIES);
        ends[i] = number(&r, SERIES + 1);
    }
    for (; windows.function < obs_window_count(); windows.function++) {
        obs_window_apply(&windows, &runs, &scratch, 1, out, present, filled, bad);
        for (size_t op = 0; op <= obs_group_count(); op++)
            obs_window_reduce(&windows, &runs, op, order, ends, SERIES, &scratch, &row, 1, out, present, filled, bad);
    }
    free(times), free(starts), free(marks), free(values), free(ranks);
    return 0;
}
