#include "shared/base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { BLOCK_SIZE = 16 * 1024 };

struct arena_block {
    struct arena_block *next;
    size_t used;
    size_t size;
    _Alignas(max_align_t) char bytes[];
};

static struct arena_block *block_new(size_t size) {
    struct arena_block *block = malloc(sizeof(*block) + size);
    if (block == NULL)
        abort();
    *block = (struct arena_block){.next = NULL, .used = 0, .size = size};
    return block;
}

static void free_from(struct arena_block *block) {
    while (block != NULL) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
}

void arena_fini(struct arena *arena) {
    free_from(arena->first);
    *arena = ARENA_EMPTY;
}

void arena_reset(struct arena *arena) {
    if (arena->first == NULL)
        return;
    free_from(arena->first->next);
    arena->first->next = NULL;
    arena->first->used = 0;
    arena->current = arena->first;
}

void *arena_take(struct arena *arena, size_t size) {
    size_t need = (size + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
    struct arena_block *block = arena->current;
    if (block == NULL || block->size - block->used < need) {
        struct arena_block *fresh = block_new(need > BLOCK_SIZE ? need : BLOCK_SIZE);
        if (block == NULL)
            arena->first = fresh;
        else
            block->next = fresh;
        arena->current = block = fresh;
    }
    void *at = block->bytes + block->used;
    block->used += need;
    return at;
}

struct text arena_copy(struct arena *arena, struct text text) {
    if (text.at == NULL)
        return TEXT_NONE;
    char *at = arena_take(arena, text.len == 0 ? 1 : text.len);
    if (text.len > 0)
        memcpy(at, text.at, text.len);
    return (struct text){at, text.len};
}

struct text arena_printf(struct arena *arena, const char *format, ...) {
    char line[512];
    va_list list;
    va_start(list, format);
    int need = vsnprintf(line, sizeof(line), format, list);
    va_end(list);
    if (need < 0)
        abort();
    if ((size_t)need < sizeof(line))
        return arena_copy(arena, (struct text){line, (size_t)need});
    char *at = arena_take(arena, (size_t)need + 1);
    va_start(list, format);
    vsnprintf(at, (size_t)need + 1, format, list);
    va_end(list);
    return (struct text){at, (size_t)need};
}
