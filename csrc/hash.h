/* Checksums and hashes that Prometheus' files and APIs are made with.
 *
 *   CRC-32C     every record of a block, a segment or a write-ahead log: reflected polynomial 0x82F63B78, initial and
 *               final xor 0xFFFFFFFF. Uses the SSE4.2 instruction where the processor has it.
 *   XXH64       seed 0; the hash of a label set.
 *   FNV-1a 64   fingerprints of alerts.
 *
 * All read exactly `length` bytes, which may be 0.
 */
#ifndef OBSFLOW_HASH_H
#define OBSFLOW_HASH_H

#include "status.h"

uint32_t obs_hash_crc32c(const uint8_t *data, size_t length);

/* The same without special instructions. */
uint32_t obs_hash_crc32c_portable(const uint8_t *data, size_t length);

/* CRC-32C of `n` ranges of one buffer: sums[i] is that of data[starts[i] : starts[i] + lengths[i]].
 * OBS_INVALID if a range leaves the buffer. */
obs_status obs_hash_crc32c_many(const uint8_t *data, size_t size, const int64_t *starts, const int64_t *lengths,
                                size_t n, uint32_t *sums);

uint64_t obs_hash_xxhash64(const uint8_t *data, size_t length);

uint64_t obs_hash_fnv1a64(const uint8_t *data, size_t length);

#endif
