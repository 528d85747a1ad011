#include "vocabulary.h"

#include <string.h>

#include "hash.h"

enum { MAX_PROBES = 512 };

static int has_slots(const int32_t *slots, size_t n_slots, size_t capacity)
{
    return slots && n_slots > capacity && (n_slots & (n_slots - 1)) == 0 && capacity < INT32_MAX / 2;
}

int obs_vocabulary_is_sound(const obs_alerts_vocabulary *v)
{
    return has_slots(v->string_slots, v->n_string_slots, v->string_capacity) &&
           has_slots(v->pair_slots, v->n_pair_slots, v->pair_capacity) &&
           has_slots(v->set_slots, v->n_set_slots, v->set_capacity) && v->n_strings <= v->string_capacity &&
           v->n_pairs <= v->pair_capacity && v->n_sets <= v->set_capacity && v->text_capacity < INT32_MAX &&
           v->member_capacity < INT32_MAX;
}

/* Where a thing ends that is kept one after another; the size of the whole and no range for what contradicts itself. */
static int range_of(const int32_t *ends, size_t i, size_t size, size_t *start, size_t *length)
{
    int32_t from = i ? ends[i - 1] : 0;
    if (from < 0 || ends[i] < from || (size_t)ends[i] > size)
        return 0;
    *start = (size_t)from;
    *length = (size_t)(ends[i] - from);
    return 1;
}

static int is_string(const obs_alerts_vocabulary *v, size_t i, const uint8_t *text, size_t length)
{
    size_t start, known;
    return range_of(v->text_ends, i, v->text_capacity, &start, &known) && known == length &&
           memcmp(v->text + start, text, length) == 0;
}

static int is_set(const obs_alerts_vocabulary *v, size_t i, const int32_t *members, size_t n)
{
    size_t start, known;
    return range_of(v->set_ends, i, v->member_capacity, &start, &known) && known == n &&
           memcmp(v->members + start, members, n * sizeof *members) == 0;
}

static uint64_t hash_pair(int32_t name, int32_t value)
{
    uint64_t both = (uint64_t)(uint32_t)name << 32 | (uint32_t)value;
    both = (both ^ both >> 31) * 0x9e3779b97f4a7c15u;
    return both ^ both >> 29;
}

static uint64_t hash_set(const int32_t *members, size_t n)
{
    uint64_t hash = n;
    for (size_t i = 0; i < n; i++) {
        hash = (hash ^ (uint32_t)members[i]) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 32;
    }
    return hash;
}

obs_status obs_vocabulary_string(obs_alerts_vocabulary *v, size_t length, int32_t *id)
{
    size_t end = obs_vocabulary_used(v->text_ends, v->n_strings);
    const uint8_t *text = v->text + end;
    size_t mask = v->n_string_slots - 1, at = obs_hash_xxhash64(text, length) & mask;
    for (int probe = 0; probe < MAX_PROBES; probe++, at = (at + 1) & mask) {
        int32_t slot = v->string_slots[at];
        if (slot == 0) {
            if (v->n_strings == v->string_capacity)
                return OBS_NO_SPACE;
            v->text_ends[v->n_strings++] = (int32_t)(end + length);
            *id = (v->string_slots[at] = (int32_t)v->n_strings) - 1;
            return OBS_OK;
        }
        if (slot < 0 || (size_t)slot > v->n_strings)
            return OBS_INVALID;
        if (is_string(v, (size_t)slot - 1, text, length)) {
            *id = slot - 1;
            return OBS_OK;
        }
    }
    return OBS_NO_SPACE;
}

obs_status obs_vocabulary_pair(obs_alerts_vocabulary *v, int32_t name, int32_t value, int32_t *id)
{
    size_t mask = v->n_pair_slots - 1, at = hash_pair(name, value) & mask;
    for (int probe = 0; probe < MAX_PROBES; probe++, at = (at + 1) & mask) {
        int32_t slot = v->pair_slots[at];
        if (slot == 0) {
            if (v->n_pairs == v->pair_capacity)
                return OBS_NO_SPACE;
            v->pairs[2 * v->n_pairs] = name;
            v->pairs[2 * v->n_pairs + 1] = value;
            *id = (v->pair_slots[at] = (int32_t)++v->n_pairs) - 1;
            return OBS_OK;
        }
        if (slot < 0 || (size_t)slot > v->n_pairs)
            return OBS_INVALID;
        const int32_t *known = v->pairs + 2 * (slot - 1);
        if (known[0] == name && known[1] == value) {
            *id = slot - 1;
            return OBS_OK;
        }
    }
    return OBS_NO_SPACE;
}

obs_status obs_vocabulary_set(obs_alerts_vocabulary *v, const int32_t *members, size_t n, int32_t *id)
{
    size_t mask = v->n_set_slots - 1, at = hash_set(members, n) & mask;
    for (int probe = 0; probe < MAX_PROBES; probe++, at = (at + 1) & mask) {
        int32_t slot = v->set_slots[at];
        if (slot == 0) {
            size_t end = obs_vocabulary_used(v->set_ends, v->n_sets);
            if (end > v->member_capacity)
                return OBS_INVALID;
            if (v->n_sets == v->set_capacity || v->member_capacity - end < n)
                return OBS_NO_SPACE;
            memcpy(v->members + end, members, n * sizeof *members);
            v->set_ends[v->n_sets++] = (int32_t)(end + n);
            *id = (v->set_slots[at] = (int32_t)v->n_sets) - 1;
            return OBS_OK;
        }
        if (slot < 0 || (size_t)slot > v->n_sets)
            return OBS_INVALID;
        if (is_set(v, (size_t)slot - 1, members, n)) {
            *id = slot - 1;
            return OBS_OK;
        }
    }
    return OBS_NO_SPACE;
}

static void put(int32_t *slots, size_t n_slots, uint64_t hash, size_t i)
{
    size_t at = hash & (n_slots - 1);
    while (slots[at])
        at = (at + 1) & (n_slots - 1);
    slots[at] = (int32_t)i + 1;
}

obs_status obs_alerts_index(obs_alerts_vocabulary *v)
{
    if (!obs_vocabulary_is_sound(v))
        return OBS_INVALID;
    memset(v->string_slots, 0, v->n_string_slots * sizeof *v->string_slots);
    memset(v->pair_slots, 0, v->n_pair_slots * sizeof *v->pair_slots);
    memset(v->set_slots, 0, v->n_set_slots * sizeof *v->set_slots);
    size_t start, length;
    for (size_t i = 0; i < v->n_strings; i++) {
        if (!range_of(v->text_ends, i, v->text_capacity, &start, &length))
            return OBS_INVALID;
        put(v->string_slots, v->n_string_slots, obs_hash_xxhash64(v->text + start, length), i);
    }
    for (size_t i = 0; i < v->n_pairs; i++)
        put(v->pair_slots, v->n_pair_slots, hash_pair(v->pairs[2 * i], v->pairs[2 * i + 1]), i);
    for (size_t i = 0; i < v->n_sets; i++) {
        if (!range_of(v->set_ends, i, v->member_capacity, &start, &length))
            return OBS_INVALID;
        put(v->set_slots, v->n_set_slots, hash_set(v->members + start, length), i);
    }
    return OBS_OK;
}

int obs_vocabulary_compare(const obs_alerts_vocabulary *v, int32_t one, int32_t other)
{
    size_t at, length, other_at, other_length;
    if (!range_of(v->text_ends, (size_t)one, v->text_capacity, &at, &length) ||
        !range_of(v->text_ends, (size_t)other, v->text_capacity, &other_at, &other_length))
        return 0;
    int order = memcmp(v->text + at, v->text + other_at, length < other_length ? length : other_length);
    return order ? order : (length > other_length) - (length < other_length);
}
