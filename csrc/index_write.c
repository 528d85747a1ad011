#include "index_write.h"

#include "bits.h"
#include "hash.h"

enum { CRC_BYTES = 4, VARINT_MAX = 10, ORDINAL_MAX = 5, CHUNK_FIELDS_MAX = 3 * VARINT_MAX };

static uint8_t *put_uvarint(uint8_t *out, uint64_t word)
{
    for (; word >= 0x80; word >>= 7)
        *out++ = (uint8_t)(word | 0x80);
    *out++ = (uint8_t)word;
    return out;
}

static uint8_t *put_u32(uint8_t *out, uint32_t word)
{
    for (unsigned i = 0; i < 4; i++)
        out[i] = (uint8_t)(word >> (24 - 8 * i));
    return out + 4;
}

static size_t uvarint_bytes(uint64_t word)
{
    size_t n = 1;
    for (; word >= 0x80; word >>= 7)
        n++;
    return n;
}

static uint8_t *pad(uint8_t *out, size_t position, size_t alignment)
{
    size_t n = (alignment - position % alignment) % alignment;
    memset(out, 0, n);
    return out + n;
}

/* ---- chunks -------------------------------------------------------------------------------------------------- */

size_t obs_segment_chunk_bytes(size_t length)
{
    return uvarint_bytes(length) + 1 + length + CRC_BYTES;
}

obs_status obs_segment_write(const obs_block_chunks *chunks, size_t first, size_t last, size_t position, uint8_t *out,
                             size_t capacity, int64_t *reference)
{
    if (last > chunks->n_chunks || first > last)
        return OBS_INVALID;
    uint8_t *to = out;
    for (size_t i = first; i < last; i++) {
        int32_t buffer = chunks->buffer[i];
        if (buffer < 0 || (size_t)buffer >= chunks->n_buffers || chunks->start[i] < 0 || chunks->length[i] < 0 ||
            (uint64_t)chunks->start[i] > chunks->sizes[buffer] ||
            (uint64_t)chunks->length[i] > chunks->sizes[buffer] - (uint64_t)chunks->start[i])
            return OBS_INVALID;
        size_t length = (size_t)chunks->length[i];
        if (obs_segment_chunk_bytes(length) > capacity - (size_t)(to - out))
            return OBS_NO_SPACE;
        *reference++ = (int64_t)(position + (size_t)(to - out));
        to = put_uvarint(to, length);
        uint8_t *covered = to;
        *to++ = chunks->encoding[i];
        memcpy(to, chunks->buffers[buffer] + chunks->start[i], length);
        to = put_u32(to + length, obs_hash_crc32c(covered, length + 1));
    }
    return OBS_OK;
}

/* ---- entries ------------------------------------------------------------------------------------------------- */

size_t obs_index_entries_max(const obs_block_series *series)
{
    size_t frame = OBS_ENTRY_ALIGNMENT + ORDINAL_MAX + CRC_BYTES + 2 * ORDINAL_MAX;
    return series->n_series * (frame + series->n_names * 2 * ORDINAL_MAX) + series->n_chunks * CHUNK_FIELDS_MAX;
}

static uint8_t *put_labels(uint8_t *out, const obs_block_series *series, size_t row)
{
    size_t n = 0;
    for (size_t k = 0; k < series->n_names; k++)
        n += series->values[k * series->n_series + row] != UINT32_MAX;
    out = put_uvarint(out, n);
    for (size_t k = 0; k < series->n_names; k++) {
        uint32_t value = series->values[k * series->n_series + row];
        if (value == UINT32_MAX)
            continue;
        out = put_uvarint(out, series->names[k]);
        out = put_uvarint(out, value);
    }
    return out;
}

/* Chunks, each by its difference to the one before; NULL if they do not follow one another. */
static uint8_t *put_chunks(uint8_t *out, const obs_block_series *series, size_t first, size_t last)
{
    out = put_uvarint(out, last - first);
    for (size_t i = first; i < last; i++) {
        int64_t start = series->min_time[i], end = series->max_time[i], reference = series->reference[i];
        if (end < start || (i > first && start <= series->max_time[i - 1]))
            return NULL;
        out = put_uvarint(out, i > first ? (uint64_t)start - (uint64_t)series->max_time[i - 1] : obs_zigzag(start));
        out = put_uvarint(out, (uint64_t)end - (uint64_t)start);
        out = put_uvarint(out, i > first ? obs_zigzag(obs_time_sub(reference, series->reference[i - 1]))
                                         : (uint64_t)reference);
    }
    return out;
}

obs_status obs_index_write_entries(const obs_block_series *series, size_t position, uint8_t *out, size_t capacity,
                                   size_t *written, uint32_t *entries)
{
    if (capacity < obs_index_entries_max(series))
        return OBS_NO_SPACE;
    uint8_t *to = out;
    for (size_t row = 0; row < series->n_series; row++) {
        int64_t first = series->offsets[row], last = series->offsets[row + 1];
        if (first < 0 || last < first || (size_t)last > series->n_chunks)
            return OBS_INVALID;
        to = pad(to, position + (size_t)(to - out), OBS_ENTRY_ALIGNMENT);
        size_t at = (position + (size_t)(to - out)) / OBS_ENTRY_ALIGNMENT;
        if (at > UINT32_MAX)
            return OBS_NO_SPACE;
        entries[row] = (uint32_t)at;
        /* the body goes where it would be after a length of one byte, and moves on if the length takes more */
        uint8_t *body = to + 1, *end = put_labels(body, series, row);
        end = put_chunks(end, series, (size_t)first, (size_t)last);
        if (!end)
            return OBS_INVALID;
        size_t length = (size_t)(end - body), prefix = uvarint_bytes(length);
        if (prefix > 1)
            memmove(to + prefix, body, length);
        body = put_uvarint(to, length);
        to = put_u32(body + length, obs_hash_crc32c(body, length));
    }
    *written = (size_t)(to - out);
    return OBS_OK;
}

/* ---- postings ------------------------------------------------------------------------------------------------ */

size_t obs_index_postings_max(const obs_postings *postings)
{
    size_t n = postings->n_lists ? (size_t)postings->offsets[postings->n_lists] : 0;
    return postings->n_lists * (OBS_POSTINGS_ALIGNMENT + 8 + CRC_BYTES) + n * sizeof(uint32_t);
}

obs_status obs_index_write_postings(const obs_postings *postings, size_t position, uint8_t *out, size_t capacity,
                                    size_t *written, int64_t *at)
{
    if (capacity < obs_index_postings_max(postings))
        return OBS_NO_SPACE;
    uint8_t *to = out;
    int64_t start = 0;
    for (size_t i = 0; i < postings->n_lists; i++) {
        int64_t end = postings->offsets[i + 1];
        if (postings->offsets[i] != start || end < start)
            return OBS_INVALID;
        uint32_t n = (uint32_t)(end - start);
        to = pad(to, position + (size_t)(to - out), OBS_POSTINGS_ALIGNMENT);
        at[i] = (int64_t)(position + (size_t)(to - out));
        to = put_u32(to, 4 + 4 * n);
        uint8_t *covered = to;
        to = put_u32(to, n);
        for (; start < end; start++)
            to = put_u32(to, postings->members[start]);
        to = put_u32(to, obs_hash_crc32c(covered, (size_t)(to - covered)));
    }
    *written = (size_t)(to - out);
    return OBS_OK;
}

static uint8_t *put_text(uint8_t *out, const obs_texts *texts, uint32_t ordinal, size_t *room)
{
    int64_t start = ordinal ? texts->ends[ordinal - 1] : 0, end = texts->ends[ordinal];
    if (end < start || (size_t)(end - start) + ORDINAL_MAX > *room)
        return NULL;
    size_t length = (size_t)(end - start);
    *room -= length + ORDINAL_MAX;
    out = put_uvarint(out, length);
    memcpy(out, texts->bytes + start, length);
    return out + length;
}

obs_status obs_index_write_table(const obs_texts *texts, const uint32_t *names, const uint32_t *values,
                                 const int64_t *at, size_t n, uint8_t *out, size_t capacity, size_t *written)
{
    uint8_t *to = out;
    size_t room = capacity;
    for (size_t i = 0; i < n; i++) {
        if (names[i] >= texts->n || values[i] >= texts->n)
            return OBS_INVALID;
        if (room < 1 + VARINT_MAX)
            return OBS_NO_SPACE;
        room -= 1 + VARINT_MAX;
        *to++ = 2; /* parts of the key */
        to = put_text(to, texts, names[i], &room);
        to = to ? put_text(to, texts, values[i], &room) : NULL;
        if (!to)
            return OBS_NO_SPACE;
        to = put_uvarint(to, (uint64_t)at[i]);
    }
    *written = (size_t)(to - out);
    return OBS_OK;
}
