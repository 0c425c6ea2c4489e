/* What is held back within a second, what is counted, and that no count is lost. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>

#include "shared/telemetry/log_repeats.h"

static struct {
    unsigned times;
    enum log_event event;
    char key[REPEAT_KEY_MAX + 1];
    uint64_t left_out;
} told;

static void on_told(enum log_event event, struct text key, uint64_t left_out) {
    told.times++;
    told.event = event;
    snprintf(told.key, sizeof(told.key), "%.*s", (int)key.len, key.at);
    told.left_out += left_out;
}

static bool admit(const char *key, int64_t now_ms, uint64_t *left_out) {
    return repeats_admit(LOG_REDIS_DOWN, text_of(key), now_ms, on_told, left_out);
}

TestSuite(repeats, .timeout = 10, .init = repeats_clear);

Test(repeats, one_a_second_and_the_next_one_tells_the_others) {
    uint64_t left_out;
    cr_assert(admit("a", 5000, &left_out));
    cr_assert(eq(u64, left_out, 0));
    for (int i = 0; i < 7; i++)
        cr_assert(not(admit("a", 5000 + i * 142, &left_out)));
    cr_assert(admit("a", 6000, &left_out));
    cr_assert(eq(u64, left_out, 7));
    cr_assert(not(admit("a", 6999, &left_out)));
    cr_assert(eq(u32, told.times, 0));
}

Test(repeats, keys_and_events_are_apart) {
    uint64_t left_out;
    cr_assert(admit("a", 1, &left_out));
    cr_assert(admit("b", 1, &left_out));
    cr_assert(admit("", 1, &left_out));
    cr_assert(repeats_admit(LOG_REDIS_UP, text_of("a"), 1, on_told, &left_out));
    cr_assert(not(admit("a", 2, &left_out)));
}

Test(repeats, what_comes_no_more_is_told_after_two_seconds) {
    uint64_t left_out;
    admit("a", 1000, &left_out);
    admit("a", 1001, &left_out);
    repeats_tick(2999, on_told);
    cr_assert(eq(u32, told.times, 0));
    repeats_tick(3000, on_told);
    cr_assert(eq(u32, told.times, 1));
    cr_assert(eq(u64, told.left_out, 1));
    cr_assert(eq(str, told.key, "a"));
    cr_assert(not(admit("a", 3999, &left_out)), "that was a line too");
    cr_assert(admit("a", 4000, &left_out));
    cr_assert(eq(u64, left_out, 1));
}

Test(repeats, many_keys_lose_no_count) {
    uint64_t left_out, sum = 0;
    char key[16];
    unsigned written = 0;
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < 3 * REPEATS_MAX; i++)
            for (int again = 0; again < 2; again++) {
                snprintf(key, sizeof(key), "key %d", i);
                written += admit(key, 1000 + round, &left_out);
                sum += left_out;
            }
    repeats_tick(INT64_MAX, on_told);
    cr_assert(eq(u64, written + sum + told.left_out, 18 * REPEATS_MAX));
    cr_assert(gt(u64, told.left_out, 0));
}

Test(repeats, a_key_that_is_too_long_counts_as_none) {
    uint64_t left_out;
    char key[REPEAT_KEY_MAX + 2];
    memset(key, 'k', sizeof(key));
    key[sizeof(key) - 1] = '\0';
    cr_assert(admit(key, 1, &left_out));
    key[0] = 'x';
    cr_assert(not(admit(key, 2, &left_out)));
    repeats_tick(5000, on_told);
    cr_assert(eq(str, told.key, ""));
}
