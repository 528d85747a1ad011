/* Exposition text: the input is a body, or where its first byte is odd, says of which pieces one is made. What is read lies
 * in it; its keys go into a cache, with which it is read again, in the same order and in none, and is the same. */
#include "../text.h"

#include <stdlib.h>

#include "fuzz.h"

enum { ROWS = 64, KEYS = 4096, SLOTS = 128 };

typedef struct {
    int64_t key_start[ROWS], time[ROWS], reference[ROWS];
    int32_t key_length[ROWS], family[ROWS], exemplar[ROWS], entry[ROWS];
    uint8_t kind[ROWS], has_time[ROWS];
    double value[ROWS];
} sample_rows;

typedef struct {
    uint8_t word[ROWS], type[ROWS], has_time[ROWS];
    int64_t start[2][ROWS], time[ROWS];
    int32_t length[2][ROWS];
    double value[ROWS];
} other_rows;

static obs_status parse(const uint8_t *data, size_t size, int32_t format, const obs_text_cache *cache,
                        const int32_t *expected, size_t n_expected, sample_rows *rows, obs_text_samples *samples,
                        obs_text_exemplars *exemplars)
{
    static other_rows meta, more;
    obs_text_outcome outcome;
    *samples = (obs_text_samples){rows->key_start, rows->key_length, rows->kind,     rows->value,
                                  rows->time,      rows->has_time,   rows->family,   rows->exemplar,
                                  rows->entry,     rows->reference,  ROWS,           0};
    *exemplars = (obs_text_exemplars){more.start[0], more.length[0], more.value, more.time, more.has_time, ROWS, 0};
    obs_text_metadata metadata = {meta.word,     meta.type,      meta.start[0], meta.length[0],
                                  meta.start[1], meta.length[1], ROWS,          0};
    obs_status status =
        obs_text_parse(data, size, format, cache, expected, n_expected, samples, &metadata, exemplars, &outcome);
    FUZZ_CHECK(status != OBS_INVALID && samples->n <= ROWS && metadata.n <= ROWS && exemplars->n <= ROWS);
    FUZZ_CHECK(status != OBS_CORRUPT || (outcome.error != OBS_TEXT_FINE && outcome.offset <= size));
    FUZZ_CHECK(status != OBS_OK || obs_text_lines(data, size) >= samples->n + metadata.n);
    for (size_t i = 0; status == OBS_OK && i < metadata.n; i++)
        FUZZ_CHECK(meta.start[0][i] + meta.length[0][i] <= meta.start[1][i] &&
                   (size_t)(meta.start[1][i] + meta.length[1][i]) <= size);
    return status;
}

static void check_labels(const uint8_t *data, size_t size, const int64_t *starts, const int32_t *lengths,
                         const uint8_t *kinds, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t length = (size_t)lengths[i], pairs = length / 3 + 1, room = 3 * length + 40;
        int64_t offsets[2], *at = malloc(2 * pairs * sizeof *at);
        int32_t *lengths_out = malloc(2 * pairs * sizeof *lengths_out);
        uint8_t *text = malloc(room);
        if (at && lengths_out && text) {
            obs_text_labels_out out = {offsets, at, at + pairs, lengths_out, lengths_out + pairs, pairs, text, room, 0};
            obs_text_outcome outcome;
            obs_status status = obs_text_labels(data, size, starts + i, lengths + i, kinds + i, 1, &out, &outcome);
            FUZZ_CHECK(status == OBS_OK || (status == OBS_CORRUPT && outcome.error == OBS_TEXT_SAME_LABEL));
            FUZZ_CHECK(status != OBS_OK || ((size_t)offsets[1] <= pairs && out.n_text <= room));
        }
        free(at), free(lengths_out), free(text);
    }
}

static void read_again(const uint8_t *data, size_t size, int32_t format, const sample_rows *rows, size_t n)
{
    static uint8_t keys[KEYS];
    static obs_text_entry entries[ROWS];
    static int64_t references[ROWS], seen[ROWS], tracked[ROWS], slots[SLOTS];
    static int32_t place[ROWS], at[ROWS], stale[ROWS];
    static uint8_t tracks[ROWS];
    static sample_rows again;
    obs_text_cache cache = {keys, 0, KEYS, entries, references, seen, tracked, place, 0, ROWS, slots, SLOTS, size};
    obs_text_samples samples;
    obs_text_exemplars exemplars;
    size_t n_stale, n_gone;
    FUZZ_CHECK(obs_text_index(&cache) == OBS_OK);
    obs_status status = obs_text_add(&cache, data, size, rows->key_start, rows->key_length, rows->kind, n, at);
    FUZZ_CHECK(status == OBS_OK || (status == OBS_NO_SPACE && size > KEYS));
    if (status != OBS_OK)
        return;
    for (size_t i = 0; i < n; i++)
        tracks[i] = rows->has_time[i];
    FUZZ_CHECK(obs_text_turn(&cache, at, tracks, n, 1, 0, stale, &n_stale, &n_gone) == OBS_OK);
    FUZZ_CHECK(n_stale == 0 && n_gone == 0);
    for (size_t expected = 0; expected < 2; expected++) {
        FUZZ_CHECK(parse(data, size, format, &cache, at, expected ? n : 0, &again, &samples, &exemplars) == OBS_OK);
        FUZZ_CHECK(samples.n == n && !memcmp(again.entry, at, n * sizeof *at));
        FUZZ_CHECK(!memcmp(again.key_length, rows->key_length, n * sizeof *at));
        FUZZ_CHECK(!memcmp(again.value, rows->value, n * sizeof *again.value));
        FUZZ_CHECK(!memcmp(again.time, rows->time, n * sizeof *again.time));
    }
    FUZZ_CHECK(obs_text_turn(&cache, at, tracks, 0, 2, 0, stale, &n_stale, &n_gone) == OBS_OK);
    FUZZ_CHECK(n_gone == cache.n_entries);
    FUZZ_CHECK(parse(data, size, format, &cache, at, n, &again, &samples, &exemplars) == OBS_OK);
    for (size_t i = 0; i < n; i++)
        FUZZ_CHECK(again.entry[i] == -1);
}

static const char *const PIECES[] = {
    "a",       "h_bucket", "{",          "}",        "le=\"1\"",       "le=\"0.10\"", "b=\"x\"", ",",
    " ",       " 1",       " 17.25",     "\n",       " 1\n",           "\t",          "\"",       "\"q r\"",
    "\\",      "\\n",      "# HELP a x", "# TYPE ",  "h histogram\n", "s summary\n", "# UNIT ",  "a_s s\n",
    "# EOF",   "# EOF\n",  " # {",       " # {a=\"b\"} 1", " -1.5e3",   " NaN",        " 1e400",   "quantile=\"1\"",
    "a{b=\"", "\"} 2\n",   "#",          "\xc3\xa9", "\xff",          " 123456789012345678901",       "a 1\n",
    "a{le=\"1\"} 1 2\n"};

static void check(const uint8_t *data, size_t size)
{
    static const obs_text_cache nothing;
    static sample_rows rows;
    for (int32_t format = OBS_TEXT_PLAIN; format <= OBS_TEXT_OPENMETRICS; format++) {
        obs_text_samples samples;
        obs_text_exemplars exemplars;
        if (parse(data, size, format, &nothing, NULL, 0, &rows, &samples, &exemplars) != OBS_OK)
            continue;
        uint8_t kinds[ROWS];
        for (size_t i = 0; i < exemplars.n; i++)
            kinds[i] = (uint8_t)(OBS_TEXT_EXEMPLAR + format);
        check_labels(data, size, exemplars.key_start, exemplars.key_length, kinds, exemplars.n);
        check_labels(data, size, rows.key_start, rows.key_length, rows.kind, samples.n);
        read_again(data, size, format, &rows, samples.n);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check(data, size);
    if (size == 0 || data[0] % 2 == 0)
        return 0;
    size_t room = 32 * size, n = 0;
    uint8_t *body = malloc(room), *exact;
    for (size_t i = 1; body && i < size; i++) {
        const char *piece = PIECES[data[i] % (sizeof PIECES / sizeof *PIECES)];
        size_t length = strlen(piece);
        if (data[0] > 200 && i % 8 == 0) { /* and a byte of any kind now and then */
            piece = (const char *)data + i;
            length = 1;
        }
        memcpy(body + n, piece, length);
        n += length;
    }
    if (body && (exact = malloc(n ? n : 1))) { /* its end is guarded */
        memcpy(exact, body, n);
        check(exact, n);
        free(exact);
    }
    free(body);
    return 0;
}
