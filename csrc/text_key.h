/* Keys of exposition text, read one pair at a time. Internal to text*.c. */
#ifndef OBSFLOW_TEXT_KEY_H
#define OBSFLOW_TEXT_KEY_H

#include <stdbool.h>
#include <string.h>

#include "text.h"

enum { TEXT_NAME = 1, TEXT_LABEL = 2, TEXT_DIGIT = 4, TEXT_BLANK = 8 };

/* What a byte may be a part of: TEXT_NAME begins a metric name, TEXT_LABEL also a label name. */
extern const uint8_t obs_text_classes[256];

typedef struct {
    const uint8_t *body;
    size_t size, at;
    int32_t error; /* obs_text_error; `at` is then where */
    bool is_open;  /* OpenMetrics: no blanks, no missing comma, no line break in a value */
    bool is_exemplar, is_inside, has_name;
    size_t name_start, name_end; /* without quotes */
} text_key;

typedef struct {
    size_t name_start, name_end, value_start, value_end; /* without quotes, still escaped */
} text_pair;

static inline bool obs_text_is(const text_key *key, size_t at, unsigned classes)
{
    return at < key->size && (obs_text_classes[key->body[at]] & classes);
}

static inline size_t obs_text_skip_name(const uint8_t *body, size_t size, size_t at)
{
    while (at < size && (obs_text_classes[body[at]] & (TEXT_NAME | TEXT_DIGIT)))
        at++;
    return at;
}

static inline size_t obs_text_skip_blanks(const uint8_t *body, size_t size, size_t at)
{
    while (at < size && (body[at] == ' ' || body[at] == '\t'))
        at++;
    return at;
}

/* Begins a key at `at`: a metric name or `{`. What is not one is an error. */
text_key obs_text_begin_key(const uint8_t *body, size_t size, size_t at, bool is_open, bool is_exemplar);

/* The next pair. False after the last, `at` is then behind the key, and on an error. */
bool obs_text_next_pair(text_key *key, text_pair *pair);

/* Behind a quoted string that begins at `at`, or 0 if there is none. */
size_t obs_text_skip_quoted(const uint8_t *body, size_t size, size_t at, bool takes_lines, bool takes_zeros);

bool obs_text_is_utf8(const uint8_t *text, size_t length);

/* Where a key ends, if it is one: cheaply. */
size_t obs_text_find_end(const uint8_t *body, size_t size, size_t at, bool is_open);

/* The entry of a key, or -1. */
int32_t obs_text_find(const obs_text_cache *cache, const uint8_t *key, size_t length, int32_t kind);

#endif
