/* Sections of an index: any bytes give entries that lie in them, in order, or a status. */
#include "../index_read.h"

#include "fuzz.h"

enum { ENTRIES = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t starts[ENTRIES], lengths[ENTRIES], offsets[ENTRIES + 1], end = 0;
    static uint64_t values[1 << 16];
    for (size_t alignment = 0; alignment < 17; alignment += 8) {
        size_t n = 0;
        obs_index_find_entries(data, size, size % 7, alignment, starts, lengths, ENTRIES, &n);
        end = 0;
        for (size_t i = 0; i < n; i++) {
            FUZZ_CHECK(starts[i] > end - (i == 0) && lengths[i] >= 0);
            end = starts[i] + lengths[i] + 4;
            FUZZ_CHECK((size_t)end <= size);
        }
    }
    /* the input as one body, and as bodies of some bytes each */
    size_t step = size ? 1 + data[0] % 16u : 1, n = 0;
    for (size_t at = 0; at < size && n < ENTRIES; at += step, n++) {
        starts[n] = (int64_t)at;
        lengths[n] = (int64_t)(step < size - at ? step : size - at);
    }
    FUZZ_CHECK(obs_index_decode_bodies(data, size, starts, lengths, n, values, 1 << 16, offsets) == OBS_OK);
    for (size_t i = 0; i < n; i++)
        FUZZ_CHECK(offsets[i + 1] > offsets[i] && offsets[i + 1] - offsets[i] <= lengths[i]);
    return 0;
}
