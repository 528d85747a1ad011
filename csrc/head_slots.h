/* The slots of open chunks, which pages of one size hold: what head.c is built on. Internal.
 *
 *   pages      with_room[size] -> page <-> page         empty -> page <-> page
 *   a page     | used | spare -> | used | spare | touched up to here ... |
 */
#ifndef OBSFLOW_HEAD_SLOTS_H
#define OBSFLOW_HEAD_SLOTS_H

#include <stdbool.h>
#include <string.h>

#include "head.h"

enum {
    SLOT_BITS = 10, /* which slot of its page; the page is above */
    SLOT_PAGES_MAX = 1 << 21
};

static const uint16_t SLOT_BYTES[OBS_HEAD_SIZES] = {64,  96,  128, 160, 192, 256,
                                                    320, 384, 512, 640, 800, OBS_HEAD_CHUNK_BYTES_MAX};

static inline obs_head_page *page_of(const obs_head *head, int32_t slot)
{
    return head->pages.table + (slot >> SLOT_BITS);
}

static inline uint8_t *slot_in(const obs_head_page *page, size_t which)
{
    return page->bytes + which * SLOT_BYTES[page->size];
}

static inline uint8_t *slot_bytes(const obs_head *head, int32_t slot)
{
    return slot_in(page_of(head, slot), (size_t)slot & ((1u << SLOT_BITS) - 1));
}

/* The least size that holds so many bytes. */
static inline size_t size_for(size_t bytes)
{
    size_t size = 0;
    while (size < OBS_HEAD_SIZES - 1 && bytes > SLOT_BYTES[size])
        size++;
    return size;
}

static inline bool is_page_full(const obs_head_page *page)
{
    return page->used == OBS_HEAD_PAGE_BYTES / SLOT_BYTES[page->size];
}

static inline void link_page(obs_head_pages *pages, int32_t *list, int32_t number)
{
    obs_head_page *page = pages->table + number - 1;
    page->next = *list;
    page->before = 0;
    if (*list)
        pages->table[*list - 1].before = number;
    *list = number;
}

static inline void unlink_page(obs_head_pages *pages, int32_t *list, int32_t number)
{
    const obs_head_page *page = pages->table + number - 1;
    if (page->before)
        pages->table[page->before - 1].next = page->next;
    else
        *list = page->next;
    if (page->next)
        pages->table[page->next - 1].before = page->before;
}

/* A slot of this size, or -1. */
static inline int32_t take_slot(obs_head *head, size_t size)
{
    obs_head_pages *pages = &head->pages;
    int32_t number = pages->with_room[size];
    if (!number) {
        number = pages->empty;
        if (!number)
            return -1;
        unlink_page(pages, &pages->empty, number);
        obs_head_page *fresh = pages->table + number - 1;
        fresh->used = fresh->touched = fresh->spare = 0;
        fresh->size = (uint16_t)size;
        link_page(pages, pages->with_room + size, number);
    }
    obs_head_page *page = pages->table + number - 1;
    size_t which = page->spare ? page->spare - 1u : page->touched++;
    if (page->spare)
        memcpy(&page->spare, slot_in(page, which), sizeof page->spare);
    page->used++;
    if (is_page_full(page))
        unlink_page(pages, pages->with_room + size, number);
    return (int32_t)((uint32_t)(number - 1) << SLOT_BITS | (uint32_t)which);
}

static inline void give_slot(obs_head *head, int32_t slot)
{
    obs_head_pages *pages = &head->pages;
    obs_head_page *page = page_of(head, slot);
    int32_t number = (slot >> SLOT_BITS) + 1, *with_room = pages->with_room + page->size;
    if (is_page_full(page))
        link_page(pages, with_room, number);
    memcpy(slot_bytes(head, slot), &page->spare, sizeof page->spare);
    page->spare = (uint16_t)((slot & ((1 << SLOT_BITS) - 1)) + 1);
    if (--page->used == 0) {
        unlink_page(pages, with_room, number);
        link_page(pages, &pages->empty, number);
    }
}

#endif
