#include <stdio.h>

#include "shared/context/special_ranges.h"
#include "tests/support/random_world.h"

enum { NAME_POINTS_MAX = 80, TITLE_POINTS_MAX = 200 };

static void random_case(struct dice *dice, struct history_case *recent) {
    char id[UUID_LENGTH + 1];
    snprintf(id, sizeof(id), "%08x-%04x-7%03x-8%03x-%012x", (unsigned)dice_roll(dice, UINT32_MAX),
             (unsigned)dice_roll(dice, 0x10000), (unsigned)dice_roll(dice, 0x1000),
             (unsigned)dice_roll(dice, 0x1000), (unsigned)dice_roll(dice, UINT32_MAX));
    *recent = (struct history_case){.severity = (enum severity)dice_roll(dice, SEVERITY_NONE + 1),
                                    .verdict = (enum verdict)dice_roll(dice, VERDICT_COUNT)};
    memcpy(recent->id, id, UUID_LENGTH);
}

static void random_history(struct dice *dice, struct history *history) {
    static const uint64_t totals[] = {1, 2, 3, 40, UINT64_C(1) << 52};
    *history = (struct history){0};
    if (dice_one_in(dice, 2))
        return;
    history->total = dice_one_in(dice, 2) ? DICE_PICK(dice, totals) : 1 + dice_roll(dice, 500);
    if (dice_one_in(dice, 2))
        history->false_positives = dice_roll(dice, history->total + 1);
    if (dice_one_in(dice, 2))
        history->true_positives = dice_roll(dice, history->total + 1 - history->false_positives);
    history->first_ms = RANDOM_WORLD_NOW_MS - (int64_t)dice_roll(dice, INT64_C(10000000000));
    history->last_ms = history->first_ms + (int64_t)dice_roll(dice, INT64_C(10000000000));
    history->recent_count = (unsigned)dice_roll(dice, HISTORY_RECENT_MAX + 1);
    for (unsigned i = 0; i < history->recent_count; i++)
        random_case(dice, &history->recent[i]);
    history_keep_judged(history);
}

/* Two scopes may tell of the same cases. */
static void random_histories(struct dice *dice, struct facts *facts) {
    random_history(dice, &facts->customer_history);
    random_history(dice, &facts->address_history);
    random_history(dice, &facts->agent_history);
    if (facts->address_history.total == 0 && dice_one_in(dice, 4))
        facts->address_history = facts->customer_history;
    facts->agent_history.recent_count = 0;
}

static void random_customer(struct dice *dice, struct arena *arena, struct customer_facts *customer) {
    static const int64_t limits[] = {0, 1, 60, 600, 6000, SIGNAL_REQUEST_COUNT_MAX};
    static const int64_t minutes[] = {1, 7, 600, INT64_C(5256000), INT64_MAX};
    *customer = (struct customer_facts){
        .known = !dice_one_in(dice, 4),
        .tier = (enum tier)dice_roll(dice, TIER_COUNT),
        .requests_per_minute = DICE_PICK(dice, limits),
        .limit_is_default = dice_one_in(dice, 2),
        .auto_block = dice_one_in(dice, 2),
        .allowlisted_by = dice_one_in(dice, 8) ? random_text(dice, arena, NAME_POINTS_MAX) : TEXT_NONE,
    };
    for (int level = 0; level < ESCALATION_LEVEL_COUNT; level++)
        if (dice_one_in(dice, 2))
            customer->contacts[level] = random_text(dice, arena, NAME_POINTS_MAX);
    for (int severity = 0; severity <= SEVERITY_CRITICAL; severity++)
        if (dice_one_in(dice, 6))
            customer->sla_minutes[severity] = DICE_PICK(dice, minutes);
}

static void random_infra(struct dice *dice, struct arena *arena, struct facts *facts) {
    facts->infra_count = dice_one_in(dice, 2) ? 0 : (unsigned)dice_roll(dice, INFRA_FACTS_MAX + 1);
    for (unsigned i = 0; i < facts->infra_count; i++)
        facts->infra[i] = (struct infra_fact){
            .id = random_text(dice, arena, NAME_POINTS_MAX),
            .kind = (enum infra_kind)dice_roll(dice, INFRA_KIND_COUNT),
            .title = dice_one_in(dice, 5) ? TEXT_LITERAL("") : random_text(dice, arena, TITLE_POINTS_MAX),
            .starts_at_ms = RANDOM_WORLD_NOW_MS - (int64_t)dice_roll(dice, 200000000),
            .ends_at_ms = RANDOM_WORLD_NOW_MS - (int64_t)dice_roll(dice, 100000000),
            .global = dice_one_in(dice, 2)};
}

static void random_hit(struct dice *dice, struct arena *arena, struct intel_fact *hit) {
    static const char *const entries[] = {"192.0.0.0/8", "8.8.8.8/32", "2001:db8::/32", "::/0", "0.0.0.0/0"};
    *hit = (struct intel_fact){.list = random_text(dice, arena, NAME_POINTS_MAX),
                               .entry = text_of(DICE_PICK(dice, entries)),
                               .category = (enum intel_category)dice_roll(dice, INTEL_CATEGORY_COUNT),
                               .score = (unsigned)dice_roll(dice, 101)};
    if (dice_one_in(dice, 2))
        hit->as_of = random_text(dice, arena, NAME_POINTS_MAX);
    if (dice_one_in(dice, 2))
        hit->source = random_text(dice, arena, NAME_POINTS_MAX);
}

static void random_intel(struct dice *dice, struct arena *arena, struct facts *facts) {
    static const unsigned lists[] = {0, 1, 4, UINT32_MAX};
    facts->intel_lists = DICE_PICK(dice, lists);
    if (facts->intel_lists == 0 || dice_one_in(dice, 2))
        return;
    facts->intel_count = 1 + (unsigned)dice_roll(dice, INTEL_FACTS_MAX);
    for (unsigned i = 0; i < facts->intel_count; i++)
        random_hit(dice, arena, &facts->intel[i]);
}

static void random_crawler(struct dice *dice, struct arena *arena, struct crawler_fact *crawler) {
    crawler->verdict = dice_one_in(dice, 2) ? CRAWLER_NO_CLAIM
                                            : (enum crawler_verdict)dice_roll(dice, CRAWLER_VERDICT_COUNT);
    if (crawler->verdict == CRAWLER_NO_CLAIM)
        return;
    crawler->name = random_text(dice, arena, NAME_POINTS_MAX);
    if (crawler->verdict != CRAWLER_CANNOT_TELL)
        crawler->list = random_text(dice, arena, NAME_POINTS_MAX);
}

void random_facts(struct dice *dice, struct arena *arena, const struct signal *signal, struct facts *facts) {
    *facts = (struct facts){.history_available = !dice_one_in(dice, 8),
                            .context_available = !dice_one_in(dice, 8),
                            .range = special_range_find(&signal->source_ip)};
    if (facts->history_available)
        random_histories(dice, facts);
    if (facts->context_available) {
        random_customer(dice, arena, &facts->customer);
        random_infra(dice, arena, facts);
        random_intel(dice, arena, facts);
    }
    random_crawler(dice, arena, &facts->crawler);
}
