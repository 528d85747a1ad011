/* Posts of alerts: the input is how large the vocabulary may be, and posts with a zero between them, whose bytes stand for
 * pieces of JSON or for themselves. What was read is read again to the same numbers, also after the slots were filled
 * anew. */
#include "../alerts.h"

#include "fuzz.h"

enum { TEXT = 256, STRINGS = 15, PAIRS = 15, MEMBERS = 40, SETS = 15, SLOTS = 16, ALERTS = 8, FIELDS = 5, POST = 1024 };

static const char *const PIECES[] = {
    "", "{\"labels\":{\"a\":\"1\"}}", ",", "{\"labels\":{\"b\":\"2\",\"a\":\"1\"},\"startsAt\":\"t\",\"endsAt\":\"u\"}",
    "{\"generatorURL\":\"http://x\",\"annotations\":{\"\":\"\",\"summary\":\"long enough for words\"},\"labels\":{}}",
    "{\"labels\":{", "}", "\"c\":\"3\"", "\"a\":\"\"", "\"\\u00e9\\ud83d\\ude00\\n\":\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"", "{", "[",
    "]", ":", "\"", "\\", "\\u", "d8", "00", " \n", "\"endsAt\":\"t\"", "\"labels\":", "\"generatorURL\":\"u\"", "null", "\xf4", "\x8f",
};
enum { N_PIECES = sizeof PIECES / sizeof *PIECES };

/* The next post: everything to the next zero, in brackets unless its first byte is that of a space. */
static size_t write_post(fuzz_reader *r, uint8_t *post)
{
    size_t n = 0;
    int is_bare = r->left && *r->at == ' ';
    if (!is_bare)
        post[n++] = '[';
    for (uint8_t byte; r->left && (byte = fuzz_byte(r)) != 0;) {
        const char *piece = byte < N_PIECES ? PIECES[byte] : NULL;
        size_t length = piece ? strlen(piece) : 1;
        if (POST - n < length + 1)
            break;
        memcpy(post + n, piece ? (const void *)piece : &byte, length);
        n += length;
    }
    if (!is_bare)
        post[n++] = ']';
    return n;
}

static void check_row(const obs_alerts_vocabulary *v, const int32_t *row, size_t size)
{
    for (int i = 0; i < 2; i++) {
        FUZZ_CHECK(row[i] >= -1 && row[i] < (int32_t)v->n_sets);
        FUZZ_CHECK(row[2 + i] >= -1 && row[2 + i] < (int32_t)size);
    }
    FUZZ_CHECK(row[0] >= 0 && row[4] >= -1 && row[4] < (int32_t)v->n_strings);
}

static void check_vocabulary(const obs_alerts_vocabulary *v)
{
    FUZZ_CHECK(v->n_strings <= v->string_capacity && v->n_pairs <= v->pair_capacity && v->n_sets <= v->set_capacity);
    for (size_t i = 0; i < v->n_strings; i++)
        FUZZ_CHECK(v->text_ends[i] >= (i ? v->text_ends[i - 1] : 0) && (size_t)v->text_ends[i] <= v->text_capacity);
    for (size_t i = 0; i < 2 * v->n_pairs; i++)
        FUZZ_CHECK(v->pairs[i] >= 0 && (size_t)v->pairs[i] < v->n_strings);
    for (size_t i = 0; i < v->n_sets; i++) {
        FUZZ_CHECK(v->set_ends[i] >= (i ? v->set_ends[i - 1] : 0) && (size_t)v->set_ends[i] <= v->member_capacity);
        for (int32_t j = i ? v->set_ends[i - 1] : 0; j < v->set_ends[i]; j++)
            FUZZ_CHECK(v->members[j] >= 0 && (size_t)v->members[j] < v->n_pairs);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t text[TEXT];
    int32_t text_ends[STRINGS], pairs[2 * PAIRS], members[MEMBERS], set_ends[SETS];
    int32_t string_slots[SLOTS], pair_slots[SLOTS], set_slots[SLOTS];
    int32_t alerts[ALERTS * FIELDS], again[ALERTS * FIELDS];
    fuzz_reader r = {data, size};
    obs_alerts_vocabulary v = {
        .text = text, .text_ends = text_ends, .pairs = pairs, .members = members, .set_ends = set_ends,
        .text_capacity = fuzz_byte(&r), .string_capacity = fuzz_byte(&r) % (STRINGS + 1),
        .pair_capacity = fuzz_byte(&r) % (PAIRS + 1), .member_capacity = fuzz_byte(&r) % (MEMBERS + 1),
        .set_capacity = fuzz_byte(&r) % (SETS + 1), .string_slots = string_slots, .pair_slots = pair_slots,
        .set_slots = set_slots, .n_string_slots = SLOTS, .n_pair_slots = SLOTS, .n_set_slots = SLOTS,
    };
    FUZZ_CHECK(obs_alerts_index(&v) == OBS_OK);
    while (r.left) {
        uint8_t post[POST];
        size_t length = write_post(&r, post), n, n_again;
        obs_status status = obs_alerts_read(&v, post, length, alerts, ALERTS, &n);
        FUZZ_CHECK(n <= ALERTS && status != OBS_INVALID);
        check_vocabulary(&v);
        if (status != OBS_OK)
            continue;
        for (size_t i = 0; i < n; i++)
            check_row(&v, alerts + i * FIELDS, length);
        FUZZ_CHECK(obs_alerts_index(&v) == OBS_OK);
        status = obs_alerts_read(&v, post, length, again, ALERTS, &n_again);
        FUZZ_CHECK(status == OBS_OK || status == OBS_NO_SPACE); /* there is less room to read a text in than before */
        FUZZ_CHECK(n_again == n || status == OBS_NO_SPACE);
        FUZZ_CHECK(memcmp(alerts, again, n_again * FIELDS * sizeof *alerts) == 0);
    }
    return 0;
}
