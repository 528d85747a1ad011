/* Snappy, raw block format: how the records of a write-ahead log and the bodies of remote write are compressed.
 *
 *   uvarint n | element*          n = length of the decoded data, below 2^32
 *
 *   tag & 3 = 0   literal   (tag >> 2) + 1 bytes follow; 60..63 say that the length is in the next 1..4 bytes
 *   tag & 3 = 1   copy      length 4 + (tag >> 2 & 7), offset 11 bits: tag >> 5 and the next byte
 *   tag & 3 = 2   copy      length (tag >> 2) + 1, offset in the next 2 bytes, little-endian
 *   tag & 3 = 3   copy      the same with 4 bytes
 *
 * A copy may overlap what it writes. An element is 3 bytes at least for every 64 it makes, so a block can claim at
 * most 22 times its own length; obs_snappy_length refuses more before anybody allocates it.
 */
#ifndef OBSFLOW_SNAPPY_H
#define OBSFLOW_SNAPPY_H

#include "status.h"

/* The length that the block says it decodes to. OBS_CORRUPT if the block cannot be that long. */
obs_status obs_snappy_length(const uint8_t *data, size_t length, size_t *decoded);

/* Decodes the whole block; `out` must hold what obs_snappy_length says. OBS_CORRUPT unless it gives exactly that. */
obs_status obs_snappy_decode(const uint8_t *data, size_t length, uint8_t *out, size_t capacity);

enum { OBS_SNAPPY_TABLE = 1 << 14 };

/* Bytes that encoding so many may need. */
size_t obs_snappy_max_length(size_t length);

/* Encodes a block; `table` is scratch of OBS_SNAPPY_TABLE entries. OBS_INVALID beyond 32 bits of length, OBS_NO_SPACE unless
 * there is room for obs_snappy_max_length(length). */
obs_status obs_snappy_encode(const uint8_t *data, size_t length, uint16_t *table, uint8_t *out, size_t capacity,
                             size_t *written);

#endif
