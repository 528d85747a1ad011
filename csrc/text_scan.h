/* A body on its way through. Internal to text*.c. */
#ifndef OBSFLOW_TEXT_SCAN_H
#define OBSFLOW_TEXT_SCAN_H

#include "decimal.h"
#include "text_key.h"

typedef struct {
    const uint8_t *body;
    size_t size, at;
    bool is_open;
    int32_t kind, family;
    const obs_text_cache *cache;
    const int32_t *expected;
    size_t n_expected, next; /* of `expected` */
    obs_text_samples *samples;
    obs_text_metadata *metadata;
    obs_text_exemplars *exemplars;
    obs_text_outcome *outcome;
} text_scan;

typedef struct {
    size_t start, end;
    int32_t entry;
} text_found;

obs_status obs_text_scan_plain(text_scan *scan);
obs_status obs_text_scan_openmetrics(text_scan *scan);

/* The key at `scan->at`, behind which it then is. */
obs_status obs_text_take_key(text_scan *scan, text_found *found);

/* HELP, TYPE or UNIT, of which the name begins at `scan->at`: the name, and where it ends. */
obs_status obs_text_take_family(text_scan *scan, size_t *start, size_t *end);

/* The row of a HELP, TYPE or UNIT, whose text is checked. */
obs_status obs_text_put_metadata(text_scan *scan, obs_text_word word, size_t name, size_t name_end, size_t text,
                                 size_t text_end);

static inline obs_status obs_text_fail(text_scan *scan, obs_text_error error, size_t at)
{
    scan->outcome->error = error;
    scan->outcome->offset = at;
    return OBS_CORRUPT;
}

static inline bool obs_text_begins(const text_scan *scan, size_t at, const char *word, size_t length)
{
    return scan->size - at >= length && !memcmp(scan->body + at, word, length);
}

static inline obs_status obs_text_take_number(text_scan *scan, double *value)
{
    size_t used;
    obs_decimal_status status = obs_decimal_read(scan->body + scan->at, scan->size - scan->at, value, &used);
    if (status != OBS_DECIMAL_OK)
        return obs_text_fail(scan, status == OBS_DECIMAL_RANGE ? OBS_TEXT_LARGE_VALUE : OBS_TEXT_BAD_VALUE, scan->at);
    scan->at += used;
    return OBS_OK;
}

static inline void obs_text_put_sample(text_scan *scan, const text_found *found, double value, bool has_time,
                                       int64_t time, int32_t exemplar)
{
    obs_text_samples *to = scan->samples;
    size_t n = to->n++;
    to->key_start[n] = (int64_t)found->start;
    to->key_length[n] = (int32_t)(found->end - found->start);
    to->value[n] = value;
    to->time[n] = time;
    to->family[n] = scan->family;
    to->exemplar[n] = exemplar;
    to->entry[n] = found->entry;
    to->reference[n] = found->entry < 0 ? -1 : scan->cache->references[found->entry];
    to->kind[n] = (uint8_t)scan->kind; /* bytes last: what they may point to is loaded again after each */
    to->has_time[n] = has_time;
}

#endif
