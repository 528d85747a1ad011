/* The vocabulary of alerts.h: what is held once. Internal.
 *
 * A text that is looked up lies behind the strings that are known, and becomes the last of them if it is new. OBS_NO_SPACE
 * where an array is full, or where so many things have a hash alike that looking on is not worth it.
 */
#ifndef OBSFLOW_VOCABULARY_H
#define OBSFLOW_VOCABULARY_H

#include "alerts.h"

/* Whether capacities, counts and slots go together. What the arrays hold is checked where it is used. */
int obs_vocabulary_is_sound(const obs_alerts_vocabulary *vocabulary);

/* The number of the text of `length` bytes behind the strings. */
obs_status obs_vocabulary_string(obs_alerts_vocabulary *vocabulary, size_t length, int32_t *id);

obs_status obs_vocabulary_pair(obs_alerts_vocabulary *vocabulary, int32_t name, int32_t value, int32_t *id);

obs_status obs_vocabulary_set(obs_alerts_vocabulary *vocabulary, const int32_t *members, size_t n, int32_t *id);

/* Negative, 0 or positive as one string's bytes come before, are or come after those of another. */
int obs_vocabulary_compare(const obs_alerts_vocabulary *vocabulary, int32_t one, int32_t other);

/* Where the last of what is kept one after another ends. */
static inline size_t obs_vocabulary_used(const int32_t *ends, size_t n)
{
    return n ? (size_t)ends[n - 1] : 0;
}

#endif
