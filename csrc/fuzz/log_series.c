/* Records of series: any bytes decode to series within them, and keeping all series gives them back. Head chunks likewise. */
#include "../bits.h"
#include "../head_chunks.h"
#include "../log.h"
#include "../log_write.h"

#include <stdlib.h>

#include "fuzz.h"

static void number_strings(const uint8_t *data, size_t size, const obs_log_series *series)
{
    size_t n = series->n_strings, n_slots = 1, n_distinct;
    while (n_slots <= n)
        n_slots *= 2;
    int32_t *slots = malloc(n_slots * sizeof *slots), *numbers = malloc((n + 1) * sizeof *numbers);
    int64_t *firsts = malloc((n + 1) * sizeof *firsts);
    if (slots && numbers && firsts) {
        memset(slots, 0xff, n_slots * sizeof *slots);
        FUZZ_CHECK(obs_log_number_strings(data, size, series->starts, series->lengths, n, slots, n_slots, numbers, firsts,
                                          &n_distinct) == OBS_OK);
        FUZZ_CHECK(n_distinct <= n);
        for (size_t i = 0; i < n; i++) {
            FUZZ_CHECK(numbers[i] >= 0 && (size_t)numbers[i] < n_distinct);
            int64_t first = firsts[numbers[i]];
            FUZZ_CHECK((size_t)first <= i && series->lengths[first] == series->lengths[i]);
            FUZZ_CHECK(!memcmp(data + series->starts[first], data + series->starts[i], (size_t)series->lengths[i]));
        }
    }
    free(slots), free(numbers), free(firsts);
}

static void keep_all(const uint8_t *record, size_t size, obs_log_series *series, uint8_t was_bad)
{
    uint8_t *out = malloc(size), bad;
    int64_t start = 0, length = (int64_t)size, end;
    /* ascending, as it must be; a search in others finds what it finds */
    for (size_t i = 1; i < series->n_series; i++)
        for (size_t k = i; k > 0 && series->references[k - 1] > series->references[k]; k--) {
            uint64_t other = series->references[k];
            series->references[k] = series->references[k - 1];
            series->references[k - 1] = other;
        }
    if (out) {
        FUZZ_CHECK(obs_log_keep_series(record, size, &start, &length, 1, series->references, series->n_series, out, size,
                                       &end, &bad) == OBS_OK);
        FUZZ_CHECK(bad == was_bad && (size_t)end <= size && !memcmp(out, record, (size_t)end));
        FUZZ_CHECK(obs_log_keep_series(record, size, &start, &length, 1, series->references, 0, out, size, &end, &bad) ==
                   OBS_OK);
        FUZZ_CHECK(end == 0);
    }
    free(out);
}

static void write_chunks(const uint8_t *data, size_t size)
{
    int64_t ends[] = {(int64_t)(size / 3), (int64_t)size}, times[] = {-1, INT64_MAX}, starts[2];
    uint64_t references[] = {1, UINT64_MAX};
    size_t room = obs_head_chunks_size((size_t)ends[0]) + obs_head_chunks_size(size - (size_t)ends[0]), written;
    uint8_t *out = malloc(room);
    if (out) {
        FUZZ_CHECK(obs_head_chunks_encode(data, ends, references, times, times, 2, 1, out, room, starts, &written) == OBS_OK);
        FUZZ_CHECK(written == room && !memcmp(out + starts[1], data + ends[0], size - (size_t)ends[0]));
        FUZZ_CHECK(obs_head_chunks_encode(data, ends, references, times, times, 2, 1, out, room - 1, starts, &written) ==
                   OBS_NO_SPACE);
    }
    free(out);
}

/* Any bytes are a file of head chunks, if mostly a damaged one. */
static void read_chunks(const uint8_t *data, size_t size)
{
    size_t room = obs_head_chunks_capacity(size) + 1;
    uint64_t *references = malloc(room * sizeof *references);
    int64_t *words = malloc(5 * room * sizeof *words), fault;
    uint8_t *marks = malloc(2 * room);
    if (references && words && marks) {
        obs_head_chunks_table table = {references,       words,     words + room, words + 2 * room, words + 3 * room,
                                       words + 4 * room, marks,     marks + room, room - 1,         0};
        FUZZ_CHECK(obs_head_chunks_decode(data, size, &table, &fault) == OBS_OK);
        FUZZ_CHECK(table.n < room && fault < (int64_t)size);
        for (size_t i = 0; i < table.n; i++)
            FUZZ_CHECK(table.starts[i] > table.offsets[i] && table.lengths[i] >= 0 &&
                       (uint64_t)table.starts[i] + (uint64_t)table.lengths[i] + 4 <= size);
    }
    free(references), free(words), free(marks);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *record = malloc(size + 1), *plain = malloc(size + 1), bad;
    uint64_t *references = malloc((size + 1) * sizeof *references);
    int64_t *ends = malloc((size + 1) * sizeof *ends), *starts = malloc((size + 1) * sizeof *starts);
    int64_t *lengths = malloc((size + 1) * sizeof *lengths), first = 0, all = (int64_t)size + 1;
    if (record && plain && references && ends && starts && lengths) {
        record[0] = 1;
        memcpy(record + 1, data, size);
        obs_log_series series = {references, ends, plain, starts, lengths, size / 9 + 1, size + 1, 0, 0};
        FUZZ_CHECK(obs_log_decode_series(record, size + 1, &first, &all, 1, &series, &bad) == OBS_OK);
        for (size_t i = 0; i < series.n_strings; i++)
            FUZZ_CHECK(starts[i] > 0 && lengths[i] >= 0 && (size_t)(starts[i] + lengths[i]) <= size + 1);
        number_strings(record, size + 1, &series);
        keep_all(record, size + 1, &series, bad);
    }
    write_chunks(data, size);
    read_chunks(data, size);
    free(record), free(plain), free(references), free(ends), free(starts), free(lengths);
    return 0;
}
