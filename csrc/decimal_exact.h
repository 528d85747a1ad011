/* Decimals by exact arithmetic, for what the quick ways leave open. Internal to decimal.c. */
#ifndef OBSFLOW_DECIMAL_EXACT_H
#define OBSFLOW_DECIMAL_EXACT_H

#include "decimal.h"

enum { DECIMAL_DIGITS_MAX = 17 };

/* `digits` ASCII digits, some of which may be a point, times ten to the `exponent` (that of the last digit), rounded to
 * nearest and even; infinite where that overflows. */
double obs_decimal_divide(const uint8_t *digits, size_t length, int64_t exponent);

/* The same of `digits` that fit a word, the quick way if it can be had. */
double obs_decimal_scale(uint64_t digits, int64_t exponent);

/* The shortest decimal that rounds to a finite double above 0, and of those the nearest to it: `*n` digits, of which the
 * first stands for 10^exponent. */
void obs_decimal_shortest(double value, uint8_t digits[DECIMAL_DIGITS_MAX], size_t *n, int *exponent);

#endif
