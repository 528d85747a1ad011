#include "chunks.h"

#include "bits.h"
#include "hash.h"
#include "runs.h"

enum { LENGTH_BYTES_MAX = 5, DATA_BYTES_MIN = 2, CRC_BYTES = 4 };

/* ---- by time ------------------------------------------------------------------------------------------------- */

static bool find_series(const obs_chunks *chunks, size_t series, size_t *first, size_t *last)
{
    int64_t from = chunks->offsets[series], to = chunks->offsets[series + 1];
    if (from < 0 || to < from || (uint64_t)to > chunks->n_chunks)
        return false;
    *first = (size_t)from;
    *last = (size_t)to;
    return true;
}

obs_status obs_chunks_order(const obs_chunks *chunks)
{
    const int64_t *min_time = chunks->min_time, *max_time = chunks->max_time;
    for (size_t series = 0; series < chunks->n_series; series++) {
        size_t first, last;
        if (!find_series(chunks, series, &first, &last))
            return OBS_INVALID;
        bool in_order = true;
        for (size_t i = first; i < last; i++)
            in_order &= (min_time[i] <= max_time[i]) & (i == first || max_time[i - 1] < min_time[i]);
        chunks->in_order[series] = in_order;
    }
    return OBS_OK;
}

/* The first of the chunks first : last whose time is at least `least`, where times ascend. */
static size_t skip_chunks(const int64_t *times, size_t first, size_t last, int64_t least)
{
    while (first < last) {
        size_t middle = first + (last - first) / 2;
        if (times[middle] < least)
            first = middle + 1;
        else
            last = middle;
    }
    return first;
}

static bool touches(const obs_chunks *chunks, size_t i, int64_t from, int64_t to)
{
    return chunks->max_time[i] >= from && chunks->min_time[i] <= to;
}

/* Narrows first : last to what touches [from, to]. */
static void narrow(const obs_chunks *chunks, bool in_order, int64_t from, int64_t to, size_t *first, size_t *last)
{
    if (in_order) {
        *first = skip_chunks(chunks->max_time, *first, *last, from);
        *last = to < INT64_MAX ? skip_chunks(chunks->min_time, *first, *last, to + 1) : *last;
        return;
    }
    while (*first < *last && !touches(chunks, *first, from, to))
        ++*first;
    while (*first < *last && !touches(chunks, *last - 1, from, to))
        --*last;
}

obs_status obs_chunks_between(const obs_chunks *chunks, const int64_t *rows, int64_t from, int64_t to,
                              obs_chunk_ranges *ranges)
{
    size_t n = 0;
    bool in_order = true;
    ranges->offsets[0] = 0;
    for (size_t i = 0; i < ranges->n_series; i++) {
        size_t first, last;
        if (rows[i] < 0 || (uint64_t)rows[i] >= chunks->n_series ||
            !find_series(chunks, (size_t)rows[i], &first, &last))
            return OBS_INVALID;
        narrow(chunks, chunks->in_order[rows[i]], from, to, &first, &last);
        in_order &= chunks->in_order[rows[i]];
        n += last - first;
        ranges->first[i] = (int64_t)first;
        ranges->offsets[i + 1] = (int64_t)n;
    }
    ranges->n_chunks = n;
    ranges->in_order = in_order;
    return OBS_OK;
}

/* ---- bytes --------------------------------------------------------------------------------------------------- */

typedef struct {
    size_t segment;
    const uint8_t *data; /* of the segment */
    size_t start, length;
    uint8_t encoding;
} place;

/* Whether a segment has the number; `*segment`, where the one before was found, becomes its index. */
static bool find_segment(const obs_chunk_files *files, int64_t number, size_t *segment)
{
    if (*segment < files->n_segments && files->numbers[*segment] == number)
        return true;
    *segment = skip_chunks(files->numbers, 0, files->n_segments, number);
    return *segment < files->n_segments && files->numbers[*segment] == number;
}

/* Finds a chunk's data; READABLE says no more than that its segment has them. */
static obs_chunk_state find_place(const obs_chunk_files *files, int64_t reference, place *found)
{
    uint64_t offset = (uint64_t)reference & UINT32_MAX, length = 0;
    int64_t number = reference < 0 ? ~(~reference >> 32) : reference >> 32; /* rounds down */
    if (!find_segment(files, number, &found->segment))
        return OBS_CHUNK_MISSING;
    const uint8_t *data = files->data[found->segment];
    size_t size = files->sizes[found->segment], at = (size_t)offset;
    if (size < LENGTH_BYTES_MAX || offset > size - LENGTH_BYTES_MAX)
        return OBS_CHUNK_OUTSIDE;
    if (!obs_read_uvarint(data, at + LENGTH_BYTES_MAX, &at, &length) || length < DATA_BYTES_MIN ||
        size - at < 1 + CRC_BYTES || length > size - at - 1 - CRC_BYTES)
        return OBS_CHUNK_CUT;
    found->data = data;
    found->encoding = data[at];
    found->start = at + 1;
    found->length = (size_t)length;
    return OBS_CHUNK_READABLE;
}

static obs_chunk_state check_bytes(const place *found)
{
    uint32_t sum = obs_hash_crc32c(found->data + found->start - 1, found->length + 1);
    if (sum != obs_load32(found->data + found->start + found->length))
        return OBS_CHUNK_CORRUPT;
    bool is_float = found->encoding == OBS_ENCODING_XOR || found->encoding == OBS_ENCODING_XOR2;
    return is_float ? OBS_CHUNK_READABLE : OBS_CHUNK_SKIPPED;
}

/* The state of a chunk, worked out now if it is unread. Two threads that do so find the same. */
static obs_chunk_state find_chunk(const obs_chunk_files *files, size_t i, place *found)
{
    uint8_t known = __atomic_load_n(&files->state[i], __ATOMIC_RELAXED);
    if (known > OBS_CHUNK_READABLE)
        return (obs_chunk_state)known;
    obs_chunk_state state = find_place(files, files->reference[i], found);
    if (state == OBS_CHUNK_READABLE && known == OBS_CHUNK_UNREAD)
        state = check_bytes(found);
    if (known == OBS_CHUNK_UNREAD)
        __atomic_store_n(&files->state[i], (uint8_t)state, __ATOMIC_RELAXED);
    return state;
}

static void put(obs_chunk_places *to, const place *found, int64_t min_time, int64_t max_time)
{
    size_t n = to->n++;
    to->segment[n] = (int32_t)found->segment;
    to->start[n] = (int64_t)found->start;
    to->length[n] = (int64_t)found->length;
    to->encoding[n] = found->encoding;
    to->min_time[n] = min_time;
    to->max_time[n] = max_time;
}

obs_status obs_chunks_locate(const obs_chunks *chunks, const obs_chunk_files *files, obs_chunk_ranges *ranges,
                             obs_chunk_places *places)
{
    place found = {0};
    int64_t begin = ranges->offsets[0];
    places->n = places->n_empty = places->is_damaged = 0;
    for (size_t i = 0; i < ranges->n_series; i++) {
        int64_t first = ranges->first[i], count = obs_time_sub(ranges->offsets[i + 1], begin);
        if (first < 0 || count < 0 || (uint64_t)first > chunks->n_chunks ||
            (uint64_t)count > chunks->n_chunks - (uint64_t)first || chunks->n_chunks > files->n_chunks)
            return OBS_INVALID;
        if ((uint64_t)count > places->capacity - places->n)
            return OBS_NO_SPACE;
        size_t before = places->n;
        for (size_t k = (size_t)first; k < (size_t)(first + count); k++) {
            obs_chunk_state state = find_chunk(files, k, &found);
            if (state == OBS_CHUNK_READABLE)
                put(places, &found, chunks->min_time[k], chunks->max_time[k]);
            places->is_damaged |= state > OBS_CHUNK_SKIPPED;
        }
        begin = ranges->offsets[i + 1];
        ranges->offsets[i + 1] = (int64_t)places->n;
        places->n_empty += places->n == before;
    }
    ranges->offsets[0] = 0;
    return OBS_OK;
}

obs_status obs_chunks_encodings(const obs_chunk_files *files, const int64_t *chunks, size_t n, uint8_t *encodings)
{
    place found = {0};
    for (size_t i = 0; i < n; i++) {
        if (chunks[i] < 0 || (uint64_t)chunks[i] >= files->n_chunks)
            return OBS_INVALID;
        bool is_there = find_place(files, files->reference[chunks[i]], &found) == OBS_CHUNK_READABLE;
        encodings[i] = is_there ? found.encoding : 0;
    }
    return OBS_OK;
}
