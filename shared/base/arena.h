/* Memory that dies together: bump allocation, reset at once. Pointers stay valid until the reset. */
#ifndef SOC_BASE_ARENA_H
#define SOC_BASE_ARENA_H

#include "shared/base/text.h"

struct arena_block;

struct arena {
    struct arena_block *first;
    struct arena_block *current;
};

#define ARENA_EMPTY ((struct arena){NULL, NULL})

void arena_fini(struct arena *arena);

/* Forgets everything, keeps the first block for the next user. */
void arena_reset(struct arena *arena);

/* Aligned for any type, not cleared. Aborts when the system has no memory. */
void *arena_take(struct arena *arena, size_t size);
struct text arena_copy(struct arena *arena, struct text text);
struct text arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
