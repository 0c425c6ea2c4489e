/* UUIDv7 (RFC 9562 section 5.7): 48 bits of ms, then 74 random bits. Ids of one process never go back:
 * within one ms a counter in rand_a keeps them rising, so sorting by id is sorting by creation. */
#ifndef SOC_BASE_UUID_H
#define SOC_BASE_UUID_H

#include <stdint.h>

#include "shared/base/text.h"

enum { UUID_LENGTH = 36 };

struct uuid {
    uint8_t bytes[16];
};

struct uuid_source {
    int64_t last_ms;
    uint32_t counter;
    uint64_t state[2]; /* xorshift128+, seeded by uuid_source_init */
};

/* Seeds from getrandom(2). */
void uuid_source_init(struct uuid_source *source);
struct uuid uuid_next(struct uuid_source *source, int64_t now_ms);

/* Writes UUID_LENGTH bytes in lower case, no NUL. */
void uuid_write(const struct uuid *uuid, char *out);

/* Takes 8-4-4-4-12 hex digits of either case, any version; false otherwise. */
bool uuid_parse(struct text text, struct uuid *uuid);

/* The time in a UUIDv7, in ms. */
int64_t uuid_ms(const struct uuid *uuid);

static inline int uuid_compare(const struct uuid *a, const struct uuid *b) {
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

#endif
