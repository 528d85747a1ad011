#include "head.h"

#include "xor_write.h"

enum {
    SLOT_BITS = 28,   /* the number of a slot; its size is above */
    FIRST_BYTES = 160, /* what a series' first chunk is expected to need */
    CUT_BYTES = 1005, /* a chunk of more is full: 1024 less what the longest sample takes */
    AHEAD = 8         /* how many samples ahead the series are fetched */
};

static const uint16_t SLOT_BYTES[OBS_HEAD_SIZES] = {64, 128, 192, 256, 384, 512, 768, OBS_HEAD_CHUNK_BYTES_MAX};

size_t obs_head_slot_bytes(size_t size)
{
    return size < OBS_HEAD_SIZES ? SLOT_BYTES[size] : 0;
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

/* ---- slots --------------------------------------------------------------------------------------------------- */

static inline uint8_t *slot_bytes(const obs_head *head, int32_t slot)
{
    size_t size = (size_t)slot >> SLOT_BITS, number = (size_t)slot & (((size_t)1 << SLOT_BITS) - 1);
    return head->slots[size].pages[number / OBS_HEAD_PAGE_SLOTS] + number % OBS_HEAD_PAGE_SLOTS * SLOT_BYTES[size];
}

/* The least size that holds so many bytes. */
static inline size_t size_for(size_t bytes)
{
    size_t size = 0;
    while (size < OBS_HEAD_SIZES - 1 && bytes > SLOT_BYTES[size])
        size++;
    return size;
}

/* A slot of this size, or -1. */
static int32_t take_slot(obs_head *head, size_t size)
{
    obs_head_slots *slots = head->slots + size;
    if (slots->n_spare)
        return slots->spare[--slots->n_spare];
    if (slots->n_used >= slots->n_pages * OBS_HEAD_PAGE_SLOTS || slots->n_used >> SLOT_BITS)
        return -1;
    return (int32_t)(size << SLOT_BITS | slots->n_used++);
}

static void give_slot(obs_head *head, int32_t slot)
{
    obs_head_slots *slots = head->slots + (slot >> SLOT_BITS);
    slots->spare[slots->n_spare++] = slot;
}

/* ---- taking samples ------------------------------------------------------------------------------------------ */

static uint8_t classify(const obs_head_series *series, const obs_head_bounds *bounds, int64_t time, uint64_t bits)
{
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
    return (int64_t)((double)first + span / (double)(int64_t)parts);
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
        *lacking = OBS_HEAD_SIZES;
        return false;
    }
    if (at >= closed->capacity || at >= INT32_MAX) {
        *lacking = OBS_HEAD_SIZES + 1;
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
    if (size < (size_t)slot >> SLOT_BITS && (slot = take_slot(head, size)) < 0) {
        *lacking = size;
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
    if (series->slot >= 0 && needed <= SLOT_BYTES[series->slot >> SLOT_BITS])
        return true;
    size_t size = size_for(series->slot >= 0 ? needed : FIRST_BYTES);
    int32_t slot = take_slot(head, size);
    if (slot < 0) {
        *lacking = size;
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

obs_status obs_head_append(obs_head *head, const int64_t *rows, const int64_t *times, const double *values, size_t n,
                           size_t *done, size_t *lacking)
{
    if (head->chunk_range <= 0)
        return OBS_INVALID;
    for (size_t i = *done; i < n; i++, ++*done) {
        if (i + 2 * AHEAD < n && has_row(head, rows[i + 2 * AHEAD]))
            __builtin_prefetch(head->series + rows[i + 2 * AHEAD], 1);
        if (i + AHEAD < n && has_row(head, rows[i + AHEAD])) {
            const obs_head_series *ahead = head->series + rows[i + AHEAD];
            if (ahead->slot >= 0)
                __builtin_prefetch(slot_bytes(head, ahead->slot) + ahead->open.position / 8, 1);
        }
        if (!has_row(head, rows[i]))
            return OBS_INVALID;
        obs_head_series *series = head->series + rows[i];
        obs_xor_state *open = &series->open;
        if (times[i] <= open->time)
            return OBS_INVALID;
        if (open->count && is_full(series, times[i])) {
            if (!cut_chunk(head, (size_t)rows[i], lacking))
                return OBS_NO_SPACE;
        }
        if (!make_room(head, series, lacking))
            return OBS_NO_SPACE;
        if (!open->count) {
            series->first = times[i];
            series->cut = range_end(times[i], head->chunk_range);
        }
        write_sample(open, slot_bytes(head, series->slot), times[i], obs_double_bits(values + i));
    }
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
