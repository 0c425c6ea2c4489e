/* Repeatable randomness for tests: xorshift64, seeded alike in every run. */
#ifndef SOC_TESTS_RANDOM_BYTES_H
#define SOC_TESTS_RANDOM_BYTES_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static uint64_t random_state = 88172645463325252u;

/* Below `below`, which is not 0. */
static inline uint64_t random_below(uint64_t below) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (random_state >> 11) % below;
}

/* A copy without a byte to spare, so that a sanitizer sees the first byte read behind it. */
static inline char *exact_copy(const void *bytes, size_t len) {
    char *copy = malloc(len == 0 ? 1 : len);
    if (copy == NULL)
        abort();
    if (len > 0)
        memcpy(copy, bytes, len);
    return copy;
}

#endif
