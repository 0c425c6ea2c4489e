#include "worker/results/work.h"

#include <stdlib.h>

struct work_pool {
    struct work *slots;
    struct work *spare;
    unsigned count, in_use, reserved;
};

struct work_pool *work_pool_new(unsigned slots) {
    struct work_pool *pool = calloc(1, sizeof(*pool));
    if (pool == NULL || (pool->slots = calloc(slots, sizeof(*pool->slots))) == NULL)
        abort();
    pool->count = slots;
    for (unsigned i = slots; i > 0; i--) {
        pool->slots[i - 1].next = pool->spare;
        pool->spare = &pool->slots[i - 1];
    }
    return pool;
}

void work_pool_free(struct work_pool *pool) {
    if (pool == NULL)
        return;
    for (unsigned i = 0; i < pool->count; i++) {
        struct work *work = &pool->slots[i];
        arena_fini(&work->arena);
        buffer_fini(&work->signal_json);
        buffer_fini(&work->body);
        buffer_fini(&work->row);
        buffer_fini(&work->history_case);
    }
    free(pool->slots);
    free(pool);
}

unsigned work_pool_available(const struct work_pool *pool) {
    return pool->count - pool->in_use - pool->reserved;
}

void work_pool_reserve(struct work_pool *pool, unsigned slots) {
    pool->reserved += slots;
}

void work_pool_unreserve(struct work_pool *pool, unsigned slots) {
    pool->reserved -= slots;
}

unsigned work_pool_slots(const struct work_pool *pool) {
    return pool->count;
}

unsigned work_pool_in_use(const struct work_pool *pool) {
    return pool->in_use;
}

bool work_pool_holds(const struct work_pool *pool, struct text entry) {
    for (unsigned i = 0; i < pool->count; i++)
        if (pool->slots[i].state != WORK_FREE && text_is(entry, pool->slots[i].entry))
            return true;
    return false;
}

const struct work *work_pool_peek(const struct work_pool *pool, unsigned index) {
    return &pool->slots[index];
}

struct work *work_take(struct work_pool *pool) {
    struct work *work = pool->spare;
    if (work == NULL)
        return NULL;
    pool->spare = work->next;
    pool->in_use++;
    arena_reset(&work->arena);
    buffer_clear(&work->signal_json);
    buffer_clear(&work->body);
    buffer_clear(&work->row);
    buffer_clear(&work->history_case);
    work->state = WORK_GATHERING;
    work->next = NULL;
    work->failed_commits = 0;
    work->claimed = work->alone = false;
    work->id = (struct uuid){{0}};
    work->unavailable = 0;
    work->facts = (struct facts){0};
    return work;
}

void work_give_back(struct work_pool *pool, struct work *work) {
    work->state = WORK_FREE;
    work->next = pool->spare;
    pool->spare = work;
    pool->in_use--;
}

bool work_set_entry(struct work *work, struct text id) {
    if (id.len >= sizeof(work->entry) || !stream_id_parse(id, &work->entry_id))
        return false;
    memcpy(work->entry, id.at, id.len);
    work->entry[id.len] = '\0';
    return true;
}
