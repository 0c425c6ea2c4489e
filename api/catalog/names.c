#include "api/catalog/names.h"

#include <stdbool.h>
#include <stdlib.h>

enum { FIRST_ROOM = 16 };

void names_init(struct names *names, uint64_t seed) {
    *names = (struct names){.seed = seed};
}

void names_fini(struct names *names) {
    for (uint32_t i = 0; i < names->top; i++)
        free(names->at[i]);
    free(names->at);
    free(names->buckets);
    names_init(names, names->seed);
}

static uint64_t fold(uint64_t a, uint64_t b) {
    __extension__ unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t fold_text(uint64_t hash, struct text text) {
    uint64_t word;
    for (; text.len >= sizeof(word); text.at += sizeof(word), text.len -= sizeof(word)) {
        memcpy(&word, text.at, sizeof(word));
        hash = fold(hash ^ word, 0x9e3779b97f4a7c15u);
    }
    word = (uint64_t)text.len << 56;
    memcpy(&word, text.at, text.len);
    return fold(hash ^ word, 0xd6e8feb86659fd93u);
}

static uint64_t hash_name(const struct names *names, struct text id, struct text name) {
    return fold_text(fold_text(names->seed, id), name);
}

static bool name_is(const struct name *kept, uint64_t hash, struct text id, struct text name) {
    return kept->hash == hash && kept->id_len == id.len && kept->name_len == name.len &&
           memcmp(kept->bytes, id.at, id.len) == 0 && memcmp(kept->bytes + id.len, name.at, name.len) == 0;
}

static void put_bucket(struct names *names, struct name_bucket bucket) {
    uint32_t mask = names->bucket_count - 1, i = bucket.hash & mask;
    while (names->buckets[i].handle_plus_1 != 0)
        i = (i + 1) & mask;
    names->buckets[i] = bucket;
}

static void resize_buckets(struct names *names, uint32_t count) {
    struct name_bucket *old = names->buckets;
    uint32_t old_count = names->bucket_count;
    names->buckets = calloc(count, sizeof(*names->buckets));
    if (names->buckets == NULL)
        abort();
    names->bucket_count = count;
    for (uint32_t i = 0; i < old_count; i++)
        if (old[i].handle_plus_1 != 0)
            put_bucket(names, old[i]);
    free(old);
}

/* Linear probing without tombstones: what was pushed past the hole moves back into it. */
static void remove_bucket(struct names *names, uint32_t handle) {
    uint32_t mask = names->bucket_count - 1, hole = (uint32_t)names->at[handle]->hash & mask;
    while (names->buckets[hole].handle_plus_1 != handle + 1)
        hole = (hole + 1) & mask;
    for (uint32_t i = (hole + 1) & mask; names->buckets[i].handle_plus_1 != 0; i = (i + 1) & mask) {
        uint32_t home = names->buckets[i].hash & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            names->buckets[hole] = names->buckets[i];
            hole = i;
        }
    }
    names->buckets[hole].handle_plus_1 = 0;
}

static void resize_handles(struct names *names, uint32_t room) {
    struct name **at = realloc(names->at, room * sizeof(struct name *));
    if (at == NULL)
        abort();
    names->at = at;
    names->room = room;
}

static uint32_t take_handle(struct names *names) {
    uint32_t handle = names->lowest_free;
    while (handle < names->top && names->at[handle] != NULL)
        handle++;
    if (handle == names->room)
        resize_handles(names, names->room == 0 ? FIRST_ROOM : names->room * 2);
    if (handle == names->top)
        names->top++;
    names->lowest_free = handle + 1;
    return handle;
}

static unsigned lowered(char c) {
    return c >= 'A' && c <= 'Z' ? (unsigned)(c - 'A' + 'a') : (unsigned char)c;
}

uint64_t names_pairs(struct text text) {
    uint64_t pairs = 0;
    for (size_t i = 1; i < text.len; i++)
        pairs |= UINT64_C(1) << ((lowered(text.at[i - 1]) * 37 + lowered(text.at[i])) & 63);
    return pairs;
}

static struct name *copy_name(uint64_t hash, struct text id, struct text name) {
    struct name *copy = malloc(sizeof(*copy) + id.len + name.len);
    if (copy == NULL)
        abort();
    *copy = (struct name){hash, names_pairs(id) | names_pairs(name), 1, (uint32_t)id.len, (uint32_t)name.len};
    memcpy(copy->bytes, id.at, id.len);
    memcpy(copy->bytes + id.len, name.at, name.len);
    return copy;
}

static struct text present(struct text text) {
    return text.at == NULL ? TEXT_LITERAL("") : text;
}

uint32_t names_take(struct names *names, struct text id, struct text name) {
    id = present(id);
    name = present(name);
    uint64_t hash = hash_name(names, id, name);
    if (names->count + names->count / 2 >= names->bucket_count)
        resize_buckets(names, names->bucket_count == 0 ? FIRST_ROOM : names->bucket_count * 2);
    uint32_t mask = names->bucket_count - 1;
    for (uint32_t i = (uint32_t)hash & mask; names->buckets[i].handle_plus_1 != 0; i = (i + 1) & mask) {
        uint32_t handle = names->buckets[i].handle_plus_1 - 1;
        if (names->buckets[i].hash == (uint32_t)hash && name_is(names->at[handle], hash, id, name)) {
            names->at[handle]->users++;
            return handle;
        }
    }
    uint32_t handle = take_handle(names);
    names->at[handle] = copy_name(hash, id, name);
    names->text_bytes += sizeof(struct name) + id.len + name.len;
    names->count++;
    put_bucket(names, (struct name_bucket){(uint32_t)hash, handle + 1});
    return handle;
}

static void shrink(struct names *names) {
    while (names->top > 0 && names->at[names->top - 1] == NULL)
        names->top--;
    if (names->lowest_free > names->top)
        names->lowest_free = names->top;
    uint32_t room = names->room;
    while (room > FIRST_ROOM && names->top < room / 4)
        room /= 2;
    if (room < names->room)
        resize_handles(names, room);
    if (names->bucket_count > FIRST_ROOM && names->count < names->bucket_count / 8)
        resize_buckets(names, names->bucket_count / 2);
}

void names_give(struct names *names, uint32_t handle) {
    struct name *name = names->at[handle];
    if (--name->users > 0)
        return;
    remove_bucket(names, handle);
    names->text_bytes -= sizeof(*name) + name->id_len + name->name_len;
    names->count--;
    names->at[handle] = NULL;
    free(name);
    if (handle < names->lowest_free)
        names->lowest_free = handle;
    shrink(names);
}

size_t names_bytes(const struct names *names) {
    return names->room * sizeof(struct name *) + names->bucket_count * sizeof(struct name_bucket) +
           names->text_bytes;
}
