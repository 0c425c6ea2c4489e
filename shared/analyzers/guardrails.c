#include "shared/analyzers/guardrails.h"

#include "shared/agents/phrase.h"

/* The list that says that many stand behind the address. */
static const struct intel_fact *find_shared(const struct facts *facts) {
    for (unsigned i = 0; i < facts->intel_count; i++) {
        enum intel_category category = facts->intel[i].category;
        if (category == INTEL_TOR || category == INTEL_VPN || category == INTEL_SHARED_EGRESS)
            return &facts->intel[i];
    }
    return NULL;
}

struct protection guardrails_find(const struct facts *facts, struct arena *arena) {
    const struct range_fact *range = &facts->range;
    const struct intel_fact *shared = find_shared(facts);
    if (facts->customer.allowlisted_by.at != NULL)
        return (struct protection){
            arena_printf(arena, "allowlisted by %.*s", PHRASE(facts->customer.allowlisted_by)),
            ACTION_MONITOR};
    if (range->cidr != NULL)
        return (struct protection){
            arena_printf(arena, "special-purpose address, %s (%s)", range->meaning, range->reference),
            ACTION_MONITOR};
    if (facts->crawler.verdict == CRAWLER_VERIFIED)
        return (struct protection){arena_printf(arena, "verified crawler %.*s", PHRASE(facts->crawler.name)),
                                   ACTION_RATE_LIMIT};
    if (shared != NULL)
        return (struct protection){
            arena_printf(arena, "many users share the address (%s list %.*s)",
                         vocabulary_word(&vocabulary_intel_category, (int)shared->category),
                         PHRASE(shared->list)),
            ACTION_CHALLENGE};
    return (struct protection){TEXT_NONE, ACTION_MONITOR};
}

bool guardrails_blocks(enum action_type action) {
    return action == ACTION_BLOCK_IP || action == ACTION_QUARANTINE;
}

enum action_type guardrails_apply(const struct protection *protection, enum action_type action) {
    return protection->because.at != NULL && guardrails_blocks(action) ? protection->instead : action;
}
