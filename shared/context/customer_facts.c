#include "shared/context/customer_records.h"
#include "shared/context/special_ranges.h"
#include "shared/context/wildcard.h"

/* This product's defaults for customers whose record sets no limit. */
static const int64_t tier_limits[TIER_COUNT] = {
    [TIER_STANDARD] = 60,
    [TIER_PREMIUM] = 300,
    [TIER_ENTERPRISE] = 1000,
};

static struct text write_entry(const struct prefix *prefix, struct arena *arena) {
    char written[PREFIX_TEXT_MAX];
    size_t len = prefix->length == PREFIX_LENGTH_MAX ? address_write(&prefix->address, written)
                                                     : prefix_write(prefix, written);
    return arena_copy(arena, (struct text){written, len});
}

static struct text find_address(const struct customer_record *record, const struct address *address,
                                struct arena *arena) {
    struct address embedded;
    const struct prefix_entry *entry = prefix_matcher_find(&record->allowlist, address);
    if (entry == NULL && special_range_unwrap(address, &embedded))
        entry = prefix_matcher_find(&record->allowlist, &embedded);
    if (entry == NULL)
        return TEXT_NONE;
    struct prefix prefix = prefix_entry_prefix(entry);
    return write_entry(&prefix, arena);
}

static struct text find_agent(const struct customer_record *record, struct text user_agent,
                              struct arena *arena) {
    if (user_agent.at == NULL || record->pattern_count == 0)
        return TEXT_NONE;
    char *lowered = arena_take(arena, user_agent.len + 1);
    wildcard_lower(user_agent, lowered);
    for (unsigned i = 0; i < record->pattern_count; i++)
        if (wildcard_matches(record->patterns[i].lowered, (struct text){lowered, user_agent.len}))
            return arena_copy(arena, record->patterns[i].written);
    return TEXT_NONE;
}

static void fill_limit(const struct customer_record *record, enum threat_type type,
                       struct customer_facts *facts) {
    int64_t limit = record->limits[type] != 0 ? record->limits[type] : record->requests_per_minute;
    facts->limit_is_default = limit == 0;
    facts->requests_per_minute = limit != 0 ? limit : tier_limits[record->tier];
}

void customer_record_fill(const struct customer_record *record, const struct signal *signal,
                          struct arena *arena, struct customer_facts *facts) {
    *facts = (struct customer_facts){
        .tier = TIER_STANDARD, .limit_is_default = true, .requests_per_minute = tier_limits[TIER_STANDARD]};
    if (record == NULL)
        return;
    facts->known = true;
    facts->tier = record->tier;
    facts->auto_block = record->auto_block;
    fill_limit(record, signal->threat_type, facts);
    memcpy(facts->sla_minutes, record->sla_minutes, sizeof(facts->sla_minutes));
    for (int level = 0; level < ESCALATION_LEVEL_COUNT; level++)
        facts->contacts[level] = arena_copy(arena, record->contacts[level]);
    facts->allowlisted_by = find_address(record, &signal->source_ip, arena);
    if (facts->allowlisted_by.at == NULL)
        facts->allowlisted_by = find_agent(record, signal->user_agent, arena);
}
