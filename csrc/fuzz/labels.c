/* Label sets: the input is a table of pairs and rows of it; all the names that are found have a column. */
#include "../labels.h"

#include "fuzz.h"

enum { PAIRS = 12, SERIES = 4, ROWS = 5, NAMES = 6 };

static int64_t number(fuzz_reader *r, uint8_t below)
{
    uint8_t kind = fuzz_byte(r);
    return kind == 255 ? (int64_t)fuzz_word(r) : kind % below;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_reader r = {data, size};
    int64_t offsets[SERIES + 1], rows[ROWS], at = 0;
    int32_t names[PAIRS], values[PAIRS], found[NAMES], columns[NAMES * ROWS];
    for (size_t i = 0; i <= SERIES; i++) {
        offsets[i] = at;
        at = (int64_t)((uint64_t)at + (uint64_t)number(&r, 5));
    }
    for (size_t i = 0; i < PAIRS; i++) {
        names[i] = (int32_t)number(&r, NAMES + 1);
        values[i] = 1 + (int32_t)((uint64_t)number(&r, 9) % 9);
    }
    for (size_t i = 0; i < ROWS; i++)
        rows[i] = number(&r, SERIES);
    const obs_labels labels = {offsets, SERIES, names, values, PAIRS};
    size_t n;
    obs_status status = obs_labels_names(&labels, rows, ROWS, found, NAMES, &n);
    FUZZ_CHECK(n <= NAMES);
    if (status == OBS_OK) {
        FUZZ_CHECK(obs_labels_columns(&labels, rows, ROWS, found, n, columns) == OBS_OK);
        for (size_t name = 0; name < n; name++) {
            int is_used = 0;
            for (size_t i = 0; i < ROWS; i++)
                is_used |= columns[name * ROWS + i];
            FUZZ_CHECK(is_used);
        }
    }
    for (size_t i = 0; i < NAMES; i++)
        found[i] = (int32_t)number(&r, NAMES + 1);
    obs_labels_columns(&labels, rows, ROWS, found, NAMES, columns);
    return 0;
}
