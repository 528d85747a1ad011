/* Reading an index: where the entries of its series are, and what they hold.
 *
 *   entry      at a multiple of the alignment: | uvarint length | body | u32 CRC-32C of the body |
 *
 * Zeros between entries are padding.
 */
#ifndef OBSFLOW_INDEX_READ_H
#define OBSFLOW_INDEX_READ_H

#include "status.h"

/* Finds all entries of a section that begins at `position` of its file: starts and lengths of their bodies, in the section.
 * OBS_CORRUPT where one does not fit or its checksum does not match, OBS_NO_SPACE for more than `capacity`. */
obs_status obs_index_find_entries(const uint8_t *section, size_t size, size_t position, size_t alignment, int64_t *starts,
                                  int64_t *lengths, size_t capacity, size_t *n);

/* The varints of bodies: body i has the values offsets[i] : offsets[i + 1]. One that does not end in its body, or has more than
 * 64 bits, comes out as the greatest value, which nothing in a sound body reaches. `capacity` is the bytes of all bodies.
 * OBS_INVALID for a body outside of the data. */
obs_status obs_index_decode_bodies(const uint8_t *data, size_t size, const int64_t *starts, const int64_t *lengths,
                                   size_t n, uint64_t *values, size_t capacity, int64_t *offsets);

#endif
