/* Steps of the tests of the stream's scripts: entries come in and are delivered. */
#ifndef SOC_TESTS_STREAM_STEPS_H
#define SOC_TESTS_STREAM_STEPS_H

#include "tests/unit/private_redis.h"

static inline void add(const char *entry) {
    redis_do("XADD threats:stream %s v 1 signal {}", entry);
}

/* 1-0, 2-0, … */
static inline void add_many(int count) {
    for (int i = 1; i <= count; i++) {
        char entry[16];
        snprintf(entry, sizeof(entry), "%d-0", i);
        add(entry);
    }
}

/* Delivers up to `count` new entries. */
static inline void deliver(const char *consumer, int count) {
    redis_ask("XREADGROUP GROUP soc-workers %s COUNT %d STREAMS threats:stream >", consumer, count);
}

#endif
