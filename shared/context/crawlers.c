#include "shared/context/crawlers.h"

#include "shared/context/crawler_table.h"

_Static_assert(CRAWLER_MACHINES_MAX <= 64, "a bit for each machine");

struct search {
    struct text user_agent;
    unsigned best;  /* of the claims found; at first past the last one */
    uint64_t tried; /* machines: each reads the user agent once, so hostile ones cannot make it slow */
};

static bool machine_finds(const struct crawler_machine *machine, struct text user_agent) {
    unsigned state = CRAWLER_STATE_START;
    for (size_t i = 0; i < user_agent.len; i++) {
        unsigned class = machine->classes[(unsigned char)user_agent.at[i]];
        state = machine->rows[state * machine->width + class];
        if (state <= CRAWLER_STATE_FOUND)
            return state == CRAWLER_STATE_FOUND;
    }
    return machine->rows[state * machine->width + machine->width - 1] == CRAWLER_STATE_FOUND;
}

/* Each machine of a claim is tried once at most. */
static bool is_match(struct search *search, const struct crawler_probe *probe) {
    if (probe->machine == 0)
        return true;
    uint64_t bit = UINT64_C(1) << (probe->machine - 1);
    if (search->tried & bit)
        return false;
    search->tried |= bit;
    return machine_finds(&crawler_machines[probe->machine - 1], search->user_agent);
}

static bool needle_stands(const struct search *search, const struct crawler_probe *probe, size_t gram_at) {
    if (gram_at < probe->offset || search->user_agent.len - (gram_at - probe->offset) < probe->len)
        return false;
    const char *at = search->user_agent.at + gram_at - probe->offset;
    return memcmp(at, crawler_needles + probe->text, probe->len) == 0;
}

static void try_bucket(struct search *search, unsigned bucket, size_t gram_at) {
    for (unsigned i = crawler_starts[bucket]; i < crawler_starts[bucket + 1]; i++) {
        const struct crawler_probe *probe = &crawler_probes[i];
        if (probe->claim >= search->best)
            return;
        if (needle_stands(search, probe, gram_at) && is_match(search, probe))
            search->best = probe->claim;
    }
}

const struct crawler_claim *crawler_find_claim(struct text user_agent) {
    struct search search = {user_agent, crawler_claim_count, 0};
    uint32_t gram = 0;
    for (size_t i = 0; i < user_agent.len; i++) {
        gram = gram >> 8 | (uint32_t)(unsigned char)user_agent.at[i] << 16;
        if (i + 1 < CRAWLER_GRAM)
            continue;
        uint32_t hash = gram * CRAWLER_GRAM_MULTIPLIER >> (32 - CRAWLER_GRAM_BITS);
        unsigned bucket = hash / CRAWLER_WORD_BITS;
        if (crawler_grams[bucket] >> hash % CRAWLER_WORD_BITS & 1)
            try_bucket(&search, bucket, i + 1 - CRAWLER_GRAM);
    }
    return search.best == crawler_claim_count ? NULL : &crawler_claims[search.best];
}
