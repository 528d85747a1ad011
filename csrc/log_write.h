/* Writing Prometheus' write-ahead log: records of samples (log.h), and any records into pages.
 *
 *   page       32 KiB of fragments; what is left at its end, if less than 7 bytes, is zero
 *   fragment   | u8 type | u16 length | u32 CRC-32C of the data | data |
 *   type       1 the whole record, 2 its first part, 3 one in the middle, 4 its last; + 8 where the record is Snappy
 */
#ifndef OBSFLOW_LOG_WRITE_H
#define OBSFLOW_LOG_WRITE_H

#include "snappy.h"
#include "status.h"

enum { OBS_LOG_PAGE = 1 << 15 };

/* Bytes that records of `n` samples need at most, `per_record` in each. */
size_t obs_log_samples_max(size_t n, size_t per_record);

/* Encodes samples as records of type 2, `per_record` in each but the last. Record i becomes ends[i - 1] : ends[i] of `out`;
 * there are n / per_record of them, rounded up. OBS_INVALID if `per_record` is 0. */
obs_status obs_log_encode_samples(const uint64_t *references, const int64_t *times, const double *values, size_t n,
                                  size_t per_record, uint8_t *out, size_t capacity, int64_t *ends);

/* Writes records of type 1 anew, with those series only whose references are in `kept` (ascending): record i, of a range of
 * `data`, becomes ends[i - 1] : ends[i] of `out`, which is empty where no series stays. `bad[i]` is 1 for a record that ends
 * within a series, whose series before count. OBS_INVALID for a range that is outside of the data or has another type,
 * OBS_NO_SPACE unless `out` has room for all of the ranges. */
obs_status obs_log_keep_series(const uint8_t *data, size_t size, const int64_t *starts, const int64_t *lengths, size_t n,
                               const uint64_t *kept, size_t n_kept, uint8_t *out, size_t capacity, int64_t *ends, uint8_t *bad);

/* What framing needs besides: `table` as Snappy does, or NULL for no compression, and room for one compressed record. */
typedef struct {
    uint16_t *table;
    uint8_t *compressed;
    size_t capacity; /* obs_snappy_max_length of the longest record */
} obs_log_scratch;

/* Bytes that a record of this length takes at most, whatever it is compressed to and wherever in a page it starts. */
size_t obs_log_framed_max(size_t length);

/* Puts records, which are ends[i - 1] : ends[i] of `data`, one after another into pages, beginning at `*position` of a
 * segment. A record that Snappy does not shorten stays as it is. Stops before the first record that might take the segment
 * beyond `limit` bytes; `*n_done` were put. OBS_INVALID for ends that do not ascend. */
obs_status obs_log_frame(const uint8_t *data, const int64_t *ends, size_t n_records, size_t limit, uint64_t *position,
                         obs_log_scratch *scratch, uint8_t *out, size_t capacity, size_t *written, size_t *n_done);

#endif
