#include "vocabulary.h"

#include <string.h>

#include "bits.h"

enum { MAX_PAIRS = 64, FIELDS = 5 };
enum { LABELS, ANNOTATIONS, STARTS_AT, ENDS_AT, GENERATOR_URL };

#define TRY(call)                                                                                                      \
    do {                                                                                                               \
        obs_status tried = (call);                                                                                     \
        if (tried != OBS_OK)                                                                                           \
            return tried;                                                                                              \
    } while (0)

typedef struct {
    const uint8_t *start, *at, *end;
} reader;

/* The next byte that is no space, which is not passed; 0 at the end. */
static uint8_t peek(reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\t' || *r->at == '\r'))
        r->at++;
    return r->at < r->end ? *r->at : 0;
}

static obs_status expect(reader *r, uint8_t byte)
{
    if (peek(r) != byte)
        return OBS_CORRUPT;
    r->at++;
    return OBS_OK;
}

/* After a member: whether another follows. */
static obs_status more(reader *r, uint8_t close, int *is_more)
{
    uint8_t byte = peek(r);
    *is_more = byte == ',';
    if (byte != ',' && byte != close)
        return OBS_CORRUPT;
    r->at++;
    return OBS_OK;
}

static obs_status read_hex(reader *r, uint32_t *code)
{
    if (r->end - r->at < 4)
        return OBS_CORRUPT;
    *code = 0;
    for (int i = 0; i < 4; i++) {
        uint8_t c = *r->at++;
        uint8_t lower = c | 0x20;
        if (c >= '0' && c <= '9')
            *code = *code << 4 | (uint32_t)(c - '0');
        else if (lower >= 'a' && lower <= 'f')
            *code = *code << 4 | (uint32_t)(lower - 'a' + 10);
        else
            return OBS_CORRUPT;
    }
    return OBS_OK;
}

/* What follows a backslash: up to 4 bytes of UTF-8. */
static obs_status read_escape(reader *r, uint8_t *out, size_t *n)
{
    static const char SHORT[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
    if (r->at == r->end)
        return OBS_CORRUPT;
    uint8_t c = *r->at++;
    for (size_t i = 0; i + 1 < sizeof SHORT; i += 2)
        if (c == (uint8_t)SHORT[i]) {
            out[(*n)++] = (uint8_t)SHORT[i + 1];
            return OBS_OK;
        }
    uint32_t code, low;
    if (c != 'u')
        return OBS_CORRUPT;
    TRY(read_hex(r, &code));
    if (code >= 0xd800 && code < 0xe000) {
        if (code >= 0xdc00 || r->end - r->at < 6 || r->at[0] != '\\' || r->at[1] != 'u')
            return OBS_CORRUPT;
        r->at += 2;
        TRY(read_hex(r, &low));
        if (low < 0xdc00 || low >= 0xe000)
            return OBS_CORRUPT;
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    uint8_t *to = out + *n;
    if (code < 0x80) {
        to[0] = (uint8_t)code;
        *n += 1;
    } else if (code < 0x800) {
        to[0] = (uint8_t)(0xc0 | code >> 6);
        to[1] = (uint8_t)(0x80 | (code & 0x3f));
        *n += 2;
    } else if (code < 0x10000) {
        to[0] = (uint8_t)(0xe0 | code >> 12);
        to[1] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
        to[2] = (uint8_t)(0x80 | (code & 0x3f));
        *n += 3;
    } else {
        to[0] = (uint8_t)(0xf0 | code >> 18);
        to[1] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
        to[2] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
        to[3] = (uint8_t)(0x80 | (code & 0x3f));
        *n += 4;
    }
    return OBS_OK;
}

/* A character of more than one byte, whose first was passed: copied if it is one. */
static obs_status read_wide(reader *r, uint8_t first, uint8_t *out, size_t *n)
{
    int more_bytes = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    if (first < 0xc2 || first > 0xf4 || r->end - r->at < more_bytes)
        return OBS_CORRUPT;
    uint8_t second = *r->at;
    if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) || (first == 0xf0 && second < 0x90) ||
        (first == 0xf4 && second > 0x8f))
        return OBS_CORRUPT;
    out[(*n)++] = first;
    for (int i = 0; i < more_bytes; i++) {
        uint8_t c = *r->at++;
        if ((c & 0xc0) != 0x80)
            return OBS_CORRUPT;
        out[(*n)++] = c;
    }
    return OBS_OK;
}

/* Copy 8 bytes, of which so many at the beginning are characters that stand for themselves: ASCII, none of them a
 * control character, a quote or a backslash. */
static size_t copy_plain(const uint8_t *from, uint8_t *to)
{
    const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
    uint64_t word = obs_load64le(from), quote = word ^ '"' * ones, backslash = word ^ '\\' * ones;
    memcpy(to, from, 8);
    /* Borrows reach bytes behind the first that is found only. */
    uint64_t found = ((word - 0x20 * ones) & ~word) | ((quote - ones) & ~quote) | ((backslash - ones) & ~backslash);
    found = (found | word) & high;
    return found ? (size_t)__builtin_ctzll(found) / 8 : 8;
}

/* A string, into the text behind those that are known. */
static obs_status read_text(reader *r, obs_alerts_vocabulary *v, size_t *length)
{
    size_t end = obs_vocabulary_used(v->text_ends, v->n_strings), n = 0;
    if (end > v->text_capacity)
        return OBS_INVALID;
    uint8_t *out = v->text + end;
    TRY(expect(r, '"'));
    for (;;) {
        while (r->end - r->at >= 8 && v->text_capacity - end - n >= 8) { /* the plain ones, eight at a time */
            size_t plain = copy_plain(r->at, out + n);
            r->at += plain;
            n += plain;
            if (plain < 8)
                break;
        }
        if (r->at == r->end)
            return OBS_CORRUPT;
        if (v->text_capacity - end - n < 4)
            return OBS_NO_SPACE;
        uint8_t c = *r->at++;
        if (c == '"')
            break;
        if (c < 0x20)
            return OBS_CORRUPT;
        if (c == '\\')
            TRY(read_escape(r, out, &n));
        else if (c >= 0x80)
            TRY(read_wide(r, c, out, &n));
        else
            out[n++] = c;
    }
    *length = n;
    return OBS_OK;
}

static obs_status read_string(reader *r, obs_alerts_vocabulary *v, int32_t *id)
{
    size_t length;
    TRY(read_text(r, v, &length));
    return obs_vocabulary_string(v, length, id);
}

/* An object of strings. */
static obs_status read_set(reader *r, obs_alerts_vocabulary *v, int refuses_empty, int32_t *id)
{
    int32_t names[MAX_PAIRS], members[MAX_PAIRS];
    size_t n = 0;
    TRY(expect(r, '{'));
    int is_more = peek(r) != '}';
    r->at += !is_more;
    while (is_more) {
        int32_t name, value, pair;
        size_t length, at = n;
        if (n == MAX_PAIRS)
            return OBS_CORRUPT;
        TRY(read_string(r, v, &name));
        TRY(expect(r, ':'));
        TRY(read_text(r, v, &length));
        if (refuses_empty && length == 0)
            return OBS_CORRUPT;
        TRY(obs_vocabulary_string(v, length, &value));
        TRY(obs_vocabulary_pair(v, name, value, &pair));
        int order = 1;
        while (at && (order = obs_vocabulary_compare(v, name, names[at - 1])) < 0) {
            names[at] = names[at - 1];
            members[at] = members[at - 1];
            at--;
        }
        if (at && order == 0)
            return OBS_CORRUPT;
        names[at] = name;
        members[at] = pair;
        n++;
        TRY(more(r, '}', &is_more));
    }
    return obs_vocabulary_set(v, members, n, id);
}

/* A time is not read, only passed: its place, or that of the alert before if it is the same. */
static obs_status read_time(reader *r, int32_t before, int32_t *place)
{
    TRY(expect(r, '"'));
    const uint8_t *quote = r->at - 1;
    while (r->at < r->end && *r->at != '"') {
        if (*r->at < 0x20 || *r->at > 0x7e || *r->at == '\\')
            return OBS_CORRUPT;
        r->at++;
    }
    if (r->at == r->end)
        return OBS_CORRUPT;
    r->at++;
    size_t length = (size_t)(r->at - quote);
    int is_same = before >= 0 && memcmp(r->start + before, quote, length) == 0; /* it lies before, and so within */
    *place = is_same ? before : (int32_t)(quote - r->start);
    return OBS_OK;
}

static int field_of(const uint8_t *name, size_t length)
{
    static const char *const NAMES[FIELDS] = {"labels", "annotations", "startsAt", "endsAt", "generatorURL"};
    static const size_t LENGTHS[FIELDS] = {6, 11, 8, 6, 12};
    for (int i = 0; i < FIELDS; i++)
        if (length == LENGTHS[i] && memcmp(name, NAMES[i], length) == 0)
            return i;
    return FIELDS;
}

static obs_status read_alert(reader *r, obs_alerts_vocabulary *v, const int32_t *before, int32_t *alert)
{
    for (int i = 0; i < FIELDS; i++)
        alert[i] = -1;
    TRY(expect(r, '{'));
    for (int is_more = 1; is_more;) {
        size_t length;
        TRY(read_text(r, v, &length));
        int field = field_of(v->text + obs_vocabulary_used(v->text_ends, v->n_strings), length);
        TRY(expect(r, ':'));
        if (field == FIELDS || alert[field] != -1)
            return OBS_CORRUPT;
        if (field == LABELS || field == ANNOTATIONS)
            TRY(read_set(r, v, field == LABELS, alert + field));
        else if (field == GENERATOR_URL)
            TRY(read_string(r, v, alert + field));
        else
            TRY(read_time(r, before ? before[field] : -1, alert + field));
        TRY(more(r, '}', &is_more));
    }
    return alert[LABELS] == -1 ? OBS_CORRUPT : OBS_OK;
}

obs_status obs_alerts_read(obs_alerts_vocabulary *v, const uint8_t *data, size_t size, int32_t *alerts, size_t capacity,
                           size_t *n_alerts)
{
    *n_alerts = 0;
    if (!obs_vocabulary_is_sound(v) || size >= INT32_MAX)
        return OBS_INVALID;
    reader r = {data, data, data + size};
    TRY(expect(&r, '['));
    int is_more = peek(&r) != ']';
    r.at += !is_more;
    for (size_t n = 0; is_more; *n_alerts = ++n) {
        if (n == capacity)
            return OBS_NO_SPACE;
        TRY(read_alert(&r, v, n ? alerts + (n - 1) * FIELDS : NULL, alerts + n * FIELDS));
        TRY(more(&r, ']', &is_more));
    }
    return peek(&r) == 0 && r.at == r.end ? OBS_OK : OBS_CORRUPT;
}
