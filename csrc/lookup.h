/* Which series has a label set: a table of hashes beside the label sets themselves (labels.h).
 *
 * Slots are probed one after another. A label set is equal to another where their pairs of ids are, in the same order.
 * `capacity` is a power of two, and more than half of the slots are free.
 */
#ifndef OBSFLOW_LOOKUP_H
#define OBSFLOW_LOOKUP_H

#include "labels.h"
#include "status.h"

typedef struct {
    int32_t *rows;  /* [capacity]: -1 in a free slot */
    uint32_t *tags; /* [capacity]: a part of the hash */
    size_t capacity;
    size_t n;
} obs_lookup;

/* The rows that have the `asked` label sets; -1 for none. OBS_INVALID if a pair or a row is not there. */
obs_status obs_lookup_find(const obs_lookup *lookup, const obs_labels *known, const obs_labels *asked, int64_t *rows);

/* Label sets that grow in number: room for more behind those that are there. */
typedef struct {
    int64_t *offsets; /* [series_capacity + 1] */
    int32_t *names;   /* [pairs_capacity] */
    int32_t *values;  /* [pairs_capacity] */
    size_t n_series;
    size_t n_pairs;
    size_t series_capacity;
    size_t pairs_capacity;
} obs_label_store;

/* The rows of the `asked` label sets; those that are not there are added to the store and the table, each once.
 * OBS_NO_SPACE where all of them would not fit, were they new; OBS_INVALID if a pair or a row is not there. */
obs_status obs_lookup_intern(obs_lookup *lookup, obs_label_store *store, const obs_labels *asked, int64_t *rows);

/* Adds rows of the store to the table, none of whose label sets may be in it. OBS_NO_SPACE, and nothing is added, if less than
 * half of the slots would be free. OBS_INVALID if there is no such row. */
obs_status obs_lookup_add(obs_lookup *lookup, const obs_labels *known, const int64_t *rows, size_t n_rows);

/* Removes rows; those that are not there are left alone. OBS_INVALID if there is no such series. */
obs_status obs_lookup_remove(obs_lookup *lookup, const obs_labels *known, const int64_t *rows, size_t n_rows);

#endif
