#include "xor_windows.h"

#include "xor_write.h"

enum {
    ENCODING_XOR = 1,
    OPEN_BITS = 13,  /* what a new window takes before the bits of its first value */
    REUSE_BITS = 2,  /* and each further value */
    MARGIN = OPEN_BITS - REUSE_BITS,
    LOOK_BACK = 1024 /* values; a window of more is found by what is simply reused */
};

/* By how many bits a window must grow to be never better than another one, when the later part has so many values. */
static const uint8_t GROWTH[MARGIN + 1] = {MARGIN, 11, 6, 4, 3, 3, 2, 2, 2, 2, 2, 1};

static inline unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* The changes of a chunk's values; returns how many. `lead` and `trail` are those of each alone. */
static size_t find_changes(const double *values, size_t n, obs_xor_change *changes)
{
    size_t m = 0;
    uint64_t before = obs_double_bits(values);
    for (size_t i = 1; i < n; i++) {
        uint64_t bits = obs_double_bits(values + i), x = bits ^ before;
        before = bits;
        if (!x)
            continue;
        changes[m].bits = x;
        changes[m].lead = (uint8_t)least(obs_clz64(x), XOR_LEAD_MAX);
        changes[m].trail = (uint8_t)__builtin_ctzll(x);
        m++;
    }
    return m;
}

/* Bits of the value fields of the changes when a window is reused for as long as it fits. */
static uint64_t reusing_cost(const obs_xor_change *changes, size_t m)
{
    uint64_t cost = 0;
    unsigned lead = UINT8_MAX, trail = UINT8_MAX; /* none, which nothing fits */
    for (size_t i = 0; i < m; i++) {
        if (changes[i].lead >= lead && changes[i].trail >= trail) {
            cost += REUSE_BITS + 64 - lead - trail;
        } else {
            lead = changes[i].lead;
            trail = changes[i].trail;
            cost += OPEN_BITS + 64 - lead - trail;
        }
    }
    return cost;
}

/* Finds for each change where the window that it is the last of begins, at the least cost of all up to it. */
static void choose_windows(obs_xor_change *changes, size_t m)
{
    for (size_t j = 0; j < m; j++) {
        unsigned lead = changes[j].lead, trail = changes[j].trail, limit = UINT8_MAX;
        uint32_t best = UINT32_MAX;
        size_t first = j, end = j > LOOK_BACK ? j - LOOK_BACK : 0;
        for (size_t i = j;; i--) {
            lead = least(lead, changes[i].lead);
            trail = least(trail, changes[i].trail);
            unsigned size = 64 - lead - trail;
            if (size >= limit)
                break;
            uint32_t k = (uint32_t)(j - i);
            uint32_t cost = (i ? changes[i - 1].cost : 0) + OPEN_BITS + size + k * (REUSE_BITS + size);
            if (cost < best) {
                best = cost;
                first = i;
            }
            if (i == end)
                break;
            limit = least(limit, size + GROWTH[k + 1 < MARGIN ? k + 1 : MARGIN]);
        }
        changes[j].cost = best;
        changes[j].first = (uint16_t)first;
    }
}

/* Gives every change of a window the window's zeros; only the first of a window keeps `first` as its own index. */
static void settle_windows(obs_xor_change *changes, size_t m)
{
    for (size_t end = m; end;) {
        size_t first = changes[end - 1].first;
        unsigned lead = UINT8_MAX, trail = UINT8_MAX;
        for (size_t i = first; i < end; i++) {
            lead = least(lead, changes[i].lead);
            trail = least(trail, changes[i].trail);
        }
        for (size_t i = first; i < end; i++) {
            changes[i].lead = (uint8_t)lead;
            changes[i].trail = (uint8_t)trail;
            changes[i].first = (uint16_t)first;
        }
        end = first;
    }
}

/* The field of a value that is change number `at`, or none where the value is the same. */
static inline void put_change(xor_writer *w, xor_field head, const obs_xor_change *change, bool opens)
{
    unsigned size = 64u - change->lead - change->trail;
    if (opens)
        head = (xor_field){((head.bits << 2 | 3) << 5 | change->lead) << 6 | (size & 63), head.n + OPEN_BITS};
    else
        head = (xor_field){head.bits << 2 | 2, head.n + REUSE_BITS};
    uint64_t payload = change->bits >> change->trail;
    if (head.n + size <= 56) {
        xor_put(w, head.bits << size | payload, head.n + size);
    } else {
        xor_put(w, head.bits, head.n);
        xor_put_wide(w, payload, size);
    }
}

/* Writes a chunk of at least two samples with the windows of its changes. */
static size_t write_chunk(const int64_t *times, const double *values, size_t n, const obs_xor_change *changes,
                          uint8_t *out)
{
    obs_xor_state s = {.count = (uint32_t)n};
    xor_writer w = xor_resume_writing(&s, out);
    xor_append_first(&w, &s, times[0], obs_double_bits(values));
    size_t at = 0;
    for (size_t i = 1; i < n; i++) {
        uint64_t delta = (uint64_t)times[i] - (uint64_t)times[i - 1];
        xor_field head = {0, 0};
        if (i == 1)
            xor_put_uvarint(&w, delta);
        else
            head = xor_dod_field((int64_t)(delta - s.delta), &w);
        s.delta = delta;
        if (obs_double_bits(values + i) == obs_double_bits(values + i - 1)) {
            xor_put(&w, head.bits << 1, head.n + 1);
        } else {
            put_change(&w, head, changes + at, changes[at].first == at);
            at++;
        }
    }
    xor_stop_writing(&s, out, &w);
    return (size_t)((s.position + 7) / 8);
}

/* Writes a chunk that is no longer than obs_xor_append's; there is room for that one. Returns its length. */
static size_t encode(const int64_t *times, const double *values, size_t n, obs_xor_change *changes, uint8_t *out,
                     size_t capacity)
{
    size_t m = n > 1 ? find_changes(values, n, changes) : 0;
    if (m) {
        uint64_t reusing = reusing_cost(changes, m);
        choose_windows(changes, m);
        if (changes[m - 1].cost < reusing) {
            settle_windows(changes, m);
            return write_chunk(times, values, n, changes, out);
        }
    }
    obs_xor_state state = {0};
    obs_xor_append(&state, out, capacity, times, values, n);
    return state.position ? (size_t)((state.position + 7) / 8) : XOR_HEADER_BYTES;
}

obs_status obs_xor_windows_encode_many(const int64_t *times, const double *values, const int64_t *offsets, size_t n_chunks,
                                       const obs_xor_scratch *scratch, uint8_t *out, size_t capacity, int64_t *ends)
{
    size_t at = 0;
    for (size_t i = 0; i < n_chunks; i++) {
        if (offsets[i] < 0 || offsets[i + 1] < offsets[i] || offsets[i + 1] - offsets[i] > UINT16_MAX)
            return OBS_INVALID;
        size_t n = (size_t)(offsets[i + 1] - offsets[i]);
        if (n > scratch->capacity || obs_xor_max_length(n) > capacity - at)
            return OBS_NO_SPACE;
        at += encode(times + offsets[i], values + offsets[i], n, scratch->changes, out + at, capacity - at);
        ends[i] = (int64_t)at;
    }
    return OBS_OK;
}

obs_status obs_xor_windows_rewrite(const obs_block_chunks *chunks, const obs_xor_scratch *scratch, uint8_t *out,
                                   size_t capacity, int64_t *starts, int64_t *lengths, size_t *written)
{
    size_t at = 0;
    for (size_t i = 0; i < chunks->n_chunks; i++) {
        starts[i] = lengths[i] = 0;
        int32_t buffer = chunks->buffer[i];
        if (buffer < 0 || (size_t)buffer >= chunks->n_buffers || chunks->start[i] < 0 || chunks->length[i] < 0 ||
            (uint64_t)chunks->start[i] > chunks->sizes[buffer] ||
            (uint64_t)chunks->length[i] > chunks->sizes[buffer] - (uint64_t)chunks->start[i])
            return OBS_INVALID;
        if (chunks->encoding[i] != ENCODING_XOR)
            continue;
        const uint8_t *data = chunks->buffers[buffer] + chunks->start[i];
        size_t length = (size_t)chunks->length[i], n = 0;
        if (obs_xor_decode(data, length, scratch->times, scratch->values, scratch->capacity, &n) != OBS_OK || !n)
            continue;
        size_t shorter = encode(scratch->times, scratch->values, n, scratch->changes, scratch->chunk,
                                obs_xor_max_length(scratch->capacity));
        if (shorter >= length)
            continue;
        if (shorter > capacity - at)
            return OBS_NO_SPACE;
        memcpy(out + at, scratch->chunk, shorter);
        starts[i] = (int64_t)at;
        lengths[i] = (int64_t)shorter;
        at += shorter;
    }
    *written = at;
    return OBS_OK;
}
