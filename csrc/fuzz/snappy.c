/* Snappy: any bytes decode to exactly the length they claim, or to a status. */
#include "../snappy.h"

#include <stdlib.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
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
