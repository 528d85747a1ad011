#include "head.h"

#include "head_slots.h"
#include "xor_write.h"

enum {
    FIRST_BYTES = 160, /* what a series' first chunk is expected to need */
    CUT_BYTES = 1005, /* a chunk of more is full: 1024 less what the longest sample takes */
    AHEAD = 8         /* how many samples ahead the series are fetched */
};

obs_status obs_head_add_page(obs_head *head, uint8_t *bytes)
{
    obs_head_pages *pages = &head->pages;
    if (pages->n >= pages->capacity || pages->n >= SLOT_PAGES_MAX)
        return OBS_NO_SPACE;
    pages->table[pages->n++] = (obs_head_page){.bytes = bytes};
    link_page(pages, &pages->empty, (int32_t)pages->n);
    return OBS_OK;
}

void obs_head_start(obs_head *head, size_t first)
{
    for (size_t i = first; i < head->n_series; i++)
        head->series[i] = (obs_head_series){.open = {.time = INT64_MIN}, .slot = -1, .newest = -1};
}

static inline bool has_row(const obs_head *head, int64_t row)
{
    return row >= 0 && (size_t)row < head->n_series;
}

/* ---- taking samples ------------------------------------------------------------------------------------------ */

static uint8_t classify(const obs_head_series *series, const obs_head_bounds *bounds, int64_t time, uint64_t bits)
{
    if (time == INT64_MIN) /* stands for no sample */
        return OBS_HEAD_OUT_OF_BOUNDS;
    if (time >= bounds->min_time) {
        if (time > series->open.time)
            return OBS_HEAD_TAKEN;
        if (time == series->open.time)
            return bits == series->open.bits ? OBS_HEAD_REPEATED : OBS_HEAD_CONTRADICTS;
    }
    if (bounds->late_from != INT64_MAX)
        return time >= bounds->late_from ? OBS_HEAD_LATE : OBS_HEAD_TOO_OLD;
    return time < bounds->min_time ? OBS_HEAD_OUT_OF_BOUNDS : OBS_HEAD_OUT_OF_ORDER;
}

obs_status obs_head_check(obs_head *head, const obs_head_bounds *bounds, const int64_t *rows, const int64_t *times,
                          const double *values, size_t n, obs_head_scratch *scratch, uint8_t *codes)
{
    if (n > scratch->capacity)
        return OBS_NO_SPACE;
    obs_status status = OBS_OK;
    size_t i = 0;
    for (; i < n && status == OBS_OK; i++) {
        if (i + AHEAD < n && has_row(head, rows[i + AHEAD]))
            __builtin_prefetch(head->series + rows[i + AHEAD], 1);
        if (!has_row(head, rows[i])) {
            status = OBS_INVALID;
            break;
        }
        /* The series stands meanwhile as if the sample were taken: the next one of the column may be its too. */
        obs_xor_state *open = &head->series[rows[i]].open;
        scratch->times[i] = open->time;
        scratch->bits[i] = open->bits;
        codes[i] = classify(head->series + rows[i], bounds, times[i], obs_double_bits(values + i));
        if (codes[i] == OBS_HEAD_TAKEN) {
            open->time = times[i];
            open->bits = obs_double_bits(values + i);
        }
    }
    while (i-- > 0) {
        obs_xor_state *open = &head->series[rows[i]].open;
        open->time = scratch->times[i];
        open->bits = scratch->bits[i];
    }
    return status;
}

/* The end of the range that a time is in. */
static int64_t range_end(int64_t time, int64_t range)
{
    /* division towards zero, as Go's */
    return obs_time_add(time / range * range, range);
}

/* When to cut, once a quarter of a chunk's samples says how many chunks the rest of the range will take. */
static int64_t part_end(int64_t first, int64_t newest, int64_t end, double ratio)
{
    double span = (double)obs_time_sub(end, first);
    double parts = span / ((double)obs_time_add(obs_time_sub(newest, first), 1) * ratio);
    if (!(parts > 1) || parts > 1e15)
        return end;
    double at = (double)first + span / (double)(int64_t)parts;
    return at < 9223372036854775808.0 ? (int64_t)at : end;
}

static bool is_full(obs_head_series *series, int64_t time)
{
    const obs_xor_state *open = &series->open;
    if ((open->position + 7) / 8 > CUT_BYTES)
        return true;
    if (open->count == OBS_HEAD_CHUNK_SAMPLES / 4)
        series->cut = part_end(series->first, open->time, series->cut, 4);
    return time >= series->cut || open->count >= 2 * OBS_HEAD_CHUNK_SAMPLES;
}

/* Moves the open chunk's bytes to the arena. `*lacking` is set if there is no room. */
static bool close_chunk(obs_head *head, size_t row, size_t *lacking)
{
    obs_head_series *series = head->series + row;
    obs_head_closed *closed = &head->closed;
    size_t length = (size_t)(series->open.position + 7) / 8, at = closed->n;
    if (length > head->arena_size - head->arena_used) {
        *lacking = OBS_HEAD_LACKS_ARENA;
        return false;
    }
    if (at >= closed->capacity || at >= INT32_MAX) {
        *lacking = OBS_HEAD_LACKS_CLOSED;
        return false;
    }
    memcpy(head->arena + head->arena_used, slot_bytes(head, series->slot), length);
    closed->series[at] = (int32_t)row;
    closed->older[at] = series->newest;
    closed->buffer[at] = head->arena_number;
    closed->start[at] = (int64_t)head->arena_used;
    closed->length[at] = (int32_t)length;
    closed->min_time[at] = series->first;
    closed->max_time[at] = series->open.time;
    closed->n++;
    head->arena_used += length;
    series->newest = (int32_t)at;
    return true;
}

/* Closes the open chunk, and keeps a slot in which one of its length has room. Nothing changes where room is lacking. */
static bool cut_chunk(obs_head *head, size_t row, size_t *lacking)
{
    obs_head_series *series = head->series + row;
    size_t length = (size_t)series->open.position / 8, size = size_for(length + length / 8 + XOR_SAMPLE_ROOM);
    int32_t slot = series->slot;
    if (size < page_of(head, slot)->size && (slot = take_slot(head, size)) < 0) {
        *lacking = OBS_HEAD_LACKS_PAGE;
        return false;
    }
    bool is_closed = close_chunk(head, row, lacking);
    if (slot != series->slot) {
        give_slot(head, is_closed ? series->slot : slot);
        series->slot = is_closed ? slot : series->slot;
    }
    if (is_closed)
        series->open = (obs_xor_state){.time = series->open.time, .bits = series->open.bits};
    return is_closed;
}

/* Makes sure that one more sample can be written to the open chunk. */
static bool make_room(obs_head *head, obs_head_series *series, size_t *lacking)
{
    size_t needed = (size_t)(series->open.position / 8) + XOR_SAMPLE_ROOM;
    if (series->slot >= 0 && needed <= SLOT_BYTES[page_of(head, series->slot)->size])
        return true;
    size_t size = size_for(series->slot >= 0 ? needed : FIRST_BYTES);
    int32_t slot = take_slot(head, size);
    if (slot < 0) {
        *lacking = OBS_HEAD_LACKS_PAGE;
        return false;
    }
    if (series->slot >= 0) {
        memcpy(slot_bytes(head, slot), slot_bytes(head, series->slot), (size_t)(series->open.position + 7) / 8);
        give_slot(head, series->slot);
    }
    series->slot = slot;
    return true;
}

static inline void write_sample(obs_xor_state *open, uint8_t *chunk, int64_t time, uint64_t bits)
{
    xor_writer w = xor_resume_writing(open, chunk);
    if (open->count > 1)
        xor_append_next(&w, open, time, bits);
    else if (open->count)
        xor_append_second(&w, open, time, bits);
    else
        xor_append_first(&w, open, time, bits);
    open->count++;
    xor_stop_writing(open, chunk, &w);
}

/* Appends a sample that is newer than what the series has. Says false, and what is lacking, where there is no room. */
static inline bool append_one(obs_head *head, size_t row, int64_t time, uint64_t bits, size_t *lacking)
{
    obs_head_series *series = head->series + row;
    obs_xor_state *open = &series->open;
    if (open->count && is_full(series, time) && !cut_chunk(head, row, lacking))
        return false;
    if (!make_room(head, series, lacking))
        return false;
    if (!open->count) {
        series->first = time;
        series->cut = range_end(time, head->chunk_range);
    }
    write_sample(open, slot_bytes(head, series->slot), time, bits);
    return true;
}

/* Sample i is at times[i * stride]. */
static inline obs_status append_many(obs_head *head, const int64_t *rows, const int64_t *times, size_t stride,
                                     const double *values, size_t n, size_t *done, size_t *lacking)
{
    for (size_t i = *done; i < n; i++, ++*done) {
        if (i + 2 * AHEAD < n && has_row(head, rows[i + 2 * AHEAD]))
            __builtin_prefetch(head->series + rows[i + 2 * AHEAD], 1);
        if (i + AHEAD < n && has_row(head, rows[i + AHEAD])) {
            const obs_head_series *ahead = head->series + rows[i + AHEAD];
            if (ahead->slot >= 0)
                __builtin_prefetch(slot_bytes(head, ahead->slot) + ahead->open.position / 8, 1);
        }
        int64_t time = times[i * stride];
        if (!has_row(head, rows[i]) || time <= head->series[rows[i]].open.time)
            return OBS_INVALID;
        if (!append_one(head, (size_t)rows[i], time, obs_double_bits(values + i), lacking))
            return OBS_NO_SPACE;
    }
    return OBS_OK;
}

obs_status obs_head_append(obs_head *head, const int64_t *rows, const int64_t *times, const double *values, size_t n,
                           size_t *done, size_t *lacking)
{
    if (head->chunk_range <= 0)
        return OBS_INVALID;
    return append_many(head, rows, times, 1, values, n, done, lacking);
}

obs_status obs_head_append_at(obs_head *head, int64_t min_time, const int64_t *rows, int64_t time, const double *values,
                              size_t n, size_t *done, size_t *lacking)
{
    if (head->chunk_range <= 0 || time < min_time)
        return OBS_INVALID;
    for (size_t i = *done; i < n; i++) {
        if (i + AHEAD < n && has_row(head, rows[i + AHEAD]))
            __builtin_prefetch(head->series + rows[i + AHEAD], 1);
        if (!has_row(head, rows[i]) || time <= head->series[rows[i]].open.time)
            return OBS_INVALID;
    }
    return append_many(head, rows, &time, 0, values, n, done, lacking);
}

obs_status obs_head_take(obs_head *head, const obs_head_bounds *bounds, int64_t row, int64_t time, double value,
                         uint8_t *code, size_t *lacking)
{
    if (head->chunk_range <= 0 || !has_row(head, row))
        return OBS_INVALID;
    uint64_t bits = obs_double_bits(&value);
    *code = classify(head->series + row, bounds, time, bits);
    if (*code == OBS_HEAD_TAKEN && !append_one(head, (size_t)row, time, bits, lacking))
        return OBS_NO_SPACE;
    return OBS_OK;
}

obs_status obs_head_mark_newest(obs_head *head, int64_t row, int64_t time, double value, size_t *lacking)
{
    if (!has_row(head, row) || time <= head->series[row].open.time)
        return OBS_INVALID;
    obs_xor_state *open = &head->series[row].open;
    if (open->count && !cut_chunk(head, (size_t)row, lacking))
        return OBS_NO_SPACE;
    open->time = time;
    open->bits = obs_double_bits(&value);
    return OBS_OK;
}

/* ---- reading ------------------------------------------------------------------------------------------------- */

static inline bool is_open_within(const obs_head_series *series, int64_t from, int64_t to)
{
    return series->open.count && series->first <= to && series->open.time >= from;
}

obs_status obs_head_count_runs(const obs_head *head, const int64_t *rows, size_t n_rows, int64_t from, int64_t to,
                               int64_t *offsets, size_t *copies_size)
{
    const obs_head_closed *closed = &head->closed;
    int64_t n = 0;
    *copies_size = 0;
    for (size_t i = 0; i < n_rows; i++) {
        offsets[i] = n;
        if (!has_row(head, rows[i]))
            return OBS_INVALID;
        const obs_head_series *series = head->series + rows[i];
        if (is_open_within(series, from, to)) {
            n++;
            *copies_size += (size_t)(series->open.position + 7) / 8;
        }
        for (int32_t at = series->newest; at >= 0 && closed->max_time[at] >= from; at = closed->older[at])
            n += closed->min_time[at] <= to;
    }
    offsets[n_rows] = n;
    return OBS_OK;
}

obs_status obs_head_fill_runs(const obs_head *head, const int64_t *rows, size_t n_rows, int64_t from, int64_t to,
                              obs_head_runs *runs)
{
    const obs_head_closed *closed = &head->closed;
    size_t copied = 0;
    for (size_t i = 0; i < n_rows; i++) {
        if (!has_row(head, rows[i]))
            return OBS_INVALID;
        const obs_head_series *series = head->series + rows[i];
        int64_t begin = runs->offsets[i], k = runs->offsets[i + 1];
        if (begin < 0 || k < begin || (size_t)k > runs->capacity)
            return OBS_NO_SPACE;
        if (is_open_within(series, from, to)) {
            size_t length = (size_t)(series->open.position + 7) / 8;
            if (k-- == begin || length > runs->copies_size - copied)
                return OBS_NO_SPACE;
            memcpy(runs->copies + copied, slot_bytes(head, series->slot), length);
            runs->buffer[k] = runs->copies_buffer;
            runs->start[k] = (int64_t)copied;
            runs->length[k] = (int64_t)length;
            runs->min_time[k] = series->first;
            runs->max_time[k] = series->open.time;
            copied += length;
        }
        for (int32_t at = series->newest; at >= 0 && closed->max_time[at] >= from; at = closed->older[at]) {
            if (closed->min_time[at] > to)
                continue;
            if (k-- == begin)
                return OBS_NO_SPACE;
            runs->buffer[k] = closed->buffer[at];
            runs->start[k] = closed->start[at];
            runs->length[k] = closed->length[at];
            runs->min_time[k] = closed->min_time[at];
            runs->max_time[k] = closed->max_time[at];
        }
        if (k != begin)
            return OBS_NO_SPACE;
    }
    return OBS_OK;
}

/* ---- dropping ------------------------------------------------------------------------------------------------ */

static void drop_open(obs_head *head, obs_head_series *series)
{
    if (series->slot >= 0)
        give_slot(head, series->slot);
    series->slot = -1;
    series->open = (obs_xor_state){.time = series->open.time, .bits = series->open.bits};
}

void obs_head_forget(obs_head *head, int64_t before)
{
    obs_head_closed *closed = &head->closed;
    size_t kept = 0;
    for (size_t i = 0; i < head->n_series; i++) {
        obs_head_series *series = head->series + i;
        series->newest = -1;
        if (series->open.count && series->open.time < before)
            drop_open(head, series);
    }
    for (size_t i = 0; i < closed->n; i++) {
        if (closed->max_time[i] < before)
            continue;
        obs_head_series *series = head->series + closed->series[i];
        closed->series[kept] = closed->series[i];
        closed->older[kept] = series->newest;
        closed->buffer[kept] = closed->buffer[i];
        closed->start[kept] = closed->start[i];
        closed->length[kept] = closed->length[i];
        closed->min_time[kept] = closed->min_time[i];
        closed->max_time[kept] = closed->max_time[i];
        series->newest = (int32_t)kept++;
    }
    closed->n = kept;
}

obs_status obs_head_release(obs_head *head, const int64_t *rows, size_t n_rows)
{
    for (size_t i = 0; i < n_rows; i++)
        if (!has_row(head, rows[i]) || head->series[rows[i]].newest >= 0)
            return OBS_INVALID;
    for (size_t i = 0; i < n_rows; i++) {
        obs_head_series *series = head->series + rows[i];
        drop_open(head, series);
        series->open.time = INT64_MIN;
        series->open.bits = 0;
    }
    return OBS_OK;
}
