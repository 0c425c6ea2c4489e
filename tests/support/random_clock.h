/* A stopwatch with moods: mostly some µs a reading, at times a deadline is missed, or it stands or runs back.
 */
#ifndef SOC_TESTS_RANDOM_CLOCK_H
#define SOC_TESTS_RANDOM_CLOCK_H

#include "tests/support/dice.h"

struct random_clock {
    struct dice *dice;
    int64_t now_ns;
    bool moody;
};

static inline struct random_clock random_clock_start(struct dice *dice) {
    return (struct random_clock){dice, INT64_C(1000000000000) + (int64_t)dice_roll(dice, 1000000000),
                                 dice_one_in(dice, 4)};
}

static inline int64_t random_clock_read(void *arg) {
    static const int64_t jumps_ns[] = {0,        0,      1,          -5000,        -2000000000,
                                       51000000, 999999, 7000000000, 3600000000000};
    struct random_clock *clock = arg;
    clock->now_ns += clock->moody ? DICE_PICK(clock->dice, jumps_ns) : (int64_t)dice_roll(clock->dice, 20000);
    return clock->now_ns;
}

#endif
