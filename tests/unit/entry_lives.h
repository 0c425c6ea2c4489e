/* Entries 1-0, 2-0, … of threats:stream as a random test makes them live, and what must hold of those that
 * the stream still has. */
#ifndef SOC_TESTS_ENTRY_LIVES_H
#define SOC_TESTS_ENTRY_LIVES_H

#include "tests/unit/private_redis.h"

enum { ENTRIES_MAX = 4000 };
enum entry_state { ENTRY_UNREAD, ENTRY_PENDING, ENTRY_DONE };

static enum entry_state states[ENTRIES_MAX + 1];
static int added, delivered;

/* -1 when Redis does not know. */
static inline long long lag(void) {
    return reply_integer(group_field("lag"), -1);
}

/* The next `count` were delivered. */
static inline void note_delivered(int count) {
    for (; count > 0 && delivered < added; count--)
        states[++delivered] = ENTRY_PENDING;
}

static inline void finish_entry(int number) {
    redis_do("XACK threats:stream soc-workers %d-0", number);
    states[number] = ENTRY_DONE;
}

/* Nothing unfinished is lost, nothing else is there, and lag is true. */
static inline void expect_truthful(void) {
    const redisReply *left = redis_ask("XRANGE threats:stream - +");
    size_t at = 0;
    for (int i = 1; i <= added; i++) {
        char entry[16];
        snprintf(entry, sizeof(entry), "%d-0", i);
        bool there = at < left->elements && strcmp(left->element[at]->element[0]->str, entry) == 0;
        cr_assert(there || states[i] == ENTRY_DONE, "%s was lost", entry);
        at += there;
    }
    cr_assert_eq(at, left->elements);
    cr_assert_eq(lag(), added - delivered);
}

#endif
