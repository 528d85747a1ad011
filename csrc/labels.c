#include "labels.h"

#include <stdbool.h>
#include <string.h>

static bool find_pairs(const obs_labels *labels, int64_t row, size_t *first, size_t *last)
{
    if (row < 0 || (uint64_t)row >= labels->n_series)
        return false;
    int64_t from = labels->offsets[row], to = labels->offsets[row + 1];
    if (from < 0 || to < from || (uint64_t)to > labels->n_pairs)
        return false;
    *first = (size_t)from;
    *last = (size_t)to;
    return true;
}

/* Where a name is among `names`, or their number. The search begins at `at`: names of a series come in the order in which
 * those of the series before came. */
static size_t find_name(const int32_t *names, size_t n_names, size_t at, int32_t name)
{
    for (size_t i = at; i < n_names; i++)
        if (names[i] == name)
            return i;
    for (size_t i = 0; i < at && i < n_names; i++)
        if (names[i] == name)
            return i;
    return n_names;
}

obs_status obs_labels_names(const obs_labels *labels, const int64_t *rows, size_t n_rows, int32_t *names,
                            size_t capacity, size_t *n_names)
{
    *n_names = 0;
    for (size_t i = 0; i < n_rows; i++) {
        size_t first, last, at = 0;
        if (!find_pairs(labels, rows[i], &first, &last))
            return OBS_INVALID;
        for (size_t pair = first; pair < last; pair++) {
            at = find_name(names, *n_names, at, labels->names[pair]);
            if (at == *n_names) {
                if (at == capacity)
                    return OBS_NO_SPACE;
                names[(*n_names)++] = labels->names[pair];
            }
            at++;
        }
    }
    return OBS_OK;
}

obs_status obs_labels_columns(const obs_labels *labels, const int64_t *rows, size_t n_rows, const int32_t *names,
                              size_t n_names, int32_t *columns)
{
    if (n_names && n_rows)
        memset(columns, 0, n_names * n_rows * sizeof *columns);
    for (size_t i = 0; i < n_rows; i++) {
        size_t first, last, at = 0;
        if (!find_pairs(labels, rows[i], &first, &last))
            return OBS_INVALID;
        for (size_t pair = first; pair < last; pair++) {
            at = find_name(names, n_names, at, labels->names[pair]);
            if (at < n_names)
                columns[at * n_rows + i] = labels->values[pair];
            at++;
        }
    }
    return OBS_OK;
}
