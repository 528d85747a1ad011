/* Chunks of a block: the input is times, references and two segments; what is found lies in them, and stays found. */
#include "../chunks.h"

#include "fuzz.h"

enum { CHUNKS = 8, SERIES = 3, SEGMENTS = 2 };

static int64_t number(fuzz_reader *r, uint8_t below)
{
    uint8_t kind = fuzz_byte(r);
    return kind == 255 ? (int64_t)fuzz_word(r) : kind % below;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_reader r = {data, size};
    int64_t offsets[SERIES + 1], min_time[CHUNKS], max_time[CHUNKS], reference[CHUNKS], rows[SERIES], at = 0;
    uint8_t in_order[SERIES], state[CHUNKS], encodings[CHUNKS];
    for (size_t i = 0; i <= SERIES; i++) {
        offsets[i] = at;
        at = (int64_t)((uint64_t)at + (uint64_t)number(&r, 4));
    }
    for (size_t i = 0; i < CHUNKS; i++) {
        min_time[i] = number(&r, 64);
        max_time[i] = number(&r, 128);
        reference[i] = (int64_t)((uint64_t)number(&r, SEGMENTS + 1) << 32 | (uint64_t)number(&r, 64));
        state[i] = fuzz_byte(&r) % 2 ? OBS_CHUNK_READABLE : OBS_CHUNK_UNREAD; /* few checksums ever match */
    }
    for (size_t i = 0; i < SERIES; i++)
        rows[i] = number(&r, SERIES);
    int64_t from = number(&r, 64), to = number(&r, 128);
    size_t half = r.left / 2;
    const uint8_t *segments[SEGMENTS] = {r.at, r.at + half};
    const size_t sizes[SEGMENTS] = {half, r.left - half};
    const int64_t numbers[SEGMENTS] = {0, 1};
    const obs_chunks chunks = {offsets, SERIES, min_time, max_time, CHUNKS, in_order};
    const obs_chunk_files files = {segments, sizes, numbers, SEGMENTS, reference, state, CHUNKS};

    int64_t first[SERIES], ends[SERIES + 1], start[2][CHUNKS], length[2][CHUNKS], times[2][CHUNKS];
    int32_t segment[2][CHUNKS];
    uint8_t encoding[2][CHUNKS];
    size_t n[2] = {0};
    for (size_t again = 0; again < 2; again++) {
        obs_chunk_ranges ranges = {first, ends, SERIES, 0, 0};
        obs_chunk_places places = {segment[again], start[again], length[again], encoding[again],
                                   times[0],       times[1],     CHUNKS,        0, 0, 0};
        if (obs_chunks_order(&chunks) != OBS_OK || obs_chunks_between(&chunks, rows, from, to, &ranges) != OBS_OK ||
            obs_chunks_locate(&chunks, &files, &ranges, &places) != OBS_OK)
            return 0;
        n[again] = places.n;
        for (size_t i = 0; i < places.n; i++) {
            size_t of = sizes[segment[again][i]];
            FUZZ_CHECK(start[again][i] > 1 && length[again][i] > 1);
            FUZZ_CHECK((size_t)(start[again][i] + length[again][i]) + 4 <= of);
        }
    }
    FUZZ_CHECK(n[0] == n[1]);
    FUZZ_CHECK(!memcmp(start[0], start[1], n[0] * sizeof *start[0]));
    FUZZ_CHECK(!memcmp(length[0], length[1], n[0] * sizeof *length[0]));
    FUZZ_CHECK(!memcmp(encoding[0], encoding[1], n[0]));
    FUZZ_CHECK(obs_chunks_encodings(&files, rows, SERIES, encodings) == OBS_OK);
    return 0;
}
