#include "shared/analyzers/guardrails.h"

static bool is_shared(const struct facts *facts) {
    for (unsigned i = 0; i < facts->intel_count; i++) {
        enum intel_category category = facts->intel[i].category;
        if (category == INTEL_TOR || category == INTEL_VPN || category == INTEL_SHARED_EGRESS)
            return true;
    }
    return false;
}

struct protection guardrails_find(const struct facts *facts) {
    if (facts->customer.allowlisted_by.at != NULL)
        return (struct protection){"allowlisted", ACTION_MONITOR};
    if (facts->range.cidr != NULL)
        return (struct protection){"special-purpose address", ACTION_MONITOR};
    if (facts->crawler.verdict == CRAWLER_VERIFIED)
        return (struct protection){"verified crawler", ACTION_RATE_LIMIT};
    if (is_shared(facts))
        return (struct protection){"many users share the address", ACTION_CHALLENGE};
    return (struct protection){NULL, ACTION_MONITOR};
}

bool guardrails_blocks(enum action_type action) {
    return action == ACTION_BLOCK_IP || action == ACTION_QUARANTINE;
}

enum action_type guardrails_apply(const struct protection *protection, enum action_type action) {
    return protection->because != NULL && guardrails_blocks(action) ? protection->instead : action;
}
