#include "log.h"

#include "bits.h"

enum { SAMPLES = 2, SAMPLES_V2 = 11, SAMPLE_BYTES_MIN = 10, NO_START = 0, SAME_START = 1 };

typedef struct {
    const uint8_t *data;
    size_t at, end;
} cursor;

typedef struct {
    uint64_t reference;
    int64_t time;
    int64_t start;
    uint64_t bits;
} sample;

static inline bool read_varint(cursor *c, int64_t *value)
{
    uint64_t word;
    if (!obs_read_uvarint(c->data, c->end, &c->at, &word))
        return false;
    *value = obs_unzigzag(word);
    return true;
}

static inline bool read_64(cursor *c, uint64_t *word)
{
    if (c->end - c->at < sizeof *word)
        return false;
    *word = obs_load64(c->data + c->at);
    c->at += sizeof *word;
    return true;
}

/* The start time of a sample that comes after one that started at `before`, the first of all at `first`. */
static bool read_start(cursor *c, int64_t first, int64_t before, int64_t *start)
{
    if (c->at == c->end)
        return false;
    uint8_t marker = c->data[c->at++];
    if (marker <= SAME_START) {
        *start = marker == NO_START ? 0 : before;
        return true;
    }
    if (!read_varint(c, start))
        return false;
    *start = obs_time_add(first, *start);
    return true;
}

/* One sample, whose reference and time are differences to the base; so is its start, if not that of `out` before. */
static inline bool read_sample(cursor *c, bool has_start, const sample *base, sample *out)
{
    int64_t reference, time;
    if (!read_varint(c, &reference) || !read_varint(c, &time) || (has_start && !read_start(c, base->start, out->start, &out->start)) || !read_64(c, &out->bits))
        return false;
    out->reference = base->reference + (uint64_t)reference;
    out->time = obs_time_add(base->time, time);
    return true;
}

/* What a record of the first version begins with. */
static bool read_bases(cursor *c, sample *base)
{
    uint64_t time;
    if (!read_64(c, &base->reference) || !read_64(c, &time))
        return false;
    base->time = (int64_t)time;
    return true;
}

/* What a record of the second version begins with. */
static bool read_first(cursor *c, sample *first)
{
    int64_t reference;
    if (!read_varint(c, &reference) || !read_varint(c, &first->time) || !read_varint(c, &first->start) ||
        !read_64(c, &first->bits))
        return false;
    first->reference = (uint64_t)reference;
    return true;
}

typedef struct {
    uint64_t *references;
    int64_t *times;
    double *values;
    int64_t *starts;
    size_t n;
} columns;

static inline void put(columns *to, const sample *s)
{
    to->references[to->n] = s->reference;
    to->times[to->n] = s->time;
    to->starts[to->n] = s->start;
    memcpy(to->values + to->n++, &s->bits, sizeof s->bits);
}

/* The samples of one record, behind its type; false if it ends within one. */
static bool read_record(cursor c, bool second_version, columns *to)
{
    sample base = {0}, s = {0};
    if (c.at == c.end)
        return true;
    if (second_version ? !read_first(&c, &base) : !read_bases(&c, &base))
        return false;
    if (second_version) {
        put(to, &base);
        s.start = base.start;
    }
    while (c.at < c.end) {
        if (!read_sample(&c, second_version, &base, &s))
            return false;
        put(to, &s);
        if (second_version)
            base.reference = s.reference;
    }
    return true;
}

size_t obs_log_capacity(size_t length)
{
    return length / SAMPLE_BYTES_MIN;
}

obs_status obs_log_decode_samples(const uint8_t *data, size_t size, const int64_t *starts, const int64_t *lengths,
                                  size_t n, uint64_t *references, int64_t *times, double *values,
                                  int64_t *start_times, size_t capacity, int64_t *ends, uint8_t *bad)
{
    columns to = {references, times, values, start_times, 0};
    for (size_t i = 0; i < n; i++) {
        if (starts[i] < 0 || lengths[i] < 1 || (uint64_t)starts[i] > size ||
            (uint64_t)lengths[i] > size - (uint64_t)starts[i])
            return OBS_INVALID;
        cursor c = {data, (size_t)starts[i], (size_t)(starts[i] + lengths[i])};
        if (obs_log_capacity(c.end - c.at) > capacity - to.n)
            return OBS_NO_SPACE;
        uint8_t type = data[c.at++];
        if (type != SAMPLES && type != SAMPLES_V2)
            return OBS_INVALID;
        bad[i] = !read_record(c, type == SAMPLES_V2, &to);
        ends[i] = (int64_t)to.n;
    }
    return OBS_OK;
}
