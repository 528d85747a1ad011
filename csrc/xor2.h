/* XOR2 float chunks, Prometheus' encoding 4: read only.
 *
 *   | u16 n | u8 start times | varint t0 | 64 bits v0 | [varint t0 - st0] | uvarint t1 - t0 | value | [st] |
 *   | sample | [st] | sample | [st] | ... 0 to a byte
 *
 *   sample                                          value after a dod
 *     0                 dod 0, value unchanged        0                              unchanged
 *     10     + changed  dod 0                         10   + the window's bits of x
 *     110    + 13 bits  dod, then value               110  + lead:5 + size:6 + size bits of x
 *     1110   + 20 bits  dod, then value               111                            a stale marker
 *     11110  + 64 bits  dod, then value             changed
 *     11111             dod 0, a stale marker         0    + the window's bits of x
 *                                                     1    + lead:5 + size:6 + size bits of x
 *
 * A dod is in two's complement. x is against the newest value that is no stale marker, or 0 if there is none. The window
 * is that of XOR chunks. Bit 7 of the byte for start times says that st0 is there; its other bits, if not 0, that every
 * sample from that index on ends with a start time: a varbit of t[i-1] - st[i], and from the next on of how that changed.
 * Samples before that index have the start time of the first, or 0 if it has none.
 *
 *   varbit   0   |   10 + 3 bits   |   110 + 6   |   1110 + 9   |   ... + 12, 18, 25, 56   |   11111111 + 64
 */
#ifndef OBSFLOW_XOR2_H
#define OBSFLOW_XOR2_H

#include "status.h"

/* An upper bound for the samples in these bytes, whatever they claim. */
size_t obs_xor2_capacity(const uint8_t *data, size_t length);

/* Decodes a chunk into `times` (ms), `values`, and `starts` (ms, 0 for none) unless that is NULL. `*count` samples were
 * written, also when the status is OBS_TRUNCATED or OBS_CORRUPT: those before the fault. */
obs_status obs_xor2_decode(const uint8_t *data, size_t length, int64_t *times, double *values, int64_t *starts,
                           size_t capacity, size_t *count);

#endif
