/* Any signal that the API would take, with any facts that a worker could give it, and any clock: worlds for
 * tests that hold whatever comes. World n of a seed is the same on every machine. */
#ifndef SOC_TESTS_RANDOM_WORLD_H
#define SOC_TESTS_RANDOM_WORLD_H

#include "shared/model/analysis.h"
#include "tests/support/dice.h"

struct random_world {
    struct dice dice;
    struct arena arena; /* everything that the rest points to */
    struct signal signal;
    struct facts facts;
    struct analysis analysis;
};

/* `world` is all zero at first; each call forgets the world before. Fills signal and facts. */
void random_world_make(struct random_world *world, uint64_t seed, uint64_t number);

/* Runs agents and analyzers into `analysis`, by a clock that may stand, jump and run back. */
void random_world_analyze(struct random_world *world);

void random_world_fini(struct random_world *world);

/* The parts, in files of their own. */
void random_signal(struct dice *dice, struct arena *arena, struct signal *signal);
void random_facts(struct dice *dice, struct arena *arena, const struct signal *signal, struct facts *facts);

/* A JSON object without blanks, or none at all. */
struct text random_raw_data(struct dice *dice, struct arena *arena);

/* Well-formed UTF-8 that means ill; at most `most` code points and 4 × `most` bytes, at least one. */
struct text random_text(struct dice *dice, struct arena *arena, unsigned most);

/* Milliseconds around which the worlds' times lie. */
#define RANDOM_WORLD_NOW_MS INT64_C(1795232094123)

#endif
