#include "text_key.h"

#include "bits.h"

#define LETTERS(from, to) [from... to] = TEXT_NAME | TEXT_LABEL

__extension__ const uint8_t obs_text_classes[256] = {
    LETTERS('a', 'z'),         LETTERS('A', 'Z'),          ['_'] = TEXT_NAME | TEXT_LABEL, [':'] = TEXT_NAME,
    ['0' ... '9'] = TEXT_DIGIT, [' '] = TEXT_BLANK, ['\t'] = TEXT_BLANK,
};

static bool fail(text_key *key, obs_text_error error, size_t at)
{
    key->error = error;
    key->at = at;
    return false;
}

/* ---- strings ---------------------------------------------------------------------------------------------------- */

bool obs_text_is_utf8(const uint8_t *text, size_t length)
{
    for (size_t i = 0; i < length;) {
        if (length - i >= 8 && !(obs_load64le(text + i) & 0x8080808080808080u)) {
            i += 8;
            continue;
        }
        uint8_t first = text[i++];
        if (first < 0x80)
            continue;
        if (first < 0xc2 || first > 0xf4)
            return false;
        size_t more = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
        if (length - i < more)
            return false;
        /* too long for what they say, surrogates, and beyond the last plane */
        uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
        uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
        for (; more; more--, i++, low = 0x80, high = 0xbf)
            if (text[i] < low || text[i] > high)
                return false;
    }
    return true;
}

/* The first quote or backslash, from `at` on. Eight bytes at a time: a borrow only ever marks a byte after the first. */
static size_t find_quote(const uint8_t *body, size_t size, size_t at)
{
    const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
    for (; size - at >= 8; at += 8) {
        uint64_t word = obs_load64le(body + at), quote = word ^ ones * '"', slash = word ^ ones * '\\';
        uint64_t found = ((quote - ones) & ~quote & tops) | ((slash - ones) & ~slash & tops);
        if (found)
            return at + (size_t)__builtin_ctzll(found) / 8;
    }
    while (at < size && body[at] != '"' && body[at] != '\\')
        at++;
    return at;
}

size_t obs_text_skip_quoted(const uint8_t *body, size_t size, size_t at, bool takes_lines, bool takes_zeros)
{
    if (at >= size || body[at] != '"')
        return 0;
    size_t from = at + 1, end = from;
    for (;;) {
        end = find_quote(body, size, end);
        if (end >= size)
            return 0;
        if (body[end] == '"')
            break;
        if (size - end < 2 || body[end + 1] == '\n')
            return 0; /* a backslash does not escape the end of a line */
        end += 2;
    }
    if (!takes_lines && memchr(body + from, '\n', end - from))
        return 0;
    if (!takes_zeros && memchr(body + from, 0, end - from))
        return 0;
    return end + 1;
}

/* ---- keys ------------------------------------------------------------------------------------------------------- */

static void skip_blanks(text_key *key)
{
    if (!key->is_open)
        key->at = obs_text_skip_blanks(key->body, key->size, key->at);
}

static bool take(text_key *key, uint8_t byte)
{
    skip_blanks(key);
    if (key->at >= key->size || key->body[key->at] != byte)
        return false;
    key->at++;
    return true;
}

text_key obs_text_begin_key(const uint8_t *body, size_t size, size_t at, bool is_open, bool is_exemplar)
{
    text_key key = {body, size, at, OBS_TEXT_FINE, is_open, is_exemplar, false, is_exemplar, 0, 0};
    if (!is_exemplar && obs_text_is(&key, at, TEXT_NAME)) {
        size_t end = obs_text_skip_name(body, size, at);
        key.has_name = true;
        key.name_start = at;
        key.name_end = end;
        key.at = end;
        key.is_inside = take(&key, '{');
        if (!key.is_inside)
            key.at = end;
    } else if (take(&key, '{')) {
        key.is_inside = true;
    } else {
        fail(&key, OBS_TEXT_NO_START, key.at);
    }
    return key;
}

/* A label name, or a quoted metric name, which is not a pair and makes it false. */
static bool read_name(text_key *key, text_pair *pair)
{
    size_t start = key->at, end;
    if (obs_text_is(key, start, TEXT_LABEL)) {
        for (end = start + 1; obs_text_is(key, end, TEXT_LABEL | TEXT_DIGIT);)
            end++;
        pair->name_start = start;
        pair->name_end = key->at = end;
        return true;
    }
    end = obs_text_skip_quoted(key->body, key->size, start, !key->is_exemplar, false);
    if (!end)
        return fail(key, OBS_TEXT_NO_LABEL, start);
    if (!obs_text_is_utf8(key->body + start, end - start))
        return fail(key, OBS_TEXT_BAD_UTF8, start);
    pair->name_start = start + 1;
    pair->name_end = end - 1;
    key->at = end;
    skip_blanks(key);
    if (key->is_exemplar || key->at >= key->size || (key->body[key->at] != ',' && key->body[key->at] != '}')) {
        if (end - start == 2)
            return fail(key, OBS_TEXT_EMPTY_LABEL, start);
        return true;
    }
    if (key->has_name)
        return fail(key, OBS_TEXT_TWO_NAMES, start);
    key->has_name = true;
    key->name_start = pair->name_start;
    key->name_end = pair->name_end;
    key->at += key->body[key->at] == ',';
    return false;
}

bool obs_text_next_pair(text_key *key, text_pair *pair)
{
    if (key->error || !key->is_inside)
        return false;
    for (;;) {
        size_t before = key->at;
        if (take(key, '}')) {
            key->is_inside = false;
            return key->has_name ? false : fail(key, OBS_TEXT_NO_NAME, before);
        }
        if (read_name(key, pair))
            break;
        if (key->error)
            return false;
    }
    if (!take(key, '='))
        return fail(key, OBS_TEXT_NO_EQUALS, key->at);
    skip_blanks(key);
    size_t start = key->at, end = obs_text_skip_quoted(key->body, key->size, start, !key->is_open, true);
    if (!end)
        return fail(key, OBS_TEXT_NO_QUOTED, start);
    if (!obs_text_is_utf8(key->body + start, end - start))
        return fail(key, OBS_TEXT_BAD_UTF8, start);
    pair->value_start = start + 1;
    pair->value_end = end - 1;
    key->at = end;
    if (!take(key, ',') && key->is_open && !(end < key->size && key->body[end] == '}'))
        return fail(key, OBS_TEXT_NO_COMMA, end);
    return true;
}

size_t obs_text_find_end(const uint8_t *body, size_t size, size_t at, bool is_open)
{
    size_t end = obs_text_skip_name(body, size, at), brace = end;
    if (!is_open)
        brace = obs_text_skip_blanks(body, size, end);
    if (brace >= size || body[brace] != '{')
        return end;
    for (at = brace + 1; at < size; at++) {
        if (body[at] == '}')
            return at + 1;
        if (body[at] == '\n')
            return 0;
        if (body[at] != '"')
            continue;
        for (at = find_quote(body, size, at + 1); at < size && body[at] == '\\';)
            at = size - at < 2 ? size : find_quote(body, size, at + 2);
    }
    return 0;
}
