/* Segments: any bytes are read to the end in steps, whatever room there is, and records lie within what was given. What the
 * writer makes of any records comes back. */
#include "../log.h"
#include "../log_read.h"
#include "../log_write.h"
#include "../snappy.h"

#include <stdlib.h>

#include "fuzz.h"

enum { RECORDS = 3, FAULTS = 2 };

/* Reads all of a segment; returns how many records, and the sum of their bytes in `*sum`. */
static size_t read_all(const uint8_t *data, size_t size, int is_last, size_t room, uint64_t *sum)
{
    obs_log_place place = {.in_step = 1};
    int64_t words[3][RECORDS], offsets[FAULTS];
    uint8_t marks[RECORDS], codes[FAULTS];
    size_t n = 0, steps = 0;
    *sum = 0;
    while (!place.is_done) {
        uint8_t *out = malloc(room + 1);
        if (!out)
            return n;
        obs_log_records records = {out, room, words[0], words[1], words[2], marks, RECORDS, 0};
        obs_log_faults faults = {codes, offsets, FAULTS, 0};
        uint64_t before = place.position;
        obs_status status = obs_log_read(data, size, is_last, &place, &records, &faults);
        FUZZ_CHECK(status == OBS_OK || status == OBS_NO_SPACE);
        FUZZ_CHECK(place.position >= before && place.position <= size && place.sound_end <= place.position);
        FUZZ_CHECK(place.lost <= size);
        for (size_t i = 0; i < records.n; i++) {
            FUZZ_CHECK(words[1][i] >= 0 && words[2][i] >= 0 && (uint64_t)words[1][i] + (uint64_t)words[2][i] <= room);
            FUZZ_CHECK(words[0][i] >= 0 && (uint64_t)words[0][i] < size);
            for (int64_t k = 0; k < words[2][i]; k++)
                *sum += out[words[1][i] + k];
        }
        for (size_t i = 0; i < faults.n; i++)
            FUZZ_CHECK(offsets[i] >= 0 && (uint64_t)offsets[i] < size);
        n += records.n;
        if (!records.n && !faults.n && status == OBS_NO_SPACE)
            room = 4 * room + 64;
        free(out);
        FUZZ_CHECK(++steps < 100000);
    }
    return n;
}

static void round_trip(const uint8_t *data, size_t size)
{
    int64_t ends[] = {(int64_t)(size / 4), (int64_t)(size / 4), (int64_t)size};
    uint64_t position = 0, sum, expected = 0;
    static uint16_t table[OBS_SNAPPY_TABLE];
    size_t room = 3 * obs_log_framed_max(size), written, done, most = obs_snappy_max_length(size);
    uint8_t *out = malloc(room), *scratch_room = malloc(most);
    obs_log_scratch scratch = {table, scratch_room, most};
    if (out && scratch_room) {
        FUZZ_CHECK(obs_log_frame(data, ends, 3, SIZE_MAX, &position, &scratch, out, room, &written, &done) == OBS_OK);
        FUZZ_CHECK(done == 3 && position == written && written <= room);
        for (size_t i = 0; i < size; i++)
            expected += data[i];
        FUZZ_CHECK(read_all(out, written, 0, 8, &sum) == 3 && sum == expected);
    }
    free(out), free(scratch_room);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t sum, other;
    if (size > 4) { /* as if a fragment began there whose checksum holds, with Snappy and without */
        uint8_t *segment = malloc(2 * size);
        if (segment) {
            memcpy(segment, data, size);
            memcpy(segment + size, data, size);
            size_t n = read_all(segment, 2 * size, data[0] & 1, 1 + data[1], &sum);
            FUZZ_CHECK(read_all(segment, 2 * size, data[0] & 1, 100000, &other) == n && sum == other);
        }
        free(segment);
    }
    round_trip(data, size);
    return 0;
}
