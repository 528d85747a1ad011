#include "bits.h"
#include "text_key.h"

__extension__ typedef unsigned __int128 wide;

static inline uint64_t fold(uint64_t a, uint64_t b)
{
    wide product = (wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* 16 bytes a step, the last of which may overlap the one before. Not the same on every machine, and never stored. */
static uint64_t hash_key(const uint8_t *key, size_t length, int32_t kind, uint64_t seed)
{
    uint64_t hash = fold(seed ^ 0x9e3779b97f4a7c15u, length ^ (uint64_t)kind << 32 ^ 0xd6e8feb86659fd93u);
    if (length < 16) {
        uint64_t word[2] = {0, 0};
        memcpy(word, key, length);
        hash = fold(hash ^ word[0], word[1] ^ 0xa0761d6478bd642fu);
    } else {
        for (size_t left = length; left; key += 16, left -= 16) {
            if (left < 16) {
                key -= 16 - left;
                left = 16;
            }
            hash = fold(hash ^ obs_load64le(key), obs_load64le(key + 8) ^ 0xa0761d6478bd642fu);
        }
    }
    return fold(hash, 0xe7037ed1a0b428dbu);
}

static const uint8_t *key_of(const obs_text_cache *cache, const obs_text_entry *entry)
{
    if (entry->start < 0 || entry->length < 0 || (uint64_t)entry->start > cache->n_keys ||
        (uint64_t)entry->length > cache->n_keys - (uint64_t)entry->start)
        return NULL;
    return cache->keys + entry->start;
}

/* The slot of a key, or the free one where it would be; `n_slots` if there is neither. */
static size_t find_slot(const obs_text_cache *cache, uint64_t hash, const uint8_t *key, size_t length, int32_t kind)
{
    size_t mask = cache->n_slots - 1, at = (size_t)hash & mask;
    for (size_t i = 0; i < cache->n_slots; i++, at = (at + 1) & mask) {
        int64_t slot = cache->slots[at];
        if (slot == -1)
            return at;
        uint32_t number = (uint32_t)slot;
        if ((uint64_t)slot >> 32 != hash >> 32 || number >= cache->n_entries)
            continue;
        const obs_text_entry *entry = &cache->entries[number];
        if (entry->kind != kind || (size_t)entry->length != length)
            continue;
        const uint8_t *there = key_of(cache, entry);
        if (there && !memcmp(there, key, length))
            return at;
    }
    return cache->n_slots;
}

int32_t obs_text_find(const obs_text_cache *cache, const uint8_t *key, size_t length, int32_t kind)
{
    if (!cache->n_slots)
        return -1;
    size_t slot = find_slot(cache, hash_key(key, length, kind, cache->seed), key, length, kind);
    return slot == cache->n_slots || cache->slots[slot] == -1 ? -1 : (int32_t)(uint32_t)cache->slots[slot];
}

static bool is_table(const obs_text_cache *cache)
{
    return cache->n_slots > cache->n_entries && !(cache->n_slots & (cache->n_slots - 1)) &&
           cache->n_entries <= INT32_MAX && cache->n_entries <= cache->entries_capacity &&
           cache->n_keys <= cache->keys_capacity;
}

obs_status obs_text_index(obs_text_cache *cache)
{
    if (!is_table(cache))
        return OBS_INVALID;
    for (size_t i = 0; i < cache->n_slots; i++)
        cache->slots[i] = -1;
    for (size_t i = 0; i < cache->n_entries; i++) {
        const obs_text_entry *entry = &cache->entries[i];
        const uint8_t *key = key_of(cache, entry);
        if (!key)
            return OBS_INVALID;
        if (entry->kind == OBS_TEXT_GONE)
            continue;
        uint64_t hash = hash_key(key, (size_t)entry->length, entry->kind, cache->seed);
        size_t slot = find_slot(cache, hash, key, (size_t)entry->length, entry->kind);
        if (slot < cache->n_slots)
            cache->slots[slot] = (int64_t)((hash >> 32) << 32 | i);
    }
    return OBS_OK;
}

obs_status obs_text_add(obs_text_cache *cache, const uint8_t *text, size_t size, const int64_t *starts,
                        const int32_t *lengths, const uint8_t *kinds, size_t n, int32_t *entries)
{
    if (!is_table(cache))
        return OBS_INVALID;
    for (size_t i = 0; i < n; i++) {
        if (starts[i] < 0 || lengths[i] < 0 || (uint64_t)starts[i] > size ||
            (uint64_t)lengths[i] > size - (uint64_t)starts[i] || kinds[i] == OBS_TEXT_GONE)
            return OBS_INVALID;
        size_t length = (size_t)lengths[i], number = cache->n_entries;
        const uint8_t *key = text + starts[i];
        uint64_t hash = hash_key(key, length, kinds[i], cache->seed);
        size_t slot = find_slot(cache, hash, key, length, kinds[i]);
        if (slot == cache->n_slots)
            return OBS_NO_SPACE;
        if (cache->slots[slot] != -1) {
            entries[i] = (int32_t)(uint32_t)cache->slots[slot];
            continue;
        }
        if (number + 1 >= cache->n_slots || number == cache->entries_capacity || number == INT32_MAX ||
            length > cache->keys_capacity - cache->n_keys)
            return OBS_NO_SPACE;
        memcpy(cache->keys + cache->n_keys, key, length);
        cache->entries[number] = (obs_text_entry){(int64_t)cache->n_keys, lengths[i], kinds[i]};
        cache->references[number] = cache->seen[number] = cache->tracked[number] = -1;
        cache->place[number] = -1;
        cache->slots[slot] = (int64_t)((hash >> 32) << 32 | number);
        cache->n_keys += length;
        cache->n_entries++;
        entries[i] = (int32_t)number;
    }
    return OBS_OK;
}

obs_status obs_text_turn(obs_text_cache *cache, const int32_t *entries, const uint8_t *tracks, size_t n, int64_t turn,
                         int32_t keeps, int32_t *stale, size_t *n_stale, size_t *n_gone)
{
    *n_stale = *n_gone = 0;
    for (size_t i = 0; i < n; i++)
        if (entries[i] < 0 || (size_t)entries[i] >= cache->n_entries)
            return OBS_INVALID;
    for (size_t i = 0; i < n; i++) {
        size_t entry = (size_t)entries[i];
        cache->seen[entry] = turn;
        cache->place[entry] = i <= INT32_MAX ? (int32_t)i : -1;
        if (tracks[i])
            cache->tracked[entry] = turn;
    }
    for (size_t i = 0; i < cache->n_entries; i++) {
        if (cache->tracked[i] == turn - 1)
            stale[(*n_stale)++] = (int32_t)i;
        if (!keeps && cache->seen[i] != turn && cache->entries[i].kind != OBS_TEXT_GONE) {
            cache->entries[i].kind = OBS_TEXT_GONE;
            ++*n_gone;
        }
    }
    return OBS_OK;
}
