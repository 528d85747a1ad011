/* OpenMetrics 1.0, as Prometheus reads it: one space between two parts, no free comments, an end that is said. */
#include "text_scan.h"

/* A time in seconds as whole milliseconds, towards zero. One beyond 64 bits is the last that there is, which nobody stores. */
static obs_status take_time(text_scan *scan, int64_t *time)
{
    double seconds;
    size_t start = scan->at;
    obs_status status = obs_text_take_number(scan, &seconds);
    if (status != OBS_OK) {
        if (scan->outcome->error == OBS_TEXT_BAD_VALUE)
            scan->outcome->error = OBS_TEXT_BAD_TIME;
        else
            scan->outcome->error = OBS_TEXT_LARGE_TIME;
        return status;
    }
    if (!(seconds <= 1.7976931348623157e308 && seconds >= -1.7976931348623157e308))
        return obs_text_fail(scan, OBS_TEXT_BAD_TIME, start);
    double ms = seconds * 1000;
    *time = ms >= 9223372036854775808.0 ? INT64_MAX : ms < -9223372036854775808.0 ? INT64_MIN : (int64_t)ms;
    return OBS_OK;
}

/* Behind a number there is a space or the end of the line. */
static obs_status check_end(text_scan *scan, size_t start, obs_text_error error)
{
    if (scan->at == scan->size)
        return obs_text_fail(scan, OBS_TEXT_NO_EOF, scan->at);
    if (scan->body[scan->at] != ' ' && scan->body[scan->at] != '\n')
        return obs_text_fail(scan, error, start);
    return OBS_OK;
}

static obs_status take_value(text_scan *scan, double *value)
{
    if (scan->at == scan->size || scan->body[scan->at] != ' ')
        return obs_text_fail(scan, OBS_TEXT_BAD_VALUE, scan->at);
    size_t start = ++scan->at;
    obs_status status = obs_text_take_number(scan, value);
    return status == OBS_OK ? check_end(scan, start, OBS_TEXT_BAD_VALUE) : status;
}

/* A time, if one follows. */
static obs_status take_optional_time(text_scan *scan, bool is_exemplar, bool *has_time, int64_t *time)
{
    *has_time = false;
    *time = 0;
    if (scan->body[scan->at] != ' ' || (!is_exemplar && obs_text_begins(scan, scan->at, " # {", 4)))
        return OBS_OK;
    size_t start = ++scan->at;
    obs_status status = take_time(scan, time);
    *has_time = true;
    return status == OBS_OK ? check_end(scan, start, OBS_TEXT_BAD_TIME) : status;
}

/* `{labels} value [time]` */
static obs_status take_exemplar(text_scan *scan)
{
    obs_text_exemplars *to = scan->exemplars;
    if (to->n == to->capacity)
        return OBS_NO_SPACE;
    size_t start = scan->at;
    text_pair pair;
    text_key key = obs_text_begin_key(scan->body, scan->size, start, true, true);
    while (obs_text_next_pair(&key, &pair))
        ;
    if (key.error)
        return obs_text_fail(scan, (obs_text_error)key.error, key.at);
    if (key.at - start > INT32_MAX)
        return obs_text_fail(scan, OBS_TEXT_TOO_LONG, start);
    scan->at = key.at;
    double value;
    bool has_time;
    int64_t time;
    obs_status status = take_value(scan, &value);
    if (status == OBS_OK)
        status = take_optional_time(scan, true, &has_time, &time);
    if (status != OBS_OK)
        return status;
    size_t n = to->n++;
    to->key_start[n] = (int64_t)start;
    to->key_length[n] = (int32_t)(key.at - start);
    to->value[n] = value;
    to->time[n] = time;
    to->has_time[n] = has_time;
    return OBS_OK;
}

static obs_status take_sample(text_scan *scan)
{
    text_found found;
    double value;
    bool has_time;
    int64_t time;
    int32_t exemplar = -1;
    obs_status status = obs_text_take_key(scan, &found);
    if (status == OBS_OK)
        status = take_value(scan, &value);
    if (status == OBS_OK)
        status = take_optional_time(scan, false, &has_time, &time);
    if (status == OBS_OK && obs_text_begins(scan, scan->at, " # {", 4)) {
        scan->at += 3;
        exemplar = (int32_t)scan->exemplars->n;
        status = take_exemplar(scan);
    }
    if (status != OBS_OK)
        return status;
    if (scan->body[scan->at] != '\n')
        return obs_text_fail(scan, OBS_TEXT_NO_LINE_END, scan->at);
    scan->at++;
    obs_text_put_sample(scan, &found, value, has_time, time, exemplar);
    return OBS_OK;
}

static obs_status take_metadata(text_scan *scan, obs_text_word word)
{
    size_t name, name_end;
    obs_status status = obs_text_take_family(scan, &name, &name_end);
    if (status != OBS_OK)
        return status;
    if (scan->at == scan->size || scan->body[scan->at] != ' ')
        return obs_text_fail(scan, OBS_TEXT_NO_TEXT, scan->at);
    size_t text = scan->at + 1;
    const uint8_t *end = memchr(scan->body + text, '\n', scan->size - text);
    if (!end)
        return obs_text_fail(scan, OBS_TEXT_NO_EOF, scan->size);
    scan->at = (size_t)(end - scan->body) + 1;
    return obs_text_put_metadata(scan, word, name, name_end, text, scan->at - 1);
}

/* A line with `#`. */
static obs_status take_comment(text_scan *scan, bool *is_end)
{
    static const char *const WORDS[] = {
        [OBS_TEXT_HELP] = "# HELP ", [OBS_TEXT_TYPE] = "# TYPE ", [OBS_TEXT_UNIT] = "# UNIT "};
    if (obs_text_begins(scan, scan->at, "# EOF", 5)) {
        scan->at += 5;
        scan->at += scan->at < scan->size && scan->body[scan->at] == '\n';
        *is_end = true;
        return scan->at == scan->size ? OBS_OK : obs_text_fail(scan, OBS_TEXT_AFTER_EOF, scan->at);
    }
    for (obs_text_word word = OBS_TEXT_HELP; word <= OBS_TEXT_UNIT; word++) {
        if (obs_text_begins(scan, scan->at, WORDS[word], 7)) {
            scan->at += 7;
            return take_metadata(scan, word);
        }
    }
    return obs_text_fail(scan, OBS_TEXT_NO_COMMENT, scan->at);
}

obs_status obs_text_scan_openmetrics(text_scan *scan)
{
    bool is_end = false;
    while (!is_end) {
        if (scan->at == scan->size)
            return obs_text_fail(scan, OBS_TEXT_NO_EOF, scan->at);
        obs_status status = scan->body[scan->at] == '#' ? take_comment(scan, &is_end) : take_sample(scan);
        if (status != OBS_OK)
            return status;
    }
    return OBS_OK;
}
