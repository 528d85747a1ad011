#include "text.h"

#include "text_scan.h"

enum { TRIED = 4 }; /* expected keys that are compared, so that a few that vanished cost little */

/* ---- keys ------------------------------------------------------------------------------------------------------- */

/* Whether the body goes on with this entry's key, and the key ends there. */
static inline bool is_next(const text_scan *scan, int32_t number, size_t *end)
{
    const obs_text_cache *cache = scan->cache;
    if ((uint32_t)number >= cache->n_entries)
        return false;
    const obs_text_entry *entry = &cache->entries[number];
    size_t length = (size_t)(uint32_t)entry->length;
    if (entry->kind != scan->kind || length == 0 || length > scan->size - scan->at ||
        (uint64_t)entry->start > cache->n_keys || length > cache->n_keys - (uint64_t)entry->start)
        return false;
    const uint8_t *key = cache->keys + entry->start;
    if (memcmp(scan->body + scan->at, key, length) != 0)
        return false;
    *end = scan->at + length;
    if (key[length - 1] == '}')
        return true;
    if (*end == scan->size)
        return true;
    if (obs_text_classes[scan->body[*end]] & (TEXT_NAME | TEXT_DIGIT))
        return false;
    size_t brace = scan->is_open ? *end : obs_text_skip_blanks(scan->body, scan->size, *end);
    return brace == scan->size || scan->body[brace] != '{';
}

static obs_status read_key(text_scan *scan, size_t *end)
{
    text_pair pair;
    text_key key = obs_text_begin_key(scan->body, scan->size, scan->at, scan->is_open, false);
    while (obs_text_next_pair(&key, &pair))
        ;
    *end = key.at;
    return key.error ? obs_text_fail(scan, (obs_text_error)key.error, key.at) : OBS_OK;
}

obs_status obs_text_take_key(text_scan *scan, text_found *found)
{
    found->start = scan->at;
    found->entry = -1;
    if (scan->samples->n == scan->samples->capacity)
        return OBS_NO_SPACE;
    for (size_t i = scan->next; i < scan->n_expected && i - scan->next < TRIED; i++) {
        if (is_next(scan, scan->expected[i], &found->end)) {
            found->entry = scan->expected[i];
            scan->next = i + 1;
            scan->at = found->end;
            scan->outcome->n_predicted++;
            return OBS_OK;
        }
    }
    size_t end = scan->cache->n_entries ? obs_text_find_end(scan->body, scan->size, scan->at, scan->is_open) : 0;
    if (end > scan->at)
        found->entry = obs_text_find(scan->cache, scan->body + scan->at, end - scan->at, scan->kind);
    if (found->entry >= 0) {
        scan->outcome->n_found++;
        size_t place = (size_t)(uint32_t)scan->cache->place[found->entry];
        if (place < scan->n_expected && scan->expected[place] == found->entry)
            scan->next = place + 1;
    } else {
        obs_status status = read_key(scan, &end);
        if (status != OBS_OK)
            return status;
        if (end - scan->at > INT32_MAX)
            return obs_text_fail(scan, OBS_TEXT_TOO_LONG, scan->at);
        scan->outcome->n_missing++;
    }
    scan->at = found->end = end;
    return OBS_OK;
}

/* ---- metadata --------------------------------------------------------------------------------------------------- */

#define WORD(text) text, sizeof text - 1

static const struct {
    const char *word;
    size_t length;
    obs_text_type type;
    bool is_plain, is_open;
} TYPES[] = {
    {WORD("counter"), OBS_TEXT_COUNTER, true, true},
    {WORD("gauge"), OBS_TEXT_GAUGE, true, true},
    {WORD("histogram"), OBS_TEXT_HISTOGRAM, true, true},
    {WORD("summary"), OBS_TEXT_SUMMARY, true, true},
    {WORD("untyped"), OBS_TEXT_UNKNOWN, true, false},
    {WORD("gaugehistogram"), OBS_TEXT_GAUGE_HISTOGRAM, false, true},
    {WORD("info"), OBS_TEXT_INFO, false, true},
    {WORD("stateset"), OBS_TEXT_STATESET, false, true},
    {WORD("unknown"), OBS_TEXT_UNKNOWN, false, true},
};

static bool find_type(const text_scan *scan, const uint8_t *text, size_t length, obs_text_type *type)
{
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++) {
        if (!(scan->is_open ? TYPES[i].is_open : TYPES[i].is_plain) || TYPES[i].length != length)
            continue;
        if (!memcmp(text, TYPES[i].word, length)) {
            *type = TYPES[i].type;
            return true;
        }
    }
    return false;
}

obs_status obs_text_take_family(text_scan *scan, size_t *start, size_t *end)
{
    size_t at = scan->at;
    if (at < scan->size && (obs_text_classes[scan->body[at]] & TEXT_NAME)) {
        *start = at;
        *end = scan->at = obs_text_skip_name(scan->body, scan->size, at);
        return OBS_OK;
    }
    size_t behind = obs_text_skip_quoted(scan->body, scan->size, at, true, false);
    if (!behind)
        return obs_text_fail(scan, OBS_TEXT_NO_FAMILY, at);
    if (!obs_text_is_utf8(scan->body + at, behind - at))
        return obs_text_fail(scan, OBS_TEXT_BAD_UTF8, at);
    *start = at + 1;
    *end = behind - 1;
    scan->at = behind;
    return OBS_OK;
}

static bool is_unit_of(const uint8_t *name, size_t length, const uint8_t *unit, size_t n)
{
    return n == 0 || (n < length && name[length - n - 1] == '_' && !memcmp(name + length - n, unit, n));
}

obs_status obs_text_put_metadata(text_scan *scan, obs_text_word word, size_t name, size_t name_end, size_t text,
                                 size_t text_end)
{
    obs_text_metadata *to = scan->metadata;
    const uint8_t *body = scan->body;
    obs_text_type type = OBS_TEXT_UNKNOWN;
    if (to->n == to->capacity)
        return OBS_NO_SPACE;
    if (text_end - name > INT32_MAX)
        return obs_text_fail(scan, OBS_TEXT_TOO_LONG, name);
    if (word == OBS_TEXT_TYPE && !find_type(scan, body + text, text_end - text, &type))
        return obs_text_fail(scan, OBS_TEXT_BAD_TYPE, text);
    if (word == OBS_TEXT_HELP && !obs_text_is_utf8(body + text, text_end - text))
        return obs_text_fail(scan, OBS_TEXT_BAD_UTF8, text);
    if (word == OBS_TEXT_UNIT && !is_unit_of(body + name, name_end - name, body + text, text_end - text))
        return obs_text_fail(scan, OBS_TEXT_BAD_UNIT, text);
    size_t n = to->n++;
    to->word[n] = (uint8_t)word;
    to->type[n] = (uint8_t)type;
    to->name_start[n] = (int64_t)name;
    to->name_length[n] = (int32_t)(name_end - name);
    to->text_start[n] = (int64_t)text;
    to->text_length[n] = (int32_t)(text_end - text);
    if (word == OBS_TEXT_TYPE) {
        scan->family = (int32_t)n;
        scan->kind = (type == OBS_TEXT_HISTOGRAM ? OBS_TEXT_LE : type == OBS_TEXT_SUMMARY ? OBS_TEXT_QUANTILE : 0) +
                     (scan->is_open ? OBS_TEXT_OPENMETRICS : OBS_TEXT_PLAIN);
    }
    return OBS_OK;
}

size_t obs_text_lines(const uint8_t *body, size_t size)
{
    size_t lines = 1;
    while (size) {
        uint32_t some = 0;
        size_t n = size < 1 << 16 ? size : 1 << 16;
        for (size_t i = 0; i < n; i++)
            some += body[i] == '\n';
        lines += some;
        body += n;
        size -= n;
    }
    return lines;
}

/* ---- the whole -------------------------------------------------------------------------------------------------- */

obs_status obs_text_parse(const uint8_t *body, size_t size, int32_t format, const obs_text_cache *cache,
                          const int32_t *expected, size_t n_expected, obs_text_samples *samples,
                          obs_text_metadata *metadata, obs_text_exemplars *exemplars, obs_text_outcome *outcome)
{
    samples->n = metadata->n = exemplars->n = 0;
    *outcome = (obs_text_outcome){0, OBS_TEXT_FINE, 0, 0, 0, 0};
    if ((format != OBS_TEXT_PLAIN && format != OBS_TEXT_OPENMETRICS) || cache->n_entries > INT32_MAX ||
        (cache->n_slots & (cache->n_slots - 1)) || samples->capacity > INT32_MAX || metadata->capacity > INT32_MAX ||
        exemplars->capacity > INT32_MAX)
        return OBS_INVALID;
    text_scan scan = {body, size, 0, format == OBS_TEXT_OPENMETRICS, OBS_TEXT_AS_WRITTEN + format, -1, cache, expected,
                      n_expected, 0, samples, metadata, exemplars, outcome};
    return scan.is_open ? obs_text_scan_openmetrics(&scan) : obs_text_scan_plain(&scan);
}
