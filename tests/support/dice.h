/* xorshift64: the same seed gives the same worlds on every machine. */
#ifndef SOC_TESTS_DICE_H
#define SOC_TESTS_DICE_H

#include <stdbool.h>
#include <stdint.h>

struct dice {
    uint64_t state; /* not 0 */
};

static inline uint64_t dice_roll(struct dice *dice, uint64_t sides) {
    dice->state ^= dice->state << 13;
    dice->state ^= dice->state >> 7;
    dice->state ^= dice->state << 17;
    return dice->state % sides;
}

static inline bool dice_one_in(struct dice *dice, uint64_t chances) {
    return dice_roll(dice, chances) == 0;
}

#define DICE_PICK(dice, table) ((table)[dice_roll(dice, sizeof(table) / sizeof((table)[0]))])

#endif
