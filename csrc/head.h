/* The newest samples of many series: an open XOR chunk each, which grows sample by sample, and chunks that are closed.
 *
 *   series   64 bytes each: where its open chunk stands, and its newest closed chunk
 *   slots    the open chunks' bytes, in pages of slots of one size: each chunk gets one that would have held the chunk before
 *            it, and moves to a larger one where that is not enough
 *   closed   a row for each closed chunk, linked from newer to older; its bytes lie in an arena, and never change
 *
 * Chunks are cut where Prometheus cuts them: at the end of the range that is a multiple of `chunk_range`; when a quarter of
 * OBS_HEAD_CHUNK_SAMPLES says how many chunks the range needs, at equal parts of it; at twice that many samples; and before
 * one could grow beyond 1024 bytes.
 *
 * All memory is the caller's. An append that finds no room says how far it came; with more room it goes on.
 */
#ifndef OBSFLOW_HEAD_H
#define OBSFLOW_HEAD_H

#include "status.h"
#include "xor.h"

enum {
    OBS_HEAD_SIZES = 12, /* of slots */
    OBS_HEAD_PAGE_BYTES = 65536,
    OBS_HEAD_CHUNK_SAMPLES = 120,
    OBS_HEAD_CHUNK_BYTES_MAX = 1040 /* bytes that a closed chunk can have */
};

/* A series. Times are ms. All zero but for `slot` and `newest`, which are -1, is one without samples. */
typedef struct {
    obs_xor_state open; /* no chunk is open where its count is 0; the time and bits of the newest sample are kept */
    int64_t first;      /* when the open chunk starts */
    int64_t cut;        /* a sample at this time or later starts another chunk */
    int32_t slot;       /* of the open chunk: its page in the upper bits, which of it below; or -1 */
    int32_t newest;     /* its newest closed chunk, or -1 */
} obs_head_series;

/* A page of slots of one size. A number of a page is one more than its index, so that 0 is none. */
typedef struct {
    uint8_t *bytes; /* [OBS_HEAD_PAGE_BYTES] */
    int32_t next;   /* in its list: of the pages of this size that have a free slot, or of those that have none in use */
    int32_t before;
    uint16_t used;
    uint16_t touched; /* slots that were ever used */
    uint16_t spare;   /* the newest that was given back, which names the one before it: one more than which, 0 for none */
    uint16_t size;
} obs_head_page;

/* The first pages of lists. What is empty goes to any size, so that series which outgrow a size together leave nothing behind. */
typedef struct {
    obs_head_page *table; /* [capacity] */
    size_t capacity;
    size_t n;
    int32_t with_room[12]; /* OBS_HEAD_SIZES */
    int32_t empty;
} obs_head_pages;

/* Closed chunks, oldest first. */
typedef struct {
    int32_t *series;
    int32_t *older;  /* the chunk of the same series before this one, or -1 */
    int32_t *buffer; /* number of the arena, or of what the caller moved the bytes to */
    int64_t *start;
    int32_t *length;
    int64_t *min_time;
    int64_t *max_time;
    size_t capacity;
    size_t n;
} obs_head_closed;

typedef struct {
    obs_head_series *series;
    size_t n_series;
    obs_head_pages pages;
    obs_head_closed closed;
    uint8_t *arena; /* the one that is being filled */
    size_t arena_size;
    size_t arena_used;
    int32_t arena_number;
    int64_t chunk_range; /* ms */
} obs_head;

typedef enum {
    OBS_HEAD_TAKEN = 0,     /* newer than all that the series has */
    OBS_HEAD_REPEATED,      /* the newest sample again, bit for bit */
    OBS_HEAD_CONTRADICTS,   /* another value at the time of the newest sample */
    OBS_HEAD_OUT_OF_ORDER,  /* older than the newest sample, and late samples are not taken */
    OBS_HEAD_OUT_OF_BOUNDS, /* older than all that is taken */
    OBS_HEAD_TOO_OLD,       /* older than late samples may be */
    OBS_HEAD_LATE           /* older than the newest sample, and to be taken as a late one */
} obs_head_code;

/* What an append has no room for. */
typedef enum { OBS_HEAD_LACKS_PAGE, OBS_HEAD_LACKS_ARENA, OBS_HEAD_LACKS_CLOSED } obs_head_lack;

/* What times are taken; INT64_MIN never is. */
typedef struct {
    int64_t min_time;  /* of samples, but for late ones */
    int64_t late_from; /* the oldest late sample; INT64_MAX where none are taken */
} obs_head_bounds;

/* Room for one sample each, to remember what it would replace. */
typedef struct {
    int64_t *times;
    uint64_t *bits;
    size_t capacity;
} obs_head_scratch;

/* Adds a page of OBS_HEAD_PAGE_BYTES. OBS_NO_SPACE where the table of them is full. */
obs_status obs_head_add_page(obs_head *head, uint8_t *bytes);

/* Makes the series first : n_series empty. */
void obs_head_start(obs_head *head, size_t first);

/* What would become of `n` samples that are appended one after another: an obs_head_code each. Changes nothing.
 * OBS_INVALID for a row that is not there, OBS_NO_SPACE for a scratch that is too small. */
obs_status obs_head_check(obs_head *head, const obs_head_bounds *bounds, const int64_t *rows, const int64_t *times,
                          const double *values, size_t n, obs_head_scratch *scratch, uint8_t *codes);

/* Appends the samples `*done` : n, each newer than what its series has, and counts on `*done`. OBS_NO_SPACE when another page,
 * arena, or row of the table of closed chunks is needed, an obs_head_lack. OBS_INVALID for a row that is not there, or a sample
 * that is not newer; those before it are appended. */
obs_status obs_head_append(obs_head *head, const int64_t *rows, const int64_t *times, const double *values, size_t n,
                           size_t *done, size_t *lacking);

/* The same for distinct series that all get a sample at one time, not before `min_time`. OBS_INVALID, and nothing is appended, if
 * one of them has a sample that is not older. */
obs_status obs_head_append_at(obs_head *head, int64_t min_time, const int64_t *rows, int64_t time, const double *values,
                              size_t n, size_t *done, size_t *lacking);

/* One sample: says in `*code` what becomes of it, an obs_head_code, and appends it where that is OBS_HEAD_TAKEN. OBS_NO_SPACE as
 * for many, and OBS_INVALID for a row that is not there; the sample is not appended then. */
obs_status obs_head_take(obs_head *head, const obs_head_bounds *bounds, int64_t row, int64_t time, double value,
                         uint8_t *code, size_t *lacking);

/* Says that the newest sample of a series is this one, which is kept elsewhere: the open chunk is closed, and what comes next
 * must be newer. OBS_NO_SPACE as above; OBS_INVALID for a row that is not there, or a sample that is not newer. */
obs_status obs_head_mark_newest(obs_head *head, int64_t row, int64_t time, double value, size_t *lacking);

/* Runs of the series `rows` that touch [from, to]: series i has offsets[i] : offsets[i + 1]. */
typedef struct {
    int64_t *offsets; /* [n_rows + 1] */
    int32_t *buffer;
    int64_t *start;
    int64_t *length;
    int64_t *min_time;
    int64_t *max_time;
    size_t capacity;
    uint8_t *copies; /* the bytes of open chunks */
    size_t copies_size;
    int32_t copies_buffer; /* the number that runs in `copies` get */
} obs_head_runs;

/* Fills `offsets`, and `*copies_size` with the bytes of the open chunks among them. OBS_INVALID for a row that is not there. */
obs_status obs_head_count_runs(const obs_head *head, const int64_t *rows, size_t n_rows, int64_t from, int64_t to,
                               int64_t *offsets, size_t *copies_size);

/* Fills the rest, in order of time. OBS_NO_SPACE unless it has the room that was counted. */
obs_status obs_head_fill_runs(const obs_head *head, const int64_t *rows, size_t n_rows, int64_t from, int64_t to,
                              obs_head_runs *runs);

/* Drops the chunks that end before a time, open ones too, and keeps the order of the closed ones that stay. The newest sample
 * of a series is remembered. */
void obs_head_forget(obs_head *head, int64_t before);

/* Makes series empty that have no closed chunk, as if they had never been. OBS_INVALID for another row; nothing changes then. */
obs_status obs_head_release(obs_head *head, const int64_t *rows, size_t n_rows);

#endif
