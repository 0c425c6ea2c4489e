/* When a threat was sent and when its event came, by id, in either order: an open-addressing table. */
#ifndef SOC_BENCH_ID_TIMES_H
#define SOC_BENCH_ID_TIMES_H

#include "shared/base/uuid.h"
#include "tests/bench/bench_util.h"

struct id_time {
    struct uuid id;
    int64_t sent_ns, arrived_ns; /* 0: not yet; both 0: free slot */
};

struct id_times {
    struct id_time *slots;
    size_t mask, used;
};

static inline struct id_time *id_times_slot(const struct id_times *times, const struct uuid *id) {
    uint64_t hash; /* the tail of a UUIDv7 is random */
    memcpy(&hash, id->bytes + 8, sizeof(hash));
    for (size_t at = (hash * 0x9e3779b97f4a7c15u >> 20) & times->mask;; at = (at + 1) & times->mask) {
        struct id_time *slot = &times->slots[at];
        if ((slot->sent_ns == 0 && slot->arrived_ns == 0) || uuid_compare(&slot->id, id) == 0)
            return slot;
    }
}

static inline void id_times_grow(struct id_times *times) {
    struct id_times old = *times;
    times->mask = old.slots == NULL ? 4095 : old.mask * 2 + 1;
    times->slots = calloc(times->mask + 1, sizeof(*times->slots));
    if (times->slots == NULL)
        abort();
    for (size_t i = 0; old.slots != NULL && i <= old.mask; i++)
        if (old.slots[i].sent_ns != 0 || old.slots[i].arrived_ns != 0)
            *id_times_slot(times, &old.slots[i].id) = old.slots[i];
    free(old.slots);
}

/* The id's slot, made when it is new. NULL when the text is not an id. */
static inline struct id_time *id_times_find(struct id_times *times, struct text text) {
    struct uuid id;
    if (!uuid_parse(text, &id))
        return NULL;
    if (times->slots == NULL || times->used * 2 > times->mask)
        id_times_grow(times);
    struct id_time *slot = id_times_slot(times, &id);
    if (slot->sent_ns == 0 && slot->arrived_ns == 0) {
        slot->id = id;
        times->used++;
    }
    return slot;
}

#endif
