#include "shared/agents/agents.h"
#include "shared/agents/phrase.h"

static struct text date_of(struct text as_of) {
    return as_of.len > 0 ? as_of : TEXT_LITERAL("unknown date");
}

static struct text tell_hit(const struct intel_fact *hit, struct arena *arena) {
    return arena_printf(arena, "on %s list %.*s as %.*s (score %u, data of %.*s)",
                        vocabulary_word(&vocabulary_intel_category, (int)hit->category), PHRASE(hit->list),
                        PHRASE(hit->entry), hit->score, PHRASE(date_of(hit->as_of)));
}

static struct text tell_intel(const struct facts *facts, struct arena *arena) {
    if (!facts->context_available || facts->intel_lists == 0)
        return TEXT_LITERAL("no intel lists loaded: the address's reputation is unknown");
    if (facts->intel_count > 0)
        return tell_hit(&facts->intel[0], arena);
    return facts->crawler.verdict == CRAWLER_VERIFIED
               ? TEXT_LITERAL("on no other list")
               : arena_printf(arena, "on none of %u intel lists", facts->intel_lists);
}

static struct text tell_crawler(const struct crawler_fact *crawler, struct arena *arena) {
    switch (crawler->verdict) {
    case CRAWLER_VERIFIED:
        return arena_printf(arena, "%.*s, proved by its ranges (list %.*s, data of %.*s)",
                            PHRASE(crawler->name), PHRASE(crawler->list), PHRASE(date_of(crawler->as_of)));
    case CRAWLER_PRETENDED:
        return arena_printf(arena, "claims to be %.*s from outside its ranges (list %.*s, data of %.*s)",
                            PHRASE(crawler->name), PHRASE(crawler->list), PHRASE(date_of(crawler->as_of)));
    case CRAWLER_CANNOT_TELL:
        if (crawler_kind_is_tool(crawler->kind))
            return arena_printf(arena, "sent by %.*s (%s)", PHRASE(crawler->name),
                                vocabulary_word(&vocabulary_crawler_kind, (int)crawler->kind));
        return arena_printf(arena, "claims to be %.*s: %s", PHRASE(crawler->name),
                            crawler->provable ? "its published ranges are not loaded"
                                              : "nobody publishes ranges that would prove it");
    default: return TEXT_NONE;
    }
}

static struct text tell_range(const struct range_fact *range, struct arena *arena) {
    if (range->cidr == NULL)
        return TEXT_NONE;
    return arena_printf(arena, "special-purpose address: %s, %s (%s)", range->cidr, range->meaning,
                        range->reference);
}

static double confidence_of(const struct facts *facts) {
    bool judged = facts->crawler.verdict == CRAWLER_VERIFIED || facts->crawler.verdict == CRAWLER_PRETENDED;
    return 0.50 + (facts->intel_lists > 0 ? 0.10 : 0) + (facts->intel_count > 0 || judged ? 0.10 : 0) +
           (facts->range.cidr != NULL ? 0.05 : 0);
}

static void add_recommendation(struct agent_report *report, struct text recommendation) {
    report->recommendations[report->recommendation_count++] = recommendation;
}

/* Never unavailable: ranges and the crawler's claim are judged without the context, and what is missing is
 * told. */
static bool analyze(const struct signal *signal, const struct facts *facts, struct arena *arena,
                    struct agent_report *report) {
    (void)signal;
    struct text parts[] = {tell_crawler(&facts->crawler, arena), tell_intel(facts, arena),
                           tell_range(&facts->range, arena)};
    report->analysis = phrase_join(arena, parts, sizeof(parts) / sizeof(parts[0]), "; ");
    report->confidence = confidence_of(facts);
    for (unsigned i = 1; i < facts->intel_count && report->finding_count < FINDINGS_MAX; i++)
        report->key_findings[report->finding_count++] = tell_hit(&facts->intel[i], arena);
    if (facts->crawler.provable)
        add_recommendation(report, TEXT_LITERAL("load the crawler's published ranges"));
    return true;
}

const struct agent_row agent_context = {AGENT_CONTEXT, "context", 0.50, 0.75, analyze};
