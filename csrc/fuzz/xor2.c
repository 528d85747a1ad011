/* XOR2 chunks: any bytes decode to samples or to a status; cut off anywhere, to the first of the same samples. */
#include "../xor2.h"

#include "fuzz.h"

enum { SAMPLES_MAX = 8 * 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int64_t times[SAMPLES_MAX], again_times[SAMPLES_MAX], starts[SAMPLES_MAX], again_starts[SAMPLES_MAX];
    static double values[SAMPLES_MAX], again_values[SAMPLES_MAX];
    size_t count = 0, again = 0;
    if (obs_xor2_decode(data, size, times, values, starts, SAMPLES_MAX, &count) == OBS_NO_SPACE)
        return 0;
    FUZZ_CHECK(count <= SAMPLES_MAX && count <= obs_xor2_capacity(data, size));

    size_t kept = size ? data[size / 2] % size : 0;
    FUZZ_CHECK(obs_xor2_decode(data, kept, again_times, again_values, again_starts, SAMPLES_MAX, &again) !=
               OBS_NO_SPACE);
    FUZZ_CHECK(again <= count);
    FUZZ_CHECK(!memcmp(times, again_times, again * sizeof *times));
    FUZZ_CHECK(!memcmp(values, again_values, again * sizeof *values));
    FUZZ_CHECK(!memcmp(starts, again_starts, again * sizeof *starts));
    return 0;
}
