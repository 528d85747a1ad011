/* XOR chunks: any bytes decode to samples or to a status; what decodes, encodes and decodes again to the same bits. */
#include "../xor.h"

#include "fuzz.h"

enum { SAMPLES_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int64_t times[SAMPLES_MAX], again_times[SAMPLES_MAX];
    static double values[SAMPLES_MAX], again_values[SAMPLES_MAX];
    static uint8_t chunk[SAMPLES_MAX * 20];
    size_t count = 0, again = 0;
    obs_xor_state state;
    obs_status status = obs_xor_resume(data, size, times, values, SAMPLES_MAX, &count, &state);
    if (status == OBS_NO_SPACE)
        return 0;
    FUZZ_CHECK(count <= SAMPLES_MAX && count <= obs_xor_capacity(data, size));
    FUZZ_CHECK(status != OBS_OK || state.count == count);

    obs_xor_state fresh = {0};
    FUZZ_CHECK(obs_xor_append(&fresh, chunk, sizeof chunk, times, values, count) == OBS_OK);
    size_t length = count ? (size_t)(fresh.position + 7) / 8 : 2;
    FUZZ_CHECK(obs_xor_decode(chunk, length, again_times, again_values, SAMPLES_MAX, &again) == OBS_OK);
    FUZZ_CHECK(again == count);
    FUZZ_CHECK(!memcmp(times, again_times, count * sizeof *times));
    FUZZ_CHECK(!memcmp(values, again_values, count * sizeof *values));
    return 0;
}
