/* The chunks of a block: which of them a selection reads, where their bytes are, and whether these are what was written.
 *
 *   series      0        1                2
 *   offsets   [ 0,       2,               5,  5 ]     series i has the chunks offsets[i] : offsets[i + 1]
 *
 *   reference   | u32 number of the segment, less one | u32 offset in it |
 *   chunk       | uvarint length, 1 to 5 bytes | u8 encoding | data, `length` bytes | u32 CRC-32C of encoding and data |
 *
 * Times (ms, closed) and references come from an index, bytes from files: nothing that either says is taken on trust.
 */
#ifndef OBSFLOW_CHUNKS_H
#define OBSFLOW_CHUNKS_H

#include "status.h"

typedef struct {
    const int64_t *offsets; /* [n_series + 1] */
    size_t n_series;
    const int64_t *min_time; /* [n_chunks] */
    const int64_t *max_time; /* [n_chunks] */
    size_t n_chunks;
    uint8_t *in_order; /* [n_series]: 1 where the chunks follow one another in time and none overlap */
} obs_chunks;

/* Chunks next to one another for each of some series: series i has offsets[i + 1] - offsets[i], from first[i] on. */
typedef struct {
    int64_t *first;   /* [n_series] */
    int64_t *offsets; /* [n_series + 1] */
    size_t n_series;
    size_t n_chunks;
    uint8_t in_order; /* 1 where they are so in all of the series */
} obs_chunk_ranges;

typedef enum {
    OBS_CHUNK_UNREAD = 0,
    OBS_CHUNK_READABLE,
    OBS_CHUNK_SKIPPED,  /* sound, and no float chunk */
    OBS_CHUNK_MISSING,  /* there is no such segment */
    OBS_CHUNK_OUTSIDE,  /* it begins where its segment ends, or later */
    OBS_CHUNK_CUT,      /* its length is none, or reaches beyond its segment */
    OBS_CHUNK_CORRUPT   /* the checksum does not match */
} obs_chunk_state;

typedef struct {
    const uint8_t *const *data; /* [n_segments] */
    const size_t *sizes;        /* [n_segments] bytes */
    const int64_t *numbers;     /* [n_segments], less one, ascending */
    size_t n_segments;
    const int64_t *reference; /* [n_chunks] */
    uint8_t *state;           /* [n_chunks] obs_chunk_state: what is known so far */
    size_t n_chunks;
} obs_chunk_files;

/* Room for a row for each chunk of the ranges; `n` are used. */
typedef struct {
    int32_t *segment;
    int64_t *start; /* of the data, behind the encoding */
    int64_t *length;
    uint8_t *encoding;
    int64_t *min_time;
    int64_t *max_time;
    size_t capacity;
    size_t n;
    size_t n_empty;     /* series that have none */
    uint8_t is_damaged; /* 1 where a chunk was neither readable nor skipped */
} obs_chunk_places;

/* Fills `in_order`. OBS_INVALID if an offset is outside of the chunks. */
obs_status obs_chunks_order(const obs_chunks *chunks);

/* For each of the series `rows` the chunks that touch [from, to], and what lies between them where they are not in order.
 * OBS_INVALID if a row or an offset is outside of what it refers to. */
obs_status obs_chunks_between(const obs_chunks *chunks, const int64_t *rows, int64_t from, int64_t to,
                              obs_chunk_ranges *ranges);

/* Finds the bytes of the chunks and checks those that are unread, once for all; several threads may do so at the same
 * time. Keeps those that are readable, and makes `offsets` theirs. OBS_INVALID if the ranges are outside of the chunks,
 * OBS_NO_SPACE if there are more than rows. */
obs_status obs_chunks_locate(const obs_chunks *chunks, const obs_chunk_files *files, obs_chunk_ranges *ranges,
                             obs_chunk_places *places);

/* The encodings of `n` chunks whose bytes are there; 0 where they are not. OBS_INVALID if there is no such chunk. */
obs_status obs_chunks_encodings(const obs_chunk_files *files, const int64_t *chunks, size_t n, uint8_t *encodings);

#endif
