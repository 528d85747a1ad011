/* Files of the head's closed chunks, which Prometheus maps into memory:
 *
 *   | magic 0130BC91 | version 1 | 3 zeros |
 *   | u64 series reference | i64 first time | i64 last time | u8 encoding | uvarint length | data | u32 CRC-32C of all before |
 *
 * 128 in the encoding says that the chunk's samples came out of order.
 */
#ifndef OBSFLOW_HEAD_CHUNKS_H
#define OBSFLOW_HEAD_CHUNKS_H

#include "status.h"

/* Bytes that a chunk of so many bytes takes. */
size_t obs_head_chunks_size(size_t length);

/* Writes `n` chunks, which are ends[i - 1] : ends[i] of `data`, one after another to `out`; the data of chunk i then begin at
 * starts[i] of it. OBS_INVALID for ends that do not ascend, OBS_NO_SPACE where `out` is too small. */
obs_status obs_head_chunks_encode(const uint8_t *data, const int64_t *ends, const uint64_t *references,
                                  const int64_t *min_time, const int64_t *max_time, size_t n, uint8_t encoding, uint8_t *out,
                                  size_t capacity, int64_t *starts, size_t *written);

/* The chunks of a file, in its order. `is_sound` says whether the checksum holds. */
typedef struct {
    uint64_t *references;
    int64_t *offsets; /* of the chunk in the file, and of its data */
    int64_t *starts;
    int64_t *lengths;
    int64_t *min_time;
    int64_t *max_time;
    uint8_t *encodings;
    uint8_t *is_sound;
    size_t capacity;
    size_t n;
} obs_head_chunks_table;

/* Chunks that a file of so many bytes can have at most. */
size_t obs_head_chunks_capacity(size_t size);

/* Fills the table with what follows the file's header, up to where only zeros are, or the end; or else to `*fault`, where a
 * chunk begins that does not fit into the file (-1 if there is none). OBS_NO_SPACE where the table is too small. */
obs_status obs_head_chunks_decode(const uint8_t *data, size_t size, obs_head_chunks_table *table, int64_t *fault);

#endif
