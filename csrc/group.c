#include "group.h"

#include <string.h>

#include "floats.h"

/* The rows of one group, and the row of the result. */
typedef struct {
    const double *values;   /* [n_rows, n_steps] of all groups */
    const uint8_t *present; /* the same shape */
    const int64_t *rows;    /* [n] indices of this group's, ascending */
    size_t n;
    size_t n_steps;
    const double *params;
    const obs_group_scratch *scratch;
    double *out;
    uint8_t *out_present;
} group_job;

/* ---- one cell at a time -------------------------------------------------------------------------------------------- */

typedef void (*cell_step)(obs_group_cell *cell, double value);
typedef double (*cell_end)(const obs_group_cell *cell);

static inline void reduce(const group_job *job, cell_step first, cell_step next, cell_end end)
{
    obs_group_cell *cells = job->scratch->cells;
    memset(cells, 0, job->n_steps * sizeof *cells);
    for (size_t i = 0; i < job->n; i++) {
        size_t row = (size_t)job->rows[i] * job->n_steps;
        for (size_t t = 0; t < job->n_steps; t++) {
            if (!job->present[row + t])
                continue;
            if (cells[t].count++)
                next(&cells[t], job->values[row + t]);
            else
                first(&cells[t], job->values[row + t]);
        }
    }
    for (size_t t = 0; t < job->n_steps; t++) {
        job->out_present[t] = cells[t].count > 0;
        job->out[t] = cells[t].count ? end(&cells[t]) : 0.0;
    }
}

static inline void take(obs_group_cell *cell, double value)
{
    cell->value = cell->mean = value;
}

static inline double value_of(const obs_group_cell *cell)
{
    return cell->value;
}

static inline void ignore(obs_group_cell *cell, double value)
{
    (void)cell, (void)value;
}

static inline double count_of(const obs_group_cell *cell)
{
    return (double)cell->count;
}

static inline double one(const obs_group_cell *cell)
{
    (void)cell;
    return 1;
}

static inline void next_sum(obs_group_cell *cell, double value)
{
    obs_kahan k = obs_kahan_add((obs_kahan){cell->value, cell->lost}, value);
    cell->value = k.sum;
    cell->lost = k.lost;
}

static inline double end_sum(const obs_group_cell *cell)
{
    return cell->value + cell->lost;
}

static inline void next_avg(obs_group_cell *cell, double value)
{
    double count = (double)cell->count;
    if (!cell->overflowed) {
        obs_kahan k = obs_kahan_add((obs_kahan){cell->value, cell->lost}, value);
        if (!isinf(k.sum)) {
            cell->value = k.sum;
            cell->lost = k.lost;
            return;
        }
        cell->overflowed = 1;
        cell->mean = cell->value / (count - 1);
        cell->lost /= count - 1;
    }
    double q = (count - 1) / count;
    obs_kahan mean = obs_kahan_add((obs_kahan){q * cell->mean, q * cell->lost}, value / count);
    cell->mean = mean.sum;
    cell->lost = mean.lost;
}

static inline double end_avg(const obs_group_cell *cell)
{
    double count = (double)cell->count;
    return cell->overflowed ? cell->mean + cell->lost : cell->value / count + cell->lost / count;
}

static inline void next_min(obs_group_cell *cell, double value)
{
    if (cell->value > value || isnan(cell->value))
        cell->value = value;
}

static inline void next_max(obs_group_cell *cell, double value)
{
    if (cell->value < value || isnan(cell->value))
        cell->value = value;
}

/* Welford's variance; a first value that is not finite has none. */
static inline void first_stdvar(obs_group_cell *cell, double value)
{
    cell->mean = value;
    cell->value = isfinite(value) ? 0 : NAN;
}

static inline void next_stdvar(obs_group_cell *cell, double value)
{
    double delta = value - cell->mean;
    cell->mean += delta / (double)cell->count;
    cell->value += delta * (value - cell->mean);
}

static inline double end_stdvar(const obs_group_cell *cell)
{
    return cell->value / (double)cell->count;
}

static inline double end_stddev(const obs_group_cell *cell)
{
    return sqrt(cell->value / (double)cell->count);
}

static void group_sum(const group_job *job)
{
    reduce(job, take, next_sum, end_sum);
}

static void group_avg(const group_job *job)
{
    reduce(job, take, next_avg, end_avg);
}

static void group_min(const group_job *job)
{
    reduce(job, take, next_min, value_of);
}

static void group_max(const group_job *job)
{
    reduce(job, take, next_max, value_of);
}

static void group_count(const group_job *job)
{
    reduce(job, ignore, ignore, count_of);
}

static void group_group(const group_job *job)
{
    reduce(job, ignore, ignore, one);
}

static void group_stdvar(const group_job *job)
{
    reduce(job, first_stdvar, next_stdvar, end_stdvar);
}

static void group_stddev(const group_job *job)
{
    reduce(job, first_stdvar, next_stdvar, end_stddev);
}

/* ---- a whole column at a time -------------------------------------------------------------------------------------- */

static void group_quantile(const group_job *job)
{
    uint64_t *ranks = job->scratch->ranks;
    for (size_t t = 0; t < job->n_steps; t++) {
        size_t found = 0;
        for (size_t i = 0; i < job->n; i++) {
            size_t at = (size_t)job->rows[i] * job->n_steps + t;
            if (job->present[at])
                ranks[found++] = obs_rank(job->values[at]);
        }
        obs_sort_ranks(ranks, found);
        job->out_present[t] = found > 0;
        job->out[t] = found ? obs_quantile(job->params[t], ranks, found) : 0.0;
    }
}

/* ---- the table ----------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    void (*kernel)(const group_job *job);
    int has_param;
} OPERATORS[] = {
    {"sum", group_sum, 0},       {"avg", group_avg, 0},           {"min", group_min, 0},
    {"max", group_max, 0},       {"count", group_count, 0},       {"group", group_group, 0},
    {"stddev", group_stddev, 0}, {"stdvar", group_stdvar, 0},     {"quantile", group_quantile, 1},
};

size_t obs_group_count(void)
{
    return sizeof OPERATORS / sizeof *OPERATORS;
}

const char *obs_group_name(size_t op)
{
    return op < obs_group_count() ? OPERATORS[op].name : NULL;
}

int obs_group_has_param(size_t op)
{
    return op < obs_group_count() && OPERATORS[op].has_param;
}

/* Sorts the rows by group, keeping their order: group g gets order[ends[g - 1] : ends[g]]. */
static obs_status sort_rows(const int64_t *groups, size_t n_rows, size_t n_groups, int64_t *order, int64_t *ends)
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

obs_status obs_group_reduce(size_t op, const double *values, const uint8_t *present, const int64_t *groups,
                            size_t n_rows, size_t n_steps, size_t n_groups, const double *params,
                            const obs_group_scratch *scratch, double *out, uint8_t *out_present)
{
    if (op >= obs_group_count() || (OPERATORS[op].has_param && !params))
        return OBS_INVALID;
    obs_status status = sort_rows(groups, n_rows, n_groups, scratch->order, scratch->ends);
    if (status != OBS_OK)
        return status;
    group_job job = {.values = values, .present = present, .n_steps = n_steps, .params = params, .scratch = scratch};
    for (size_t g = 0; g < n_groups; g++) {
        size_t first = g ? (size_t)scratch->ends[g - 1] : 0;
        job.rows = scratch->order + first;
        job.n = (size_t)scratch->ends[g] - first;
        job.out = out + g * n_steps;
        job.out_present = out_present + g * n_steps;
        OPERATORS[op].kernel(&job);
    }
    return OBS_OK;
}
