/* Snappy: any bytes decode to exactly the length they claim, or to a status; and come back when they are encoded. */
#include "../snappy.h"

#include <stdlib.h>

#include "fuzz.h"

static void round_trip(const uint8_t *data, size_t size)
{
    static uint16_t table[OBS_SNAPPY_TABLE];
    size_t room = obs_snappy_max_length(size), written;
    uint8_t *packed = malloc(room), *out = malloc(size + 1);
    if (packed && out) {
        FUZZ_CHECK(obs_snappy_encode(data, size, table, packed, room, &written) == OBS_OK && written <= room);
        FUZZ_CHECK(obs_snappy_decode(packed, written, out, size) == OBS_OK && !memcmp(out, data, size));
    }
    free(packed), free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    round_trip(data, size);
    size_t length;
    if (obs_snappy_length(data, size, &length) != OBS_OK)
        return 0;
    FUZZ_CHECK(length <= 22 * size);
    uint8_t *out = malloc(length + 1); /* exactly sized, so that a byte too many is seen */
    if (out) {
        obs_snappy_decode(data, size, out, length);
        if (length)
            FUZZ_CHECK(obs_snappy_decode(data, size, out, length - 1) == OBS_NO_SPACE);
    }
    free(out);
    return 0;
}
