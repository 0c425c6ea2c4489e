/* The tables that scripts/compile-crawlers makes of the npm package crawler-user-agents; the build folder
 * holds them. For crawlers.c and tests. With version 1.60.0: 1,500 claims, 133 KB, of which a look-up usually
 * touches the 8 KB of crawler_grams alone. */
#ifndef SOC_CONTEXT_CRAWLER_TABLE_H
#define SOC_CONTEXT_CRAWLER_TABLE_H

#include <stdint.h>

#include "shared/context/crawlers.h"

/* A gram is three bytes in a row, the first in the lowest place. */
enum {
    CRAWLER_GRAM = 3,
    CRAWLER_GRAM_BITS = 16,
    CRAWLER_WORD_BITS = 32, /* of crawler_grams; the hashes of one word share a bucket of probes */
    CRAWLER_MACHINES_MAX = 64
};
#define CRAWLER_GRAM_MULTIPLIER 0x9E3779B1u

/* In the order in which they win, the winner first. */
extern const struct crawler_claim crawler_claims[];
extern const unsigned crawler_claim_count;

/* One bit for each hash of a gram: is there a probe with it? */
extern const uint32_t crawler_grams[];

/* Where each bucket begins in crawler_probes, and the end. */
extern const uint16_t crawler_starts[];

/* A text that each match of the claim's pattern contains, found by the gram at `offset` in it. */
struct crawler_probe {
    uint16_t text; /* where it begins in crawler_needles */
    uint16_t claim;
    uint8_t len, offset;
    uint8_t machine; /* 0: the text is the whole pattern; else one more than an index of crawler_machines */
};

/* By bucket, within one by claim. */
extern const struct crawler_probe crawler_probes[];
extern const char crawler_needles[];

/* Searches a whole user agent for a pattern. `rows` holds `width` next states for each state: by class of
 * byte, and last for the end of the text. */
struct crawler_machine {
    const uint8_t *classes; /* of the 256 bytes */
    const uint8_t *rows;
    unsigned width;
};
enum { CRAWLER_STATE_DEAD, CRAWLER_STATE_FOUND, CRAWLER_STATE_START };
extern const struct crawler_machine crawler_machines[];

#endif
