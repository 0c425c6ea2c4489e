/* The customers that rows speak of, each (id, name) once, counted by its users. A handle stays the same while
 * it has a user; the lowest free one is given next, so that tables shrink again after a flood of names. */
#ifndef SOC_API_NAMES_H
#define SOC_API_NAMES_H

#include <stdint.h>

#include "shared/base/text.h"

struct name {
    uint64_t hash;
    uint64_t pairs; /* names_pairs of id and name */
    uint32_t users;
    uint32_t id_len;
    uint32_t name_len;
    char bytes[]; /* id, then name */
};

struct name_bucket {
    uint32_t hash;          /* the low half: where the search starts, and a cheap first comparison */
    uint32_t handle_plus_1; /* 0: empty */
};

struct names {
    struct name **at; /* by handle; NULL: free */
    uint32_t top, room;
    uint32_t lowest_free; /* no handle below it is free */
    uint32_t count;
    struct name_bucket *buckets;
    uint32_t bucket_count; /* a power of two */
    uint64_t seed;         /* keeps whoever picks names from picking buckets */
    size_t text_bytes;
};

void names_init(struct names *names, uint64_t seed);
void names_fini(struct names *names);

/* One more user of (id, name); the texts are copied. */
uint32_t names_take(struct names *names, struct text id, struct text name);

/* One user less; the last one's leaving forgets the texts. */
void names_give(struct names *names, uint32_t handle);

/* A bit for each two neighbouring bytes, read in lower case (ASCII): what contains a text has all of its
 * bits, so that a search need not look into most names. */
uint64_t names_pairs(struct text text);

size_t names_bytes(const struct names *names);

static inline struct text names_id(const struct names *names, uint32_t handle) {
    return (struct text){names->at[handle]->bytes, names->at[handle]->id_len};
}

static inline struct text names_name(const struct names *names, uint32_t handle) {
    return (struct text){names->at[handle]->bytes + names->at[handle]->id_len, names->at[handle]->name_len};
}

#endif
