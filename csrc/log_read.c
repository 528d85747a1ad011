#include "log_read.h"

#include "bits.h"
#include "hash.h"
#include "log_write.h"
#include "snappy.h"

enum { REST_IS_ZERO, FULL, FIRST, MIDDLE, LAST };
enum { TYPE_MASK = 0x07, SNAPPY = 0x08, ZSTD = 0x10, HEADER_BYTES = 7, SEARCH_BYTES = 64 * OBS_LOG_PAGE };

typedef struct {
    const uint8_t *data; /* behind the header */
    size_t length;
    uint8_t kind;
    uint8_t compression;
} fragment;

static bool is_compression(uint8_t flags)
{
    return flags == 0 || flags == SNAPPY || flags == ZSTD;
}

static bool is_start(uint8_t kind)
{
    return kind == FULL || kind == FIRST;
}

/* The fragment at `at`, in a page whose bytes go to `end`, and would to `page_end`. */
static obs_log_fault read_fragment(const uint8_t *data, size_t at, size_t end, size_t page_end, fragment *out)
{
    const uint8_t *header = data + at;
    out->kind = header[0] & TYPE_MASK;
    out->compression = header[0] & (uint8_t)~TYPE_MASK;
    if (out->kind == REST_IS_ZERO) {
        for (size_t i = at; i < end; i++)
            if (data[i])
                return OBS_LOG_NOT_ZERO;
        return OBS_LOG_SOUND;
    }
    if (end - at < HEADER_BYTES)
        return OBS_LOG_TORN;
    if (out->kind > LAST || !is_compression(out->compression))
        return OBS_LOG_UNKNOWN_TYPE;
    out->data = header + HEADER_BYTES;
    out->length = (size_t)header[1] << 8 | header[2];
    if (out->length > page_end - at - HEADER_BYTES)
        return OBS_LOG_TOO_LONG;
    if (out->length > end - at - HEADER_BYTES)
        return OBS_LOG_TORN;
    return obs_hash_crc32c(out->data, out->length) == obs_load32(header + 3) ? OBS_LOG_SOUND : OBS_LOG_CHECKSUM;
}

/* Where the next fragment with data starts whose checksum holds, or `end`. Gives up when that takes too long. */
static size_t find_sound(const uint8_t *data, size_t at, size_t end)
{
    size_t budget = SEARCH_BYTES;
    for (; at + HEADER_BYTES < end; at++) {
        uint8_t kind = data[at] & TYPE_MASK;
        size_t length = (size_t)data[at + 1] << 8 | data[at + 2];
        if (kind == REST_IS_ZERO || kind > LAST || !is_compression(data[at] & (uint8_t)~TYPE_MASK) || !length ||
            length > end - at - HEADER_BYTES)
            continue;
        if (length > budget)
            return end;
        budget -= length;
        if (obs_hash_crc32c(data + at + HEADER_BYTES, length) == obs_load32(data + at + 3))
            return at;
    }
    return end;
}

/* A record that is being put together: so many bytes of it are at the end of what is used of `out`. */
typedef struct {
    bool is_open;
    uint8_t compression;
    size_t offset;
    size_t gathered;
} record;

typedef struct {
    obs_log_place *place;
    obs_log_records *records;
    obs_log_faults *faults;
    record open;
    size_t used; /* of `out` */
} reader;

static void add_fault(reader *r, obs_log_fault code, size_t offset)
{
    r->faults->codes[r->faults->n] = (uint8_t)code;
    r->faults->offsets[r->faults->n++] = (int64_t)offset;
}

/* Gives up the record that is open, and what there is up to `end`. */
static void give_up(reader *r, size_t end)
{
    r->place->lost += end - (r->open.is_open ? r->open.offset : r->place->position);
    r->place->position = end;
    r->place->in_step = 0;
    r->open.is_open = false;
}

/* Puts the last bytes of a record behind the others, and what that makes to the table. */
static obs_log_fault finish(reader *r, const fragment *last, bool *has_room)
{
    obs_log_records *to = r->records;
    uint8_t *gathered = to->out + r->used;
    size_t room = to->out_size - r->used - r->open.gathered, length = r->open.gathered + last->length, made = length;
    const uint8_t *from = last->data;
    *has_room = true;
    if (r->open.gathered || last->compression != SNAPPY) {
        if (!(*has_room = last->length <= room))
            return OBS_LOG_SOUND;
        memcpy(gathered + r->open.gathered, last->data, last->length);
        from = gathered;
        room -= last->length;
    }
    uint8_t *start = gathered;
    if (last->compression == SNAPPY) {
        start = from == gathered ? gathered + length : gathered;
        if (obs_snappy_length(from, length, &made) != OBS_OK)
            return OBS_LOG_NO_SNAPPY;
        if (!(*has_room = made <= room))
            return OBS_LOG_SOUND;
        if (obs_snappy_decode(from, length, start, made) != OBS_OK)
            return OBS_LOG_NO_SNAPPY;
    }
    to->offsets[to->n] = (int64_t)r->open.offset;
    to->starts[to->n] = start - to->out;
    to->lengths[to->n] = (int64_t)made;
    to->compressions[to->n++] = last->compression == ZSTD ? OBS_LOG_ZSTD : OBS_LOG_PLAIN;
    r->used = (size_t)(start - to->out) + made;
    return OBS_LOG_SOUND;
}

/* What is wrong with a fragment where it stands. */
static obs_log_fault check_order(const reader *r, const fragment *f)
{
    if (f->kind == REST_IS_ZERO)
        return r->open.is_open ? OBS_LOG_NOT_CONTINUED : OBS_LOG_SOUND;
    if (is_start(f->kind) == r->open.is_open)
        return r->open.is_open ? OBS_LOG_STARTS_WITHIN : OBS_LOG_NO_START;
    return r->open.is_open && f->compression != r->open.compression ? OBS_LOG_MIXED : OBS_LOG_SOUND;
}

/* Takes a fragment that is in order; false where room is lacking. */
static bool take(reader *r, const fragment *f)
{
    obs_log_place *place = r->place;
    size_t end = (size_t)place->position + HEADER_BYTES + f->length;
    if (is_start(f->kind))
        r->open = (record){true, f->compression, (size_t)place->position, 0};
    place->in_step = 1;
    if (f->kind == FIRST || f->kind == MIDDLE) {
        if (f->length > r->records->out_size - r->used - r->open.gathered)
            return false;
        memcpy(r->records->out + r->used + r->open.gathered, f->data, f->length);
        r->open.gathered += f->length;
        place->position = end;
        return true;
    }
    bool has_room;
    obs_log_fault code = finish(r, f, &has_room);
    if (!has_room)
        return false;
    r->open.is_open = false;
    if (code != OBS_LOG_SOUND) {
        add_fault(r, code, r->open.offset);
        place->lost += end - r->open.offset;
    } else {
        place->sound_end = end;
    }
    place->position = end;
    return true;
}

obs_status obs_log_read(const uint8_t *data, size_t size, int is_last, obs_log_place *place, obs_log_records *records,
                        obs_log_faults *faults)
{
    reader r = {.place = place, .records = records, .faults = faults};
    obs_log_place before = *place;
    records->n = faults->n = 0;
    while (place->position < size) {
        size_t at = (size_t)place->position, page_end = at - at % OBS_LOG_PAGE + OBS_LOG_PAGE;
        size_t end = page_end < size ? page_end : size;
        if (end - at < HEADER_BYTES && end == page_end) {
            place->position = end;
            continue;
        }
        if (faults->n == faults->capacity || (!r.open.is_open && records->n == records->capacity))
            return OBS_NO_SPACE;
        fragment f = {0};
        obs_log_fault code = read_fragment(data, at, end, page_end, &f);
        if (code != OBS_LOG_SOUND) {
            size_t after = find_sound(data, at + 1, end);
            if (after == end && code == OBS_LOG_TORN && is_last) {
                place->position = end;
                continue;
            }
            add_fault(&r, code, at);
            give_up(&r, after);
            continue;
        }
        size_t next = f.kind == REST_IS_ZERO ? end : at + HEADER_BYTES + f.length;
        code = check_order(&r, &f);
        if (code != OBS_LOG_SOUND) {
            if (place->in_step)
                add_fault(&r, code, at);
            give_up(&r, f.kind == REST_IS_ZERO ? at : next);
            place->position = next;
            continue;
        }
        if (f.kind == REST_IS_ZERO) {
            place->position = next;
            continue;
        }
        if (!r.open.is_open)
            before = *place;
        if (!take(&r, &f)) {
            *place = before;
            return OBS_NO_SPACE;
        }
    }
    if (r.open.is_open && !is_last) {
        add_fault(&r, OBS_LOG_ENDS_WITHIN, r.open.offset);
        place->position = size;
        give_up(&r, size);
    }
    place->is_done = 1;
    return OBS_OK;
}
