/* Decimal text to doubles and back, as Go's strconv does it: correctly rounded, without locale or allocation.
 *
 *   [+-] digits [. digits] [(e|E) [+-] digits]      a digit at least before the exponent, before or after the point
 *   [+-] (inf | infinity),  nan                     in any case; a NaN has no sign, and the bits 0x7ff8000000000001
 *
 * Hexadecimal digits and underscores, which Go's ParseFloat also takes, are not numbers here: an exposition must not have
 * them. Most numbers are one multiplication or division of two exact doubles (Clinger, 1990); nearly all of the others a
 * product of 128 bits (Eisel and Lemire, 2020); and what that leaves open is divided exactly.
 */
#ifndef OBSFLOW_DECIMAL_H
#define OBSFLOW_DECIMAL_H

#include "status.h"

typedef enum {
    OBS_DECIMAL_OK = 0,
    OBS_DECIMAL_SYNTAX, /* no number begins here */
    OBS_DECIMAL_RANGE   /* beyond the largest double; the value is the infinity */
} obs_decimal_status;

/* Reads the longest number that the text begins with, `*used` bytes of it. */
obs_decimal_status obs_decimal_read(const uint8_t *text, size_t length, double *value, size_t *used);

/* Reads `n` texts, which are ranges of one buffer and each a number as a whole: `states[i]` is an obs_decimal_status.
 * OBS_INVALID if a range leaves the buffer. */
obs_status obs_decimal_read_many(const uint8_t *data, size_t size, const int64_t *starts, const int64_t *lengths,
                                 size_t n, double *values, uint8_t *states);

/* Writes a number as OpenMetrics wants it in `le` and `quantile`: the shortest digits that are read back as this double, an
 * exponent below 1e-4 and from 1e6 on, and ".0" where there would be neither point nor exponent. Returns the length. */
size_t obs_decimal_write(double value, uint8_t text[32]);

#endif
