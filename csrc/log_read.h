/* Reading Prometheus' write-ahead log (log_write.h says how it is framed): the records of a segment, checked, put together
 * and without Snappy, many in one call.
 *
 * What is damaged costs the records that it touches: reading goes on with the next fragment of the page whose checksum
 * holds, or with the next page. The checksum does not cover a fragment's type, so a record is taken only where each of its
 * fragments follows as it must; where one that starts a record comes within a record, both are given up.
 */
#ifndef OBSFLOW_LOG_READ_H
#define OBSFLOW_LOG_READ_H

#include "status.h"

typedef enum {
    OBS_LOG_SOUND = 0,
    OBS_LOG_NOT_ZERO,      /* a fragment of type 0 is not followed by zeros */
    OBS_LOG_TORN,          /* the segment ends within a fragment */
    OBS_LOG_UNKNOWN_TYPE,
    OBS_LOG_TOO_LONG,      /* a fragment does not fit into its page */
    OBS_LOG_CHECKSUM,
    OBS_LOG_NOT_CONTINUED, /* the rest of the page is empty within a record */
    OBS_LOG_STARTS_WITHIN, /* a record starts within a record */
    OBS_LOG_NO_START,      /* a fragment continues no record */
    OBS_LOG_MIXED,         /* the fragments of a record are not compressed alike */
    OBS_LOG_NO_SNAPPY,     /* the record does not decompress */
    OBS_LOG_ENDS_WITHIN    /* the segment ends within a record */
} obs_log_fault;

/* Where reading stands: all zero but for `in_step`, which is 1, at the start of a segment. */
typedef struct {
    uint64_t position;
    uint64_t lost;      /* bytes of damaged fragments, and of those that belong to the same records */
    uint64_t sound_end; /* where the last whole record ends */
    uint8_t in_step;    /* 0 after a fault, until a record starts */
    uint8_t is_done;
} obs_log_place;

enum { OBS_LOG_PLAIN = 0, OBS_LOG_ZSTD = 1 };

/* Records: the data, still compressed where they were by zstd, are `start`, `length` of `out`. */
typedef struct {
    uint8_t *out;
    size_t out_size;
    int64_t *offsets; /* of the first fragment in the segment */
    int64_t *starts;
    int64_t *lengths;
    uint8_t *compressions; /* OBS_LOG_PLAIN or OBS_LOG_ZSTD */
    size_t capacity;
    size_t n;
} obs_log_records;

typedef struct {
    uint8_t *codes; /* obs_log_fault */
    int64_t *offsets;
    size_t capacity;
    size_t n;
} obs_log_faults;

/* Reads on from `place`, into tables that are filled from the start. OBS_NO_SPACE, with what was read so far, when one of
 * them is full: then call again, with more of `out` if nothing was read. Of the segment that is being written, which
 * `is_last`, the end is no fault where it lies within a record. */
obs_status obs_log_read(const uint8_t *data, size_t size, int is_last, obs_log_place *place, obs_log_records *records,
                        obs_log_faults *faults);

#endif
