/* What the fuzz harnesses share. */
#ifndef OBSFLOW_FUZZ_H
#define OBSFLOW_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(condition)                                                                                          \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            __builtin_trap();                                                                                          \
    } while (0)

/* Takes an input apart; zeros once it is used up. */
typedef struct {
    const uint8_t *at;
    size_t left;
} fuzz_reader;

static inline uint8_t fuzz_byte(fuzz_reader *r)
{
    if (!r->left)
        return 0;
    r->left--;
    return *r->at++;
}

static inline uint64_t fuzz_word(fuzz_reader *r)
{
    uint64_t word = 0;
    for (int i = 0; i < 8; i++)
        word = word << 8 | fuzz_byte(r);
    return word;
}

#endif
