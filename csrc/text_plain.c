/* Prometheus' text format 0.0.4, as its server reads it.
 *
 * Blanks may stand between any two parts of a line, and a part that cannot go on ends where it ends: `a{}1` is a sample.
 * Other than there, blanks before a name are no part of it, and a NUL where a line begins does not end the body.
 */
#include "text_scan.h"

static void skip_blanks(text_scan *scan)
{
    scan->at = obs_text_skip_blanks(scan->body, scan->size, scan->at);
}

static size_t find_line_end(const text_scan *scan)
{
    const uint8_t *end = memchr(scan->body + scan->at, '\n', scan->size - scan->at);
    return end ? (size_t)(end - scan->body) : scan->size;
}

static bool is_line_end(const text_scan *scan)
{
    return scan->at == scan->size || scan->body[scan->at] == '\n';
}

/* Digits alone: a time is not negative. */
static obs_status take_time(text_scan *scan, int64_t *time)
{
    size_t start = scan->at;
    uint64_t sum = 0;
    for (; scan->at < scan->size && (uint8_t)(scan->body[scan->at] - '0') < 10; scan->at++) {
        unsigned digit = (unsigned)(scan->body[scan->at] - '0');
        if (sum > ((uint64_t)INT64_MAX - digit) / 10)
            return obs_text_fail(scan, OBS_TEXT_LARGE_TIME, start);
        sum = sum * 10 + digit;
    }
    if (scan->at == start)
        return obs_text_fail(scan, OBS_TEXT_BAD_TIME, start);
    *time = (int64_t)sum;
    return OBS_OK;
}

static obs_status take_sample(text_scan *scan)
{
    text_found found;
    double value;
    int64_t time = 0;
    bool has_time = false;
    obs_status status = obs_text_take_key(scan, &found);
    if (status != OBS_OK)
        return status;
    skip_blanks(scan);
    size_t start = scan->at;
    if ((status = obs_text_take_number(scan, &value)) != OBS_OK)
        return status;
    if (!is_line_end(scan)) {
        uint8_t next = scan->body[scan->at];
        if (next != ' ' && next != '\t' && next != '{')
            return obs_text_fail(scan, OBS_TEXT_BAD_VALUE, start);
        skip_blanks(scan);
        if (!is_line_end(scan)) {
            has_time = true;
            if ((status = take_time(scan, &time)) != OBS_OK)
                return status;
            skip_blanks(scan);
            if (!is_line_end(scan))
                return obs_text_fail(scan, OBS_TEXT_NO_LINE_END, scan->at);
        }
    }
    scan->at += scan->at < scan->size;
    obs_text_put_sample(scan, &found, value, has_time, time, -1);
    return OBS_OK;
}

/* HELP or TYPE, behind the word and a blank. The byte after the name is dropped, whatever it is; and where only blanks
 * follow, there is no text. */
static obs_status take_metadata(text_scan *scan, obs_text_word word)
{
    size_t name, name_end;
    skip_blanks(scan);
    obs_status status = obs_text_take_family(scan, &name, &name_end);
    if (status != OBS_OK)
        return status;
    size_t text = scan->at, end = find_line_end(scan);
    if (obs_text_skip_blanks(scan->body, end, text) == end)
        text = end;
    else
        text++;
    if ((status = obs_text_put_metadata(scan, word, name, name_end, text, end)) != OBS_OK)
        return status;
    scan->at = end + (end < scan->size);
    return OBS_OK;
}

/* A line with `#`. What is neither HELP nor TYPE is a comment. */
static obs_status take_comment(text_scan *scan)
{
    static const char *const WORDS[] = {[OBS_TEXT_HELP] = "HELP", [OBS_TEXT_TYPE] = "TYPE"};
    size_t hash = scan->at++;
    skip_blanks(scan);
    for (obs_text_word word = OBS_TEXT_HELP; word <= OBS_TEXT_TYPE && scan->at > hash + 1; word++) {
        size_t behind = scan->at + 4;
        if (obs_text_begins(scan, scan->at, WORDS[word], 4) && behind < scan->size &&
            (obs_text_classes[scan->body[behind]] & TEXT_BLANK)) {
            scan->at = behind;
            return take_metadata(scan, word);
        }
    }
    scan->at = find_line_end(scan);
    scan->at += scan->at < scan->size;
    return OBS_OK;
}

obs_status obs_text_scan_plain(text_scan *scan)
{
    for (;;) {
        skip_blanks(scan);
        if (scan->at == scan->size)
            return OBS_OK;
        uint8_t first = scan->body[scan->at];
        obs_status status = OBS_OK;
        if (first == '\n')
            scan->at++;
        else if (first == '#')
            status = take_comment(scan);
        else
            status = take_sample(scan);
        if (status != OBS_OK)
            return status;
    }
}
