/* Runs a harness without libFuzzer: inputs at random and by mutation of earlier ones, for a number of seconds.
 *
 *   driver SECONDS [SEED]
 *
 * Prints the seed, so that a failure can be had again. A sanitizer or a failed check ends the program.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "fuzz.h"

enum { INPUT_MAX = 512, KEPT = 256, MUTATIONS_MAX = 8 };

static uint64_t state;

static uint64_t random_word(void) /* xorshift64* */
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 0x2545f4914f6cdd1du;
}

static size_t random_below(size_t n)
{
    return n ? (size_t)(random_word() % n) : 0;
}

typedef struct {
    uint8_t bytes[INPUT_MAX];
    size_t size;
} input;

static void fill(input *in)
{
    in->size = random_below(INPUT_MAX + 1);
    unsigned sparse = (unsigned)random_below(4); /* chunks and tables are mostly zeros and small numbers */
    for (size_t i = 0; i < in->size; i++)
        in->bytes[i] = random_below(4) < sparse ? (uint8_t)random_below(4) : (uint8_t)random_word();
}

static void mutate(input *in)
{
    for (size_t n = 1 + random_below(MUTATIONS_MAX); n > 0 && in->size > 0; n--) {
        size_t at = random_below(in->size);
        switch (random_below(4)) {
        case 0:
            in->bytes[at] ^= (uint8_t)(1u << random_below(8));
            break;
        case 1:
            in->bytes[at] = random_below(2) ? 0xff : 0;
            break;
        case 2:
            in->size = at;
            break;
        default:
            memmove(in->bytes + at, in->bytes, random_below(in->size - at + 1));
        }
    }
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? atof(argv[1]) : 5;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : (uint64_t)time(NULL);
    static input kept[KEPT];
    state = seed * 2 + 1;
    unsigned long long runs = 0;
    clock_t end = clock() + (clock_t)(seconds * CLOCKS_PER_SEC);
    printf("%s: seed %llu\n", argv[0], (unsigned long long)seed);
    fflush(stdout);
    while (clock() < end) {
        for (int i = 0; i < 1000; i++, runs++) {
            input *in = &kept[random_below(KEPT)];
            if (in->size == 0 || random_below(8) == 0)
                fill(in);
            else
                mutate(in);
            uint8_t *exact = malloc(in->size ? in->size : 1); /* its end is guarded */
            if (!exact)
                return 1;
            memcpy(exact, in->bytes, in->size);
            LLVMFuzzerTestOneInput(exact, in->size);
            free(exact);
        }
    }
    printf("%s: %llu inputs\n", argv[0], runs);
    return 0;
}
