#include "group.h"

#include <string.h>

#include "bits.h"
#include "floats.h"
#include "parallel.h"

/* ---- one series after another -------------------------------------------------------------------------------------- */

/* Adds `values` where `present`. Written without branches, so that several steps go at once: what is not there is computed
 * too, and not kept. */
typedef void (*group_add)(const obs_group_row *row, const double *values, const uint8_t *present, size_t n);
typedef void (*group_finish)(const obs_group_row *row, size_t n, double *out);

WIDE static void add_sum(const obs_group_row *row, const double *values, const uint8_t *present, size_t n)
{
    double *restrict value = row->value, *restrict lost = row->lost, *restrict count = row->count;
    for (size_t t = 0; t < n; t++) {
        double there = present[t], v = values[t], before = value[t];
        double sum = before + v, added = sum - before; /* obs_kahan_add, with Knuth's TwoSum: as exact, and no question */
        double so_far = lost[t], compensation = so_far + ((before - (sum - added)) + (v - added));
        compensation = fabs(sum) == INFINITY || count[t] == 0 ? 0 : compensation;
        sum = count[t] == 0 ? v : sum;
        value[t] = there != 0 ? sum : before;
        lost[t] = there != 0 ? compensation : so_far;
        count[t] += there;
    }
}

WIDE static void end_sum(const obs_group_row *row, size_t n, double *out)
{
    for (size_t t = 0; t < n; t++)
        out[t] = row->value[t] + row->lost[t];
}

WIDE static void add_min(const obs_group_row *row, const double *values, const uint8_t *present, size_t n)
{
    double *restrict value = row->value, *restrict count = row->count;
    for (size_t t = 0; t < n; t++) {
        double there = present[t], v = values[t], before = value[t];
        double least = before > v || before != before ? v : before;
        least = count[t] == 0 ? v : least;
        value[t] = there != 0 ? least : before;
        count[t] += there;
    }
}

WIDE static void add_max(const obs_group_row *row, const double *values, const uint8_t *present, size_t n)
{
    double *restrict value = row->value, *restrict count = row->count;
    for (size_t t = 0; t < n; t++) {
        double there = present[t], v = values[t], before = value[t];
        double greatest = before < v || before != before ? v : before;
        greatest = count[t] == 0 ? v : greatest;
        value[t] = there != 0 ? greatest : before;
        count[t] += there;
    }
}

WIDE static void add_count(const obs_group_row *row, const double *values, const uint8_t *present, size_t n)
{
    (void)values;
    for (size_t t = 0; t < n; t++)
        row->count[t] += present[t];
}

static void end_value(const obs_group_row *row, size_t n, double *out)
{
    memcpy(out, row->value, n * sizeof *out);
}

static void end_count(const obs_group_row *row, size_t n, double *out)
{
    memcpy(out, row->count, n * sizeof *out);
}

static void end_group(const obs_group_row *row, size_t n, double *out)
{
    (void)row;
    for (size_t t = 0; t < n; t++)
        out[t] = 1;
}

/* Welford's variance; a first value that is not finite has none. */
WIDE static void add_stdvar(const obs_group_row *row, const double *values, const uint8_t *present, size_t n)
{
    double *restrict value = row->value, *restrict mean = row->mean, *restrict count = row->count;
    for (size_t t = 0; t < n; t++) {
        double there = present[t], v = values[t], number = count[t] + 1;
        double before = value[t], middle = mean[t], delta = v - middle, next = middle + delta / number;
        double squares = before + delta * (v - next);
        double first = v - v == 0 ? 0.0 : NAN;
        squares = count[t] == 0 ? first : squares;
        next = count[t] == 0 ? v : next;
        value[t] = there != 0 ? squares : before;
        mean[t] = there != 0 ? next : middle;
        count[t] += there;
    }
}

WIDE static void end_stdvar(const obs_group_row *row, size_t n, double *out)
{
    for (size_t t = 0; t < n; t++)
        out[t] = row->value[t] / row->count[t];
}

WIDE static void end_stddev(const obs_group_row *row, size_t n, double *out)
{
    for (size_t t = 0; t < n; t++)
        out[t] = sqrt(row->value[t] / row->count[t]);
}

/* A sum, until it would overflow; from then on the mean itself. */
static void add_avg_overflowing(const obs_group_row *row, const double *values, const uint8_t *present, size_t n)
{
    for (size_t t = 0; t < n; t++) {
        if (!present[t])
            continue;
        double v = values[t], count = ++row->count[t];
        if (count == 1) {
            row->value[t] = v;
            continue;
        }
        if (!row->overflowed[t]) {
            obs_kahan k = obs_kahan_add((obs_kahan){row->value[t], row->lost[t]}, v);
            if (!isinf(k.sum)) {
                row->value[t] = k.sum;
                row->lost[t] = k.lost;
                continue;
            }
            row->overflowed[t] = 1;
            row->mean[t] = row->value[t] / (count - 1);
            row->lost[t] /= count - 1;
        }
        double q = (count - 1) / count;
        obs_kahan mean = obs_kahan_add((obs_kahan){q * row->mean[t], q * row->lost[t]}, v / count);
        row->mean[t] = mean.sum;
        row->lost[t] = mean.lost;
    }
}

/* Whether the sum of a step that has a value would not be finite. What is absent counts as well: it only costs time. */
WIDE static bool may_overflow(const obs_group_row *row, const double *values, size_t n)
{
    int64_t found = 0;
    for (size_t t = 0; t < n; t++)
        found |= (int64_t)(fabs(row->value[t] + values[t]) == INFINITY) | row->overflowed[t];
    return found;
}

static void add_avg(const obs_group_row *row, const double *values, const uint8_t *present, size_t n)
{
    if (may_overflow(row, values, n))
        add_avg_overflowing(row, values, present, n);
    else
        add_sum(row, values, present, n);
}

static void end_avg(const obs_group_row *row, size_t n, double *out)
{
    for (size_t t = 0; t < n; t++) {
        double count = row->count[t];
        out[t] = row->overflowed[t] ? row->mean[t] + row->lost[t] : row->value[t] / count + row->lost[t] / count;
    }
}

/* ---- the table ----------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    group_add add; /* NULL: quantile, which needs all values of a step at once */
    group_finish end;
} OPERATORS[] = {
    {"sum", add_sum, end_sum},        {"avg", add_avg, end_avg},
    {"min", add_min, end_value},      {"max", add_max, end_value},
    {"count", add_count, end_count},  {"group", add_count, end_group},
    {"stddev", add_stdvar, end_stddev}, {"stdvar", add_stdvar, end_stdvar},
    {"quantile", NULL, NULL},
};

size_t obs_group_count(void)
{
    return sizeof OPERATORS / sizeof *OPERATORS;
}

const char *obs_group_name(size_t op)
{
    return op < obs_group_count() ? OPERATORS[op].name : NULL;
}

int obs_group_folds(size_t op)
{
    return op < obs_group_count() && OPERATORS[op].add;
}

int obs_group_has_param(size_t op)
{
    return op < obs_group_count() && !OPERATORS[op].add;
}

void obs_group_begin(const obs_group_row *row, size_t n)
{
    memset(row->count, 0, n * sizeof *row->count);
    memset(row->value, 0, n * sizeof *row->value);
    memset(row->lost, 0, n * sizeof *row->lost);
    memset(row->mean, 0, n * sizeof *row->mean);
    memset(row->overflowed, 0, n * sizeof *row->overflowed);
}

void obs_group_add(size_t op, const obs_group_row *row, size_t n)
{
    OPERATORS[op].add(row, row->values, row->present, n);
}

void obs_group_end(size_t op, const obs_group_row *row, size_t n, double *out, uint8_t *out_present)
{
    OPERATORS[op].end(row, n, out);
    for (size_t t = 0; t < n; t++) {
        out_present[t] = row->count[t] > 0;
        out[t] = row->count[t] > 0 ? out[t] : 0;
    }
}

/* ---- a frame of rows ----------------------------------------------------------------------------------------------- */

typedef struct {
    size_t op;
    const double *values;
    const uint8_t *present;
    const int64_t *order, *ends;
    size_t n_rows, n_steps, n_tiles;
    const double *params;
    const obs_group_row *rows; /* [worker] */
    uint64_t *ranks;           /* [worker, n_rows] */
    double *out;
    uint8_t *out_present;
} group_call;

/* The steps of one task: a group's, or a stretch of them. */
typedef struct {
    size_t from, to; /* of `order` */
    size_t first, length;
} group_tile;

static group_tile find_tile(const group_call *call, size_t task)
{
    size_t group = task / call->n_tiles, tile = task % call->n_tiles;
    size_t first = call->n_steps * tile / call->n_tiles, end = call->n_steps * (tile + 1) / call->n_tiles;
    return (group_tile){group ? (size_t)call->ends[group - 1] : 0, (size_t)call->ends[group], first, end - first};
}

static obs_status fold_tile(void *context, size_t task, size_t worker, size_t *cost)
{
    const group_call *call = context;
    group_tile tile = find_tile(call, task);
    const obs_group_row *row = &call->rows[worker];
    obs_group_begin(row, tile.length);
    for (size_t i = tile.from; i < tile.to; i++) {
        size_t at = (size_t)call->order[i] * call->n_steps + tile.first;
        OPERATORS[call->op].add(row, call->values + at, call->present + at, tile.length);
    }
    size_t at = task / call->n_tiles * call->n_steps + tile.first;
    obs_group_end(call->op, row, tile.length, call->out + at, call->out_present + at);
    *cost += (tile.to - tile.from) * tile.length / 4;
    return OBS_OK;
}

static obs_status quantile_tile(void *context, size_t task, size_t worker, size_t *cost)
{
    const group_call *call = context;
    group_tile tile = find_tile(call, task);
    uint64_t *ranks = call->ranks + worker * call->n_rows;
    for (size_t t = tile.first; t < tile.first + tile.length; t++) {
        size_t found = 0, at = task / call->n_tiles * call->n_steps + t;
        for (size_t i = tile.from; i < tile.to; i++) {
            size_t cell = (size_t)call->order[i] * call->n_steps + t;
            if (call->present[cell])
                ranks[found++] = obs_rank(call->values[cell]);
        }
        obs_sort_ranks(ranks, found);
        call->out_present[at] = found > 0;
        call->out[at] = found ? obs_quantile(call->params[t], ranks, found) : 0.0;
    }
    *cost += (tile.to - tile.from) * tile.length * 4;
    return OBS_OK;
}

int obs_group_lists(const int64_t *order, const int64_t *ends, size_t n_rows, size_t n_groups)
{
    int64_t before = 0;
    for (size_t g = 0; g < n_groups; before = ends[g++])
        if (ends[g] < before || (uint64_t)ends[g] > n_rows)
            return 0;
    for (int64_t i = 0; i < before; i++)
        if (order[i] < 0 || (uint64_t)order[i] >= n_rows)
            return 0;
    return 1;
}

obs_status obs_group_sort(const int64_t *groups, size_t n_rows, size_t n_groups, int64_t *order, int64_t *ends)
{
    memset(ends, 0, (n_groups + 1) * sizeof *ends);
    for (size_t row = 0; row < n_rows; row++) {
        if (groups[row] < 0 || (uint64_t)groups[row] >= n_groups)
            return OBS_INVALID;
        ends[groups[row] + 1]++;
    }
    for (size_t g = 0; g < n_groups; g++)
        ends[g + 1] += ends[g];
    for (size_t row = 0; row < n_rows; row++)
        order[ends[groups[row]]++] = (int64_t)row;
    return OBS_OK;
}

obs_status obs_group_reduce(size_t op, const double *values, const uint8_t *present, const int64_t *order,
                            const int64_t *ends, size_t n_rows, size_t n_steps, size_t n_groups, const double *params,
                            const obs_group_row *rows, uint64_t *ranks, size_t n_workers, double *out,
                            uint8_t *out_present)
{
    if (op >= obs_group_count() || (obs_group_has_param(op) && !params) || !obs_group_lists(order, ends, n_rows, n_groups))
        return OBS_INVALID;
    if (n_groups == 0 || n_steps == 0)
        return OBS_OK;
    size_t n_tiles = obs_tiles(n_groups, n_steps, n_workers);
    group_call call = {op, values, present, order, ends, n_rows, n_steps, n_tiles, params, rows, ranks, out, out_present};
    return obs_parallel(n_groups * n_tiles, n_rows * n_steps / 4, n_workers, obs_group_folds(op) ? fold_tile : quantile_tile, &call);
}
