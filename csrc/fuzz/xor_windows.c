/* Chosen windows: any bytes are samples, which take no more than plainly encoded and decode to the same bits; and any bytes are
 * a chunk, which is written again shorter or not at all. */
#include "../xor.h"
#include "../xor_windows.h"

#include "fuzz.h"

enum { SAMPLES_MAX = 512 };

static uint8_t room[SAMPLES_MAX * 20 + 64], out[SAMPLES_MAX * 20 + 64], plain[SAMPLES_MAX * 20 + 64];
static obs_xor_change changes[SAMPLES_MAX];
static int64_t room_times[SAMPLES_MAX], times[SAMPLES_MAX], again_times[SAMPLES_MAX];
static double room_values[SAMPLES_MAX], values[SAMPLES_MAX], again_values[SAMPLES_MAX];

static void check_samples(const obs_xor_scratch *scratch, size_t n)
{
    const int64_t offsets[2] = {0, (int64_t)n};
    int64_t end = 0, plain_end = 0;
    size_t again = 0;
    FUZZ_CHECK(obs_xor_windows_encode_many(times, values, offsets, 1, scratch, out, sizeof out, &end) == OBS_OK);
    FUZZ_CHECK(obs_xor_encode_many(times, values, offsets, 1, plain, sizeof plain, &plain_end) == OBS_OK);
    FUZZ_CHECK(end <= plain_end);
    FUZZ_CHECK(obs_xor_decode(out, (size_t)end, again_times, again_values, SAMPLES_MAX, &again) == OBS_OK && again == n);
    FUZZ_CHECK(!memcmp(times, again_times, n * sizeof *times));
    FUZZ_CHECK(!memcmp(values, again_values, n * sizeof *values));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const obs_xor_scratch scratch = {changes, room_times, room_values, room, SAMPLES_MAX};
    fuzz_reader r = {data, size};
    size_t n = 0;
    for (uint64_t bits = fuzz_word(&r); r.left && n < SAMPLES_MAX; n++) {
        uint8_t kind = fuzz_byte(&r);
        times[n] = (int64_t)((n ? (uint64_t)times[n - 1] : 0) + (kind & 1 ? 15000 : fuzz_word(&r)));
        bits ^= kind & 2 ? 0 : (uint64_t)fuzz_byte(&r) << (kind >> 2);
        memcpy(values + n, &bits, sizeof bits);
    }
    check_samples(&scratch, n);

    const uint8_t *const buffers[1] = {data};
    const int32_t buffer = 0;
    const int64_t start = 0, length = (int64_t)size;
    const uint8_t encoding = 1;
    const obs_block_chunks chunks = {buffers, &size, 1, &buffer, &start, &length, &encoding, 1};
    int64_t at = 0, shorter = 0;
    size_t written = 0, again = 0;
    FUZZ_CHECK(obs_xor_windows_rewrite(&chunks, &scratch, out, size, &at, &shorter, &written) == OBS_OK);
    FUZZ_CHECK((size_t)shorter == written && written < size + !size);
    if (shorter) {
        FUZZ_CHECK(obs_xor_decode(data, size, times, values, SAMPLES_MAX, &n) == OBS_OK);
        FUZZ_CHECK(obs_xor_decode(out, written, again_times, again_values, SAMPLES_MAX, &again) == OBS_OK && again == n);
        FUZZ_CHECK(!memcmp(times, again_times, n * sizeof *times));
        FUZZ_CHECK(!memcmp(values, again_values, n * sizeof *values));
    }
    return 0;
}
