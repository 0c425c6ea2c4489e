/* 64-bit FNV-1a with a final mix (public domain constants of Fowler, Noll and Vo): for tables and for the
 * user agent's key in Redis, where both programs must agree. Not for anything an enemy must not forge. */
#ifndef SOC_BASE_HASH_H
#define SOC_BASE_HASH_H

#include <stdint.h>

#include "shared/base/text.h"

static inline uint64_t hash_bytes(const void *bytes, size_t len) {
    const unsigned char *at = bytes;
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ at[i]) * 0x100000001b3u;
    hash ^= hash >> 32;
    hash *= 0xd6e8feb86659fd93u;
    return hash ^ (hash >> 32);
}

static inline uint64_t hash_text(struct text text) {
    return hash_bytes(text.at, text.len);
}

#endif
