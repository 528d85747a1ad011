/* The head: the input says what is appended, dropped and read, with as little room as there can be; whatever it is, chunks
 * decode to the samples that were taken. */
#include "../head.h"

#include <stdlib.h>
#include <string.h>

#include "../xor.h"
#include "fuzz.h"

enum { SERIES = 3, COLUMN = 8, STRETCH = 255, STEPS = 60, CLOSED = 1024, RUNS = CLOSED + SERIES, KEPT = 1 << 12, PAGES = 13, ARENA = 1 << 17 };

typedef struct {
    int64_t time;
    uint64_t bits;
} sample;

typedef struct {
    obs_head head;
    obs_head_series series[SERIES];
    int32_t owner[CLOSED], older[CLOSED], buffer[CLOSED], length[CLOSED];
    int64_t start[CLOSED], min_time[CLOSED], max_time[CLOSED];
    obs_head_page pages[PAGES];
    sample kept[SERIES][KEPT]; /* what was appended, but for what was dropped */
    size_t n_kept[SERIES];
} state;

static void grow(state *s, size_t lacking)
{
    obs_head *head = &s->head;
    if (lacking == OBS_HEAD_LACKS_PAGE) {
        FUZZ_CHECK(obs_head_add_page(head, malloc(OBS_HEAD_PAGE_BYTES)) == OBS_OK);
    } else if (lacking == OBS_HEAD_LACKS_ARENA) {
        FUZZ_CHECK(head->arena_size < ARENA);
        head->arena_size = head->arena_size + OBS_HEAD_CHUNK_BYTES_MAX < ARENA ? head->arena_size + 1100 : ARENA;
    } else {
        FUZZ_CHECK(lacking == OBS_HEAD_LACKS_CLOSED && head->closed.capacity < CLOSED);
        head->closed.capacity++;
    }
}

/* Whether there may be no more room than this takes. */
static int is_nearly_full(const state *s)
{
    for (size_t i = 0; i < SERIES; i++)
        if (s->n_kept[i] + STRETCH > KEPT)
            return 1;
    return s->head.closed.n + STRETCH > CLOSED ||
           s->head.arena_used + (SERIES + 32) * (size_t)OBS_HEAD_CHUNK_BYTES_MAX > ARENA;
}

static void keep(state *s, int64_t row, int64_t time, double value)
{
    sample *at = &s->kept[row][s->n_kept[row]++];
    at->time = time;
    memcpy(&at->bits, &value, sizeof at->bits);
}

static double any_value(fuzz_reader *r)
{
    uint8_t kind = fuzz_byte(r);
    uint64_t bits = kind < 64 ? 0x3ff0000000000000u : kind < 128 ? (uint64_t)kind << 52 : fuzz_word(r);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static int64_t any_time(fuzz_reader *r, int64_t newest)
{
    static const int64_t STRIDES[] = {1, 1000, 15000, 60000, 7200000};
    uint8_t kind = fuzz_byte(r);
    if (kind == 255)
        return (int64_t)fuzz_word(r);
    int64_t from = newest == INT64_MIN ? 0 : newest;
    return (int64_t)((uint64_t)from + (uint64_t)(STRIDES[kind % 5] * (kind / 5 % 8 ? kind / 40 + 1 : -1)));
}

static void append_column(state *s, fuzz_reader *r)
{
    int64_t rows[COLUMN], times[COLUMN], old_times[COLUMN];
    double values[COLUMN];
    uint64_t old_bits[COLUMN];
    uint8_t codes[COLUMN];
    obs_head_scratch scratch = {old_times, old_bits, COLUMN};
    const obs_head_bounds bounds = {fuzz_byte(r) ? INT64_MIN : 1000, fuzz_byte(r) % 4 ? INT64_MAX : 500};
    size_t n = 1 + fuzz_byte(r) % COLUMN, kept = 0, done = 0, lacking = 0;
    for (size_t i = 0; i < n; i++) {
        rows[i] = fuzz_byte(r) % SERIES;
        times[i] = any_time(r, s->series[rows[i]].open.time);
        values[i] = any_value(r);
    }
    if (fuzz_byte(r) == 255)
        rows[fuzz_byte(r) % n] = (int64_t)fuzz_word(r);
    obs_head_series before[SERIES];
    memcpy(before, s->series, sizeof before);
    obs_status status = obs_head_check(&s->head, &bounds, rows, times, values, n, &scratch, codes);
    FUZZ_CHECK(!memcmp(before, s->series, sizeof before));
    if (status != OBS_OK)
        return;
    for (size_t i = 0; i < n; i++) {
        if (codes[i] != OBS_HEAD_TAKEN)
            continue;
        keep(s, rows[i], times[i], values[i]);
        rows[kept] = rows[i];
        times[kept] = times[i];
        values[kept++] = values[i];
    }
    while ((status = obs_head_append(&s->head, rows, times, values, kept, &done, &lacking)) == OBS_NO_SPACE)
        grow(s, lacking);
    FUZZ_CHECK(status == OBS_OK && done == kept);
}

/* One sample, or many at one interval. */
static void take(state *s, fuzz_reader *r)
{
    const obs_head_bounds bounds = {INT64_MIN, INT64_MAX};
    int64_t row = fuzz_byte(r) % SERIES, newest = s->series[row].open.time, time = any_time(r, newest);
    uint64_t interval = (uint64_t)time - (uint64_t)newest;
    double value = any_value(r), change = any_value(r);
    size_t lacking, n = fuzz_byte(r) % 2 ? fuzz_byte(r) : 1;
    for (size_t i = 0; i < n; i++, time = (int64_t)((uint64_t)time + interval), value += change) {
        uint8_t code;
        obs_status status;
        while ((status = obs_head_take(&s->head, &bounds, row, time, value, &code, &lacking)) == OBS_NO_SPACE)
            grow(s, lacking);
        FUZZ_CHECK(status == OBS_OK);
        if (code == OBS_HEAD_TAKEN)
            keep(s, row, time, value);
    }
}

static void mark(state *s, fuzz_reader *r)
{
    int64_t row = fuzz_byte(r) % SERIES, time = any_time(r, s->series[row].open.time);
    size_t lacking;
    while (obs_head_mark_newest(&s->head, row, time, any_value(r), &lacking) == OBS_NO_SPACE)
        grow(s, lacking);
}

/* When the first chunk of a series starts; INT64_MAX where there is none. */
static int64_t first_time(const state *s, size_t row)
{
    int64_t first = s->series[row].open.count ? s->series[row].first : INT64_MAX;
    for (int32_t at = s->series[row].newest; at >= 0; at = s->older[at])
        first = s->min_time[at] < first ? s->min_time[at] : first;
    return first;
}

static void forget(state *s, int64_t before)
{
    obs_head_forget(&s->head, before);
    for (int64_t row = 0; row < SERIES; row++) {
        int64_t first = first_time(s, (size_t)row);
        size_t gone = 0, n = s->n_kept[row];
        for (; gone < n && s->kept[row][gone].time < first; gone++)
            FUZZ_CHECK(s->kept[row][gone].time < before);
        memmove(s->kept[row], s->kept[row] + gone, (n - gone) * sizeof(sample));
        s->n_kept[row] = n - gone;
        FUZZ_CHECK((obs_head_release(&s->head, &row, first == INT64_MAX) == OBS_OK));
    }
}

static void compare(const state *s)
{
    static uint8_t copies[SERIES * OBS_HEAD_CHUNK_BYTES_MAX];
    static int64_t start[RUNS], length[RUNS], min_time[RUNS], max_time[RUNS], times[512];
    static int32_t buffer[RUNS];
    static double values[512];
    int64_t rows[SERIES], offsets[SERIES + 1];
    size_t size, count;
    for (size_t i = 0; i < SERIES; i++)
        rows[i] = (int64_t)i;
    FUZZ_CHECK(obs_head_count_runs(&s->head, rows, SERIES, INT64_MIN, INT64_MAX, offsets, &size) == OBS_OK);
    obs_head_runs runs = {offsets, buffer, start, length, min_time, max_time, RUNS, copies, sizeof copies, -1};
    FUZZ_CHECK(obs_head_fill_runs(&s->head, rows, SERIES, INT64_MIN, INT64_MAX, &runs) == OBS_OK);
    for (size_t i = 0; i < SERIES; i++) {
        const sample *next = s->kept[i], *end = next + s->n_kept[i];
        for (int64_t k = offsets[i]; k < offsets[i + 1]; k++) {
            const uint8_t *from = (buffer[k] < 0 ? copies : s->head.arena) + start[k];
            FUZZ_CHECK(obs_xor_decode(from, (size_t)length[k], times, values, 512, &count) == OBS_OK && count);
            FUZZ_CHECK(times[0] == min_time[k] && times[count - 1] == max_time[k]);
            for (size_t j = 0; j < count; j++, next++)
                FUZZ_CHECK(next < end && next->time == times[j] && !memcmp(&next->bits, values + j, sizeof *values));
        }
        FUZZ_CHECK(next == end);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static state s;
    memset(&s, 0, sizeof s);
    fuzz_reader r = {data, size};
    obs_head *head = &s.head;
    head->series = s.series;
    head->n_series = SERIES;
    head->chunk_range = fuzz_byte(&r) % 2 ? 7200000 : 60000;
    head->closed = (obs_head_closed){s.owner, s.older, s.buffer, s.start, s.length, s.min_time, s.max_time, 0, 0};
    head->arena = malloc(ARENA);
    head->pages.table = s.pages;
    head->pages.capacity = PAGES;
    obs_head_start(head, 0);
    for (size_t i = 0; i < STEPS && r.left && !is_nearly_full(&s); i++) {
        uint8_t what = fuzz_byte(&r);
        if (what < 130)
            append_column(&s, &r);
        else if (what < 220)
            take(&s, &r);
        else if (what < 235)
            mark(&s, &r);
        else
            forget(&s, any_time(&r, s.series[what % SERIES].open.time));
        compare(&s);
    }
    for (size_t i = 0; i < head->pages.n; i++)
        free(s.pages[i].bytes);
    free(head->arena);
    return 0;
}
