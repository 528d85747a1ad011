/* The alerts that a sender posts: a JSON array of objects, read into numbers.
 *
 * Senders say the same again and again, so what they say is held once, in a vocabulary that grows from post to post:
 *
 *   strings     text_ends  [ 9, 13, 22, ... ]            string i is text[text_ends[i - 1] : text_ends[i]], UTF-8
 *   pairs       pairs      [ name, value, ... ]          of numbers of strings
 *   sets        set_ends   [ 2, 5, ... ]                 set i has members[set_ends[i - 1] : set_ends[i]]: numbers of
 *                                                        pairs in order of the bytes of their names, each name once
 *
 * Each kind has slots that lead from a hash to a number plus 1, 0 where there is none.
 */
#ifndef OBSFLOW_ALERTS_H
#define OBSFLOW_ALERTS_H

#include "status.h"

typedef struct {
    uint8_t *text;      /* [text_capacity] */
    int32_t *text_ends; /* [string_capacity] */
    int32_t *pairs;     /* [2 * pair_capacity] */
    int32_t *members;   /* [member_capacity] */
    int32_t *set_ends;  /* [set_capacity] */
    size_t text_capacity, string_capacity, pair_capacity, member_capacity, set_capacity;
    int32_t *string_slots, *pair_slots, *set_slots; /* powers of two, each above the capacity of its kind */
    size_t n_string_slots, n_pair_slots, n_set_slots;
    size_t n_strings, n_pairs, n_sets;
} obs_alerts_vocabulary;

/* Fill the slots, which are zero, from strings, pairs and sets: after arrays were made larger. OBS_INVALID if the
 * vocabulary contradicts itself. */
obs_status obs_alerts_index(obs_alerts_vocabulary *vocabulary);

/* Read a post. `alerts` is int32 [capacity, 5], of which `*n_alerts` rows are written: the set of the labels, that of the
 * annotations, where in the data the quote before each of `startsAt` and `endsAt` stands, and the string that is
 * `generatorURL`; -1 where there is none. Where a time is that of the alert before, its place is, too.
 *
 * OBS_CORRUPT for whatever is not as senders write it, be it well-formed: other members, a name twice, null, a label that
 * is empty, half a surrogate pair. Whoever knows all of JSON is then to be asked. OBS_NO_SPACE if the vocabulary or
 * `alerts` is full; what was learnt until then stays and does no harm. */
obs_status obs_alerts_read(obs_alerts_vocabulary *vocabulary, const uint8_t *data, size_t size, int32_t *alerts,
                           size_t capacity, size_t *n_alerts);

#endif
