/* Label sets by number: the input says which are added, asked for and removed; a plain search of all of them says the same. */
#include "../lookup.h"

#include <string.h>

#include "fuzz.h"

enum { SERIES = 24, PAIRS = 64, SLOTS = 64, ASKED = 4, STEPS = 40 };

typedef struct {
    int32_t rows[SLOTS];
    uint32_t tags[SLOTS];
    int64_t offsets[SERIES + 1];
    int32_t names[PAIRS], values[PAIRS];
    obs_lookup lookup;
    obs_label_store store;
    int is_there[SERIES];
} table;

static obs_labels known(const table *t)
{
    return (obs_labels){t->offsets, t->store.n_series, t->names, t->values, t->store.n_pairs};
}

/* The number of a label set, by looking at all of them; -1 for none. */
static int64_t search(const table *t, const int32_t *names, const int32_t *values, size_t n)
{
    for (size_t i = 0; i < t->store.n_series; i++) {
        size_t first = (size_t)t->offsets[i], length = (size_t)(t->offsets[i + 1] - t->offsets[i]);
        if (t->is_there[i] && length == n && !memcmp(t->names + first, names, n * sizeof *names) &&
            !memcmp(t->values + first, values, n * sizeof *values))
            return (int64_t)i;
    }
    return -1;
}

static void step(table *t, fuzz_reader *r)
{
    int64_t offsets[ASKED + 1] = {0}, rows[ASKED], before = (int64_t)t->store.n_series;
    int32_t names[3 * ASKED], values[3 * ASKED];
    uint8_t what = fuzz_byte(r) % 4;
    for (size_t i = 0; i < ASKED; i++)
        offsets[i + 1] = offsets[i] + fuzz_byte(r) % 4;
    for (size_t i = 0; i < (size_t)offsets[ASKED]; i++) {
        names[i] = fuzz_byte(r) % 3;
        values[i] = fuzz_byte(r) % 3;
    }
    if (fuzz_byte(r) == 255)
        offsets[fuzz_byte(r) % (ASKED + 1)] = (int64_t)fuzz_word(r);
    const obs_labels asked = {offsets, ASKED, names, values, 3 * ASKED}, all = known(t);
    obs_status status;
    if (what < 2) {
        status = obs_lookup_intern(&t->lookup, &t->store, &asked, rows);
        for (size_t i = (size_t)before; i < t->store.n_series; i++)
            t->is_there[i] = 1;
    } else {
        status = obs_lookup_find(&t->lookup, &all, &asked, rows);
    }
    for (size_t i = 0; status == OBS_OK && i < ASKED; i++) {
        size_t first = (size_t)offsets[i], length = (size_t)(offsets[i + 1] - offsets[i]);
        FUZZ_CHECK(rows[i] == search(t, names + first, values + first, length));
        FUZZ_CHECK(rows[i] >= 0 || what >= 2);
    }
    if (what != 3)
        return;
    rows[0] = fuzz_byte(r) % (SERIES + 1) - (fuzz_byte(r) == 255);
    status = obs_lookup_remove(&t->lookup, &all, rows, 1);
    FUZZ_CHECK((status == OBS_OK) == (rows[0] >= 0 && rows[0] < before));
    if (status != OBS_OK)
        return;
    int again = t->is_there[rows[0]] && fuzz_byte(r) % 2;
    t->is_there[rows[0]] = 0;
    if (again) {
        t->is_there[rows[0]] = obs_lookup_add(&t->lookup, &all, rows, 1) == OBS_OK;
        FUZZ_CHECK(t->is_there[rows[0]]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_reader r = {data, size};
    table t = {.lookup = {.capacity = SLOTS}};
    t.lookup.rows = t.rows;
    t.lookup.tags = t.tags;
    t.store = (obs_label_store){t.offsets, t.names, t.values, 0, 0, SERIES, PAIRS};
    for (size_t i = 0; i < SLOTS; i++)
        t.rows[i] = -1;
    for (size_t i = 0; i < STEPS && r.left; i++) {
        step(&t, &r);
        size_t there = 0;
        for (size_t row = 0; row < t.store.n_series; row++)
            there += (size_t)t.is_there[row];
        FUZZ_CHECK(there == t.lookup.n);
    }
    return 0;
}
