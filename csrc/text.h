/* Exposition text: what a target answers a scrape with, in Prometheus' text format 0.0.4 or in OpenMetrics 1.0.
 *
 *   # TYPE requests counter             a row of obs_text_metadata, in force for the lines below
 *   requests{code="200"} 17 1700        a row of obs_text_samples
 *   |------ key -------| |  |
 *                    value  time        ms in 0.0.4; seconds with a fraction in OpenMetrics
 *
 * A body is read in one pass, all or nothing: the first error ends it, and says where and what was expected. Texts are
 * ranges of the body, still escaped.
 *
 * The key is the series as it is written. What labels it stands for is worked out once, and the caller keeps an int64
 * reference for it in a cache that it owns. At the next scrape a line is compared with the key that came at this place the
 * last time, and the next few; with the table of hashes if it is none of them; and only what is in neither is read for its
 * labels. `le` of a histogram and `quantile` of a summary are written anew, so that the same key means something else under
 * another TYPE or format: that is its kind.
 *
 *   slots    [ .  .  entry 0 + tag  .  entry 2 + tag ]     open addressing, a power of two; -1 is free
 *   entries  [ 0: start, length, kind | 1: ... ]           never moved; those no longer seen have the kind OBS_TEXT_GONE
 *   keys     [ requests{code="200"}requests{...            the bytes of all keys
 */
#ifndef OBSFLOW_TEXT_H
#define OBSFLOW_TEXT_H

#include "status.h"

typedef enum { OBS_TEXT_PLAIN = 0, OBS_TEXT_OPENMETRICS = 1 } obs_text_format;

/* The numbers are those of the write-ahead log. */
typedef enum {
    OBS_TEXT_UNKNOWN = 0,
    OBS_TEXT_COUNTER,
    OBS_TEXT_GAUGE,
    OBS_TEXT_HISTOGRAM,
    OBS_TEXT_GAUGE_HISTOGRAM,
    OBS_TEXT_SUMMARY,
    OBS_TEXT_INFO,
    OBS_TEXT_STATESET
} obs_text_type;

typedef enum { OBS_TEXT_HELP = 0, OBS_TEXT_TYPE, OBS_TEXT_UNIT } obs_text_word;

/* A kind of key: 2 * a writing + the format. */
enum { OBS_TEXT_AS_WRITTEN = 0, OBS_TEXT_LE = 2, OBS_TEXT_QUANTILE = 4, OBS_TEXT_EXEMPLAR = 6, OBS_TEXT_GONE = 255 };

typedef enum {
    OBS_TEXT_FINE = 0,
    OBS_TEXT_NO_START,       /* expected a metric name, `{` or `#` */
    OBS_TEXT_NO_FAMILY,      /* expected a metric name after HELP, TYPE or UNIT */
    OBS_TEXT_NO_TEXT,        /* expected a space and a text after the name */
    OBS_TEXT_BAD_TYPE,       /* expected a type of the format */
    OBS_TEXT_BAD_UNIT,       /* expected a unit that the name ends with, after `_` */
    OBS_TEXT_BAD_UTF8,       /* expected valid UTF-8 */
    OBS_TEXT_NO_LABEL,       /* expected a label name, a quoted name or `}` */
    OBS_TEXT_EMPTY_LABEL,    /* expected a label name that is not empty */
    OBS_TEXT_NO_EQUALS,      /* expected `=` after a label name */
    OBS_TEXT_NO_QUOTED,      /* expected a quoted label value */
    OBS_TEXT_NO_COMMA,       /* expected `,` or `}` after a label value */
    OBS_TEXT_TWO_NAMES,      /* expected one metric name */
    OBS_TEXT_NO_NAME,        /* expected a metric name within the braces */
    OBS_TEXT_SAME_LABEL,     /* expected each label name once */
    OBS_TEXT_BAD_VALUE,      /* expected a number */
    OBS_TEXT_LARGE_VALUE,    /* expected a number that a double can hold */
    OBS_TEXT_BAD_TIME,       /* expected a time or the end of the line */
    OBS_TEXT_LARGE_TIME,     /* expected a time that 64 bits can hold */
    OBS_TEXT_NO_LINE_END,    /* expected the end of the line */
    OBS_TEXT_NO_COMMENT,     /* expected HELP, TYPE, UNIT or EOF after `# ` */
    OBS_TEXT_NO_EOF,         /* expected `# EOF` at the end */
    OBS_TEXT_AFTER_EOF,      /* expected nothing after `# EOF` */
    OBS_TEXT_TOO_LONG        /* expected a shorter line */
} obs_text_error;

typedef struct {
    int64_t start;  /* in `keys` */
    int32_t length; /* bytes */
    int32_t kind;
} obs_text_entry;

typedef struct {
    uint8_t *keys;
    size_t n_keys, keys_capacity; /* bytes */
    obs_text_entry *entries;
    int64_t *references; /* [entries] what the caller keeps for each */
    int64_t *seen;       /* [entries] the turn in which it last came */
    int64_t *tracked;    /* [entries] the turn in which it last came and counted for staleness */
    int32_t *place;      /* [entries] at which sample it came then */
    size_t n_entries, entries_capacity;
    int64_t *slots; /* entry | upper half of its hash << 32, or -1 */
    size_t n_slots; /* a power of two, above the number of entries; 0 only without entries */
    uint64_t seed;
} obs_text_cache;

typedef struct {
    int64_t *key_start;
    int32_t *key_length;
    uint8_t *kind;
    double *value;
    int64_t *time;     /* ms; 0 without one */
    uint8_t *has_time; /* 0 or 1 */
    int32_t *family;   /* the row of the TYPE in force, or -1 */
    int32_t *exemplar; /* its row, or -1 */
    int32_t *entry;    /* of the cache, or -1 */
    int64_t *reference;
    size_t capacity, n;
} obs_text_samples;

typedef struct {
    uint8_t *word; /* obs_text_word */
    uint8_t *type; /* obs_text_type, of a TYPE */
    int64_t *name_start;
    int32_t *name_length; /* without quotes */
    int64_t *text_start;
    int32_t *text_length;
    size_t capacity, n;
} obs_text_metadata;

typedef struct {
    int64_t *key_start; /* from `{` to `}` */
    int32_t *key_length;
    double *value;
    int64_t *time;
    uint8_t *has_time;
    size_t capacity, n;
} obs_text_exemplars;

typedef struct {
    size_t offset; /* where in the body it went wrong */
    int32_t error; /* obs_text_error */
    int32_t reserved;
    size_t n_predicted, n_found, n_missing; /* keys that came where expected, elsewhere in the cache, and not at all */
} obs_text_outcome;

/* How many rows a body can have at most: its lines. */
size_t obs_text_lines(const uint8_t *body, size_t size);

/* Reads a body. `cache` and `expected`, the entries of the scrape before, may be without rows. OBS_CORRUPT with an
 * outcome; OBS_NO_SPACE, and then `n` of what was too small is its capacity; OBS_INVALID for a cache that does not fit
 * together or a format that is none. */
obs_status obs_text_parse(const uint8_t *body, size_t size, int32_t format, const obs_text_cache *cache,
                          const int32_t *expected, size_t n_expected, obs_text_samples *samples,
                          obs_text_metadata *metadata, obs_text_exemplars *exemplars, obs_text_outcome *outcome);

/* Puts `n` keys into the cache, which must have room for all; `entries[i]` is where each is now. A key that is there stays
 * where it is. OBS_NO_SPACE, and OBS_INVALID for a range outside of `text`. */
obs_status obs_text_add(obs_text_cache *cache, const uint8_t *text, size_t size, const int64_t *starts,
                        const int32_t *lengths, const uint8_t *kinds, size_t n, int32_t *entries);

/* Makes the table of hashes anew, for slots that are all other than before; without what is gone. */
obs_status obs_text_index(obs_text_cache *cache);

/* Ends a turn, of which the samples had these entries; those at which `tracks` is 0 do not count for staleness. The entries
 * that counted in the turn before and do not now are put to `stale`, ascending. Unless `keeps` is set, the entries that
 * were not seen are gone. `stale` needs room for all entries. OBS_INVALID for an entry that is not there. */
obs_status obs_text_turn(obs_text_cache *cache, const int32_t *entries, const uint8_t *tracks, size_t n, int64_t turn,
                         int32_t keeps, int32_t *stale, size_t *n_stale, size_t *n_gone);

typedef struct {
    int64_t *offsets;    /* [keys + 1]: key i has the pairs offsets[i] : offsets[i + 1] */
    int64_t *name_start; /* [pairs] in `text` */
    int64_t *value_start;
    int32_t *name_length;
    int32_t *value_length;
    size_t pairs_capacity;
    uint8_t *text;
    size_t text_capacity, n_text;
} obs_text_labels_out;

/* The labels of `n` keys: sorted by name, `__name__` among them, unescaped, without empty values. OBS_CORRUPT with the
 * outcome of the first key that is none, or has a label twice; OBS_INVALID for a range outside of `body`; OBS_NO_SPACE:
 * no key needs more pairs than a third of its bytes and one, nor more text than three times its bytes and 40. */
obs_status obs_text_labels(const uint8_t *body, size_t size, const int64_t *starts, const int32_t *lengths,
                           const uint8_t *kinds, size_t n, obs_text_labels_out *out, obs_text_outcome *outcome);

#endif
