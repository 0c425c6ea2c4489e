#include "api/catalog/catalog_rows.h"

#include <stdlib.h>

enum { FIRST_ENTRIES = 4, MERGED_KEYS_MAX = KEYS_PER_BLOCK / 16 * 15 };

struct row_id row_id_of(const struct uuid *uuid) {
    struct row_id id = {0, 0};
    for (int i = 0; i < 8; i++) {
        id.high = id.high << 8 | uuid->bytes[i];
        id.low = id.low << 8 | uuid->bytes[8 + i];
    }
    return id;
}

struct uuid row_id_uuid(struct row_id id) {
    struct uuid uuid;
    for (int i = 7; i >= 0; i--, id.high >>= 8, id.low >>= 8) {
        uuid.bytes[i] = (uint8_t)id.high;
        uuid.bytes[8 + i] = (uint8_t)id.low;
    }
    return uuid;
}

void order_fini(struct row_order *order) {
    for (uint32_t i = 0; i < order->count; i++)
        free(order->entries[i].block);
    free(order->entries);
    *order = (struct row_order){0};
}

size_t order_bytes(const struct row_order *order) {
    return order->room * sizeof(struct order_entry) + order->count * sizeof(struct key_block);
}

/* The last entry whose first is not greater than id, or the first entry. */
static uint32_t find_entry(const struct row_order *order, struct row_id id) {
    uint32_t low = 0, high = order->count;
    if (!row_id_less(id, order->entries[high - 1].first))
        return high - 1;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (row_id_less(id, order->entries[middle].first))
            high = middle;
        else
            low = middle;
    }
    return low;
}

static uint32_t find_in_block(const struct catalog *catalog, const struct key_block *block,
                              struct row_id id) {
    uint32_t low = 0, count = block->count;
    while (count > 0) {
        uint32_t half = count / 2;
        bool right = block->high[low + half] < id.high;
        low = right ? low + half + 1 : low;
        count = right ? count - half - 1 : half;
    }
    while (low < block->count && block->high[low] == id.high &&
           catalog_rest(catalog, block->slot[low])->id.low < id.low)
        low++;
    return low;
}

bool order_find(const struct catalog *catalog, struct row_id id, struct order_place *place) {
    *place = (struct order_place){0, 0};
    if (catalog->order.count == 0)
        return false;
    place->entry = find_entry(&catalog->order, id);
    const struct key_block *block = catalog->order.entries[place->entry].block;
    place->at = find_in_block(catalog, block, id);
    return place->at < block->count && block->high[place->at] == id.high &&
           catalog_rest(catalog, block->slot[place->at])->id.low == id.low;
}

uint32_t order_slot(const struct row_order *order, struct order_place place) {
    return order->entries[place.entry].block->slot[place.at];
}

void order_move_slot(struct row_order *order, struct order_place place, uint32_t slot) {
    order->entries[place.entry].block->slot[place.at] = slot;
}

void order_widen(struct row_order *order, struct order_place place, int64_t created_at_ms) {
    struct order_entry *entry = &order->entries[place.entry];
    if (created_at_ms < entry->created_min_ms)
        entry->created_min_ms = created_at_ms;
    if (created_at_ms > entry->created_max_ms)
        entry->created_max_ms = created_at_ms;
}

static void resize_entries(struct row_order *order, uint32_t room) {
    struct order_entry *entries = realloc(order->entries, room * sizeof(*entries));
    if (entries == NULL)
        abort();
    order->entries = entries;
    order->room = room;
}

static struct order_entry *add_entry(struct row_order *order, uint32_t at, struct row_id first) {
    if (order->count == order->room)
        resize_entries(order, order->room == 0 ? FIRST_ENTRIES : order->room * 2);
    struct order_entry *entry = &order->entries[at];
    memmove(entry + 1, entry, (order->count - at) * sizeof(*entry));
    *entry = (struct order_entry){first, INT64_MAX, INT64_MIN, malloc(sizeof(struct key_block))};
    if (entry->block == NULL)
        abort();
    entry->block->count = 0;
    order->count++;
    return entry;
}

static void remove_entry(struct row_order *order, uint32_t at) {
    free(order->entries[at].block);
    order->count--;
    memmove(&order->entries[at], &order->entries[at + 1], (order->count - at) * sizeof(struct order_entry));
    if (order->room > FIRST_ENTRIES && order->count < order->room / 4)
        resize_entries(order, order->room / 2);
}

static void move_keys(struct key_block *to, uint32_t to_at, const struct key_block *from, uint32_t from_at,
                      uint32_t count) {
    memmove(to->high + to_at, from->high + from_at, count * sizeof(to->high[0]));
    memmove(to->slot + to_at, from->slot + from_at, count * sizeof(to->slot[0]));
}

static void enclose_times(const struct catalog *catalog, struct order_entry *entry) {
    entry->created_min_ms = INT64_MAX;
    entry->created_max_ms = INT64_MIN;
    for (uint32_t i = 0; i < entry->block->count; i++) {
        int64_t created_at_ms = catalog_face(catalog, entry->block->slot[i])->created_at_ms;
        entry->created_min_ms = created_at_ms < entry->created_min_ms ? created_at_ms : entry->created_min_ms;
        entry->created_max_ms = created_at_ms > entry->created_max_ms ? created_at_ms : entry->created_max_ms;
    }
}

/* Cuts a full block in two and says where the place is now. A new row that is nearly the newest cuts where it
 * stands, so that the blocks of rows that come in order stay full. */
static struct order_place split_block(struct catalog *catalog, struct order_place place) {
    struct row_order *order = &catalog->order;
    struct key_block *block = order->entries[place.entry].block;
    bool newest = place.entry == order->count - 1 && place.at > KEYS_PER_BLOCK / 2;
    uint32_t cut = newest ? place.at : KEYS_PER_BLOCK / 2;
    struct order_entry *right =
        add_entry(order, place.entry + 1, catalog_rest(catalog, block->slot[cut])->id);
    right->block->count = KEYS_PER_BLOCK - cut;
    move_keys(right->block, 0, block, cut, right->block->count);
    block->count = cut;
    enclose_times(catalog, &order->entries[place.entry]);
    enclose_times(catalog, right);
    return place.at > cut ? (struct order_place){place.entry + 1, place.at - cut} : place;
}

static struct order_place make_room(struct catalog *catalog, struct order_place place, struct row_id id) {
    struct row_order *order = &catalog->order;
    if (order->count == 0) {
        add_entry(order, 0, id);
        return (struct order_place){0, 0};
    }
    if (order->entries[place.entry].block->count < KEYS_PER_BLOCK)
        return place;
    if (place.entry != order->count - 1 || place.at < KEYS_PER_BLOCK)
        return split_block(catalog, place);
    add_entry(order, order->count, id);
    return (struct order_place){place.entry + 1, 0};
}

void order_insert(struct catalog *catalog, struct order_place place, uint32_t slot) {
    struct row_id id = catalog_rest(catalog, slot)->id;
    place = make_room(catalog, place, id);
    struct order_entry *entry = &catalog->order.entries[place.entry];
    struct key_block *block = entry->block;
    move_keys(block, place.at + 1, block, place.at, block->count - place.at);
    block->high[place.at] = id.high;
    block->slot[place.at] = slot;
    block->count++;
    if (row_id_less(id, entry->first))
        entry->first = id;
    order_widen(&catalog->order, place, catalog_face(catalog, slot)->created_at_ms);
}

/* Moves the keys of the entry behind `at` into `at` when both fit well into one block. */
static bool merge_blocks(struct row_order *order, uint32_t at) {
    if (at + 1 >= order->count)
        return false;
    struct order_entry *left = &order->entries[at], *right = left + 1;
    if (left->block->count + right->block->count > MERGED_KEYS_MAX)
        return false;
    move_keys(left->block, left->block->count, right->block, 0, right->block->count);
    left->block->count += right->block->count;
    order_widen(order, (struct order_place){at, 0}, right->created_min_ms);
    order_widen(order, (struct order_place){at, 0}, right->created_max_ms);
    remove_entry(order, at + 1);
    return true;
}

void order_remove(struct row_order *order, struct order_place place) {
    struct key_block *block = order->entries[place.entry].block;
    block->count--;
    move_keys(block, place.at, block, place.at + 1, block->count - place.at);
    if (block->count == 0)
        remove_entry(order, place.entry);
    else if (!merge_blocks(order, place.entry) && place.entry > 0)
        merge_blocks(order, place.entry - 1);
}
