#include "lookup.h"

#include <stdbool.h>
#include <string.h>

enum { NONE = -1 };

typedef struct {
    const int32_t *names, *values;
    size_t n;
} pairs;

static bool get_pairs(const obs_labels *labels, size_t row, pairs *out)
{
    int64_t first = labels->offsets[row], last = labels->offsets[row + 1];
    if (first < 0 || last < first || (size_t)last > labels->n_pairs)
        return false;
    *out = (pairs){labels->names + first, labels->values + first, (size_t)(last - first)};
    return true;
}

static uint64_t hash(const pairs *of)
{
    uint64_t state = 0x9e3779b97f4a7c15u;
    for (size_t i = 0; i < of->n; i++) {
        uint64_t word = (uint64_t)(uint32_t)of->names[i] << 32 | (uint32_t)of->values[i];
        state = (state ^ word) * 0xff51afd7ed558ccdu;
        state ^= state >> 32;
    }
    state *= 0xc4ceb9fe1a85ec53u;
    return state ^ state >> 29;
}

static bool is_equal(const pairs *a, const pairs *b)
{
    return a->n == b->n && !memcmp(a->names, b->names, a->n * sizeof *a->names) &&
           !memcmp(a->values, b->values, a->n * sizeof *a->values);
}

static inline uint32_t tag_of(uint64_t h)
{
    return (uint32_t)(h >> 32);
}

/* The slot of a label set, or the free one that it belongs in. */
static obs_status probe(const obs_lookup *lookup, const obs_labels *known, const pairs *wanted, uint64_t h, size_t *slot)
{
    size_t mask = lookup->capacity - 1, at = (size_t)h & mask;
    for (; lookup->rows[at] != NONE; at = (at + 1) & mask) {
        pairs found;
        if (lookup->tags[at] != tag_of(h))
            continue;
        if (lookup->rows[at] < 0 || (size_t)lookup->rows[at] >= known->n_series ||
            !get_pairs(known, (size_t)lookup->rows[at], &found))
            return OBS_INVALID;
        if (is_equal(wanted, &found))
            break;
    }
    *slot = at;
    return OBS_OK;
}

static inline void put(obs_lookup *lookup, size_t slot, uint64_t h, size_t row)
{
    lookup->rows[slot] = (int32_t)row;
    lookup->tags[slot] = tag_of(h);
    lookup->n++;
}

obs_status obs_lookup_find(const obs_lookup *lookup, const obs_labels *known, const obs_labels *asked, int64_t *rows)
{
    for (size_t i = 0; i < asked->n_series; i++) {
        pairs wanted;
        size_t slot;
        if (!get_pairs(asked, i, &wanted) || probe(lookup, known, &wanted, hash(&wanted), &slot) != OBS_OK)
            return OBS_INVALID;
        rows[i] = lookup->rows[slot];
    }
    return OBS_OK;
}

static inline obs_labels as_labels(const obs_label_store *store)
{
    return (obs_labels){store->offsets, store->n_series, store->names, store->values, store->n_pairs};
}

obs_status obs_lookup_intern(obs_lookup *lookup, obs_label_store *store, const obs_labels *asked, int64_t *rows)
{
    size_t n = asked->n_series;
    if (2 * (lookup->n + n) > lookup->capacity || n > store->series_capacity - store->n_series ||
        store->n_series + n > INT32_MAX)
        return OBS_NO_SPACE;
    for (size_t i = 0; i < n; i++) {
        pairs wanted;
        size_t slot;
        obs_labels known = as_labels(store);
        if (!get_pairs(asked, i, &wanted))
            return OBS_INVALID;
        uint64_t h = hash(&wanted);
        if (probe(lookup, &known, &wanted, h, &slot) != OBS_OK)
            return OBS_INVALID;
        if (lookup->rows[slot] == NONE) {
            if (wanted.n > store->pairs_capacity - store->n_pairs)
                return OBS_NO_SPACE;
            memcpy(store->names + store->n_pairs, wanted.names, wanted.n * sizeof *wanted.names);
            memcpy(store->values + store->n_pairs, wanted.values, wanted.n * sizeof *wanted.values);
            store->n_pairs += wanted.n;
            put(lookup, slot, h, store->n_series++);
            store->offsets[store->n_series] = (int64_t)store->n_pairs;
        }
        rows[i] = lookup->rows[slot];
    }
    return OBS_OK;
}

obs_status obs_lookup_add(obs_lookup *lookup, const obs_labels *known, const int64_t *rows, size_t n_rows)
{
    size_t mask = lookup->capacity - 1;
    if (2 * (lookup->n + n_rows) > lookup->capacity)
        return OBS_NO_SPACE;
    for (size_t i = 0; i < n_rows; i++) {
        pairs own;
        if (rows[i] < 0 || (size_t)rows[i] >= known->n_series || !get_pairs(known, (size_t)rows[i], &own))
            return OBS_INVALID;
        uint64_t h = hash(&own);
        size_t at = (size_t)h & mask;
        while (lookup->rows[at] != NONE)
            at = (at + 1) & mask;
        put(lookup, at, h, (size_t)rows[i]);
    }
    return OBS_OK;
}

/* Frees a slot, and moves back what had to go past it. */
static obs_status free_slot(obs_lookup *lookup, const obs_labels *known, size_t hole)
{
    size_t mask = lookup->capacity - 1;
    for (size_t at = (hole + 1) & mask; lookup->rows[at] != NONE; at = (at + 1) & mask) {
        pairs own;
        if ((size_t)lookup->rows[at] >= known->n_series || !get_pairs(known, (size_t)lookup->rows[at], &own))
            return OBS_INVALID;
        size_t home = (size_t)hash(&own) & mask;
        if (((at - home) & mask) < ((at - hole) & mask))
            continue; /* its place is behind the hole */
        lookup->rows[hole] = lookup->rows[at];
        lookup->tags[hole] = lookup->tags[at];
        hole = at;
    }
    lookup->rows[hole] = NONE;
    lookup->n--;
    return OBS_OK;
}

obs_status obs_lookup_remove(obs_lookup *lookup, const obs_labels *known, const int64_t *rows, size_t n_rows)
{
    size_t mask = lookup->capacity - 1;
    for (size_t i = 0; i < n_rows; i++) {
        pairs own;
        if (rows[i] < 0 || (size_t)rows[i] >= known->n_series || !get_pairs(known, (size_t)rows[i], &own))
            return OBS_INVALID;
        if (!lookup->n)
            return OBS_OK;
        size_t at = (size_t)hash(&own) & mask;
        while (lookup->rows[at] != NONE && lookup->rows[at] != rows[i])
            at = (at + 1) & mask;
        if (lookup->rows[at] == NONE)
            continue;
        obs_status status = free_slot(lookup, known, at);
        if (status != OBS_OK)
            return status;
    }
    return OBS_OK;
}
