/* Writing the parts of a block that have something for every series: chunks into segments; entries, postings and their table
 * into an index. Each makes a stretch of a file that begins at `position`.
 *
 *   chunk      | uvarint length | u8 encoding | data | u32 CRC-32C of encoding and data |
 *   entry      at a multiple of 16: | uvarint length | body | u32 CRC of the body |
 *   body       | uvarint labels | (uvarint name, uvarint value)* | uvarint chunks | chunks' times and references |
 *   postings   at a multiple of 4: | u32 length | u32 n | n x u32 entry's offset / 16 | u32 CRC of all after the length |
 *   table      | (2 | text name | text value | uvarint offset of the postings)* |
 *
 * Names and values are ordinals of symbols. The caller makes sure that each `out` has the room that is asked for.
 */
#ifndef OBSFLOW_INDEX_WRITE_H
#define OBSFLOW_INDEX_WRITE_H

#include "status.h"

enum { OBS_ENTRY_ALIGNMENT = 16, OBS_POSTINGS_ALIGNMENT = 4 };

/* The series of a block in order: series i has the chunks offsets[i] : offsets[i + 1]. */
typedef struct {
    const uint32_t *names;  /* [n_names] */
    const uint32_t *values; /* [n_names, n_series]: UINT32_MAX where the series lacks the label */
    size_t n_names;
    size_t n_series;
    const int64_t *offsets;   /* [n_series + 1] */
    const int64_t *min_time;  /* [n_chunks] */
    const int64_t *max_time;  /* [n_chunks] */
    const int64_t *reference; /* [n_chunks], ascending */
    size_t n_chunks;
} obs_block_series;

typedef struct {
    const uint8_t *const *buffers; /* [n_buffers] */
    const size_t *sizes;
    size_t n_buffers;
    const int32_t *buffer; /* [n_chunks] */
    const int64_t *start;
    const int64_t *length;
    const uint8_t *encoding;
    size_t n_chunks;
} obs_block_chunks;

/* Bytes of a chunk of so many in its segment. */
size_t obs_segment_chunk_bytes(size_t length);

/* Writes the chunks first : last; `reference[i]` gets the offset in the segment of each. OBS_INVALID for a chunk outside of its
 * buffer, OBS_NO_SPACE where `capacity` is less than they take. */
obs_status obs_segment_write(const obs_block_chunks *chunks, size_t first, size_t last, size_t position, uint8_t *out,
                             size_t capacity, int64_t *reference);

/* Bytes that the entries may need. */
size_t obs_index_entries_max(const obs_block_series *series);

/* Writes the entries, and to `entries` their offsets / 16. OBS_INVALID for chunks that are not there or do not follow one
 * another, OBS_NO_SPACE also where an offset would be beyond 32 bits. */
obs_status obs_index_write_entries(const obs_block_series *series, size_t position, uint8_t *out, size_t capacity,
                                   size_t *written, uint32_t *entries);

/* Series by label: list i has the members offsets[i] : offsets[i + 1], which are offsets / 16 of entries, ascending. */
typedef struct {
    const uint32_t *members;
    const int64_t *offsets; /* [n_lists + 1] */
    size_t n_lists;
} obs_postings;

size_t obs_index_postings_max(const obs_postings *postings);

/* Writes the lists, and to `at` where in the file each begins. */
obs_status obs_index_write_postings(const obs_postings *postings, size_t position, uint8_t *out, size_t capacity,
                                    size_t *written, int64_t *at);

/* Texts by ordinal: text i is ends[i - 1] : ends[i] of `bytes`. */
typedef struct {
    const uint8_t *bytes;
    const int64_t *ends;
    size_t n;
} obs_texts;

/* Writes the entries of the table: names[i] and values[i] have the list that begins at[i]. OBS_INVALID for no such text. */
obs_status obs_index_write_table(const obs_texts *texts, const uint32_t *names, const uint32_t *values,
                                 const int64_t *at, size_t n, uint8_t *out, size_t capacity, size_t *written);

#endif
