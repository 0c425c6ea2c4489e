#include "api/context/indicator_set.h"

#include <stdlib.h>

#include "shared/base/hash.h"

enum { ROOM_AT_FIRST = 1024, ENTRY_BYTES_MIN = 4 };

void indicator_set_init(struct indicator_set *set, size_t body_bytes) {
    size_t slots = ROOM_AT_FIRST;
    while (slots < body_bytes / ENTRY_BYTES_MIN + 2)
        slots *= 2;
    *set = (struct indicator_set){.slots = calloc(slots, sizeof(*set->slots)), .mask = (uint32_t)slots - 1};
    if (set->slots == NULL)
        abort();
}

void indicator_set_fini(struct indicator_set *set) {
    free(set->rows);
    free(set->slots);
    *set = (struct indicator_set){NULL};
}

static bool is_same(const struct prefix *a, const struct prefix *b) {
    return a->length == b->length && address_compare(&a->address, &b->address) == 0;
}

static void append(struct indicator_set *set, const struct indicator *indicator) {
    if (set->count == set->room) {
        set->room = set->room == 0 ? ROOM_AT_FIRST : set->room * 2;
        set->rows = reallocarray(set->rows, set->room, sizeof(*set->rows));
        if (set->rows == NULL)
            abort();
    }
    set->rows[set->count++] = *indicator;
}

bool indicator_set_add(struct indicator_set *set, const struct indicator *indicator, uint32_t *earlier) {
    uint32_t at = (uint32_t)hash_bytes(&indicator->prefix, sizeof(indicator->prefix)) & set->mask;
    for (; set->slots[at] != 0; at = (at + 1) & set->mask) {
        const struct indicator *other = &set->rows[set->slots[at] - 1];
        if (!is_same(&other->prefix, &indicator->prefix))
            continue;
        *earlier = other->place;
        return false;
    }
    append(set, indicator);
    set->slots[at] = set->count;
    return true;
}

size_t indicator_write(const struct prefix *prefix, char *out) {
    return prefix->length == PREFIX_LENGTH_MAX ? address_write(&prefix->address, out)
                                               : prefix_write(prefix, out);
}
