#include "shared/agents/phrase.h"
#include "shared/analyzers/evidence.h"
#include "shared/analyzers/user_agent_kind.h"

enum { PERSON_PER_MINUTE_MAX = 20, PACE_MINUTES_MIN = 5, PACE_PATHS_MIN = 3 };

/* A person opens no page every three seconds for minutes, and a browser loads what pages consist of. */
static bool is_too_fast_for_a_person(const struct evidence *in) {
    return in->volume.per_minute >= PERSON_PER_MINUTE_MAX &&
           in->signal->time_window_minutes >= PACE_MINUTES_MIN && in->raw.listed_paths >= PACE_PATHS_MIN &&
           in->raw.paths[PATH_ASSET] == 0;
}

static void judge_user_agent(struct evidence *in) {
    static const struct {
        int milli;
        const char *label;
    } of_kind[USER_AGENT_KIND_COUNT] = {
        [USER_AGENT_ATTACK_TOOL] = {-200, "attack tool's user agent"},
        [USER_AGENT_ROBOT] = {20, "unproven robot's user agent"},
        [USER_AGENT_BROWSER] = {20, "browser-like user agent"},
    };
    enum user_agent_kind kind = user_agent_kind_of(in->signal->user_agent);
    if (kind == USER_AGENT_ABSENT && in->raw.service != RAW_SERVICE_SSH)
        evidence_add_plain(in, FP_USER_AGENT, in->raw.service == RAW_SERVICE_HTTP ? -100 : -50,
                           "missing user agent");
    else if (kind == USER_AGENT_BROWSER && is_too_fast_for_a_person(in))
        evidence_add_plain(in, FP_USER_AGENT, -80, "browser's user agent at a machine's pace");
    else if (of_kind[kind].label != NULL)
        evidence_add_plain(in, FP_USER_AGENT, of_kind[kind].milli, of_kind[kind].label);
}

/* "list bad-hosts of feed.example, data of 2026-08-11" */
static struct text list_of(const struct evidence *in, struct text list, struct text source,
                           struct text as_of) {
    return arena_printf(in->arena, "list %.*s%s%.*s, data of %.*s", PHRASE(list),
                        source.len > 0 ? " of " : "", PHRASE(source),
                        PHRASE(as_of.len > 0 ? as_of : TEXT_LITERAL("unknown date")));
}

/* A name that nothing proves: told without weight, but for tools, which nobody pretends to be. */
static void judge_unproven(struct evidence *in) {
    static const struct {
        int milli;
        const char *label;
    } of_tool[CRAWLER_KIND_COUNT] = {
        [CRAWLER_KIND_SCANNER] = {-120, "scanner's user agent"},
        [CRAWLER_KIND_BROWSER_AUTOMATION] = {-80, "automated browser"},
        [CRAWLER_KIND_HTTP_LIBRARY] = {-50, "HTTP library's user agent"},
    };
    const struct crawler_fact *crawler = &in->facts->crawler;
    const char *tool = of_tool[crawler->kind].label;
    if (tool != NULL)
        fp_tally_add(&in->tally, FP_USER_AGENT, of_tool[crawler->kind].milli, tool,
                     arena_printf(in->arena, "%s: %.*s", tool, PHRASE(crawler->name)));
    else
        fp_tally_add(&in->tally, FP_USER_AGENT, 0, "crawler's claim",
                     arena_printf(in->arena, "claims to be %.*s, unproven", PHRASE(crawler->name)));
}

static void judge_claim(struct evidence *in, int milli, const char *label, const char *word) {
    const struct crawler_fact *crawler = &in->facts->crawler;
    struct text list = list_of(in, crawler->list, TEXT_NONE, crawler->as_of);
    fp_tally_add(&in->tally, FP_USER_AGENT, milli, label,
                 arena_printf(in->arena, "%s %.*s (%.*s)", word, PHRASE(crawler->name), PHRASE(list)));
}

static void judge_name(struct evidence *in) {
    enum crawler_verdict verdict =
        evidence_agent_spoke(in, AGENT_CONTEXT) ? in->facts->crawler.verdict : CRAWLER_NO_CLAIM;
    if (verdict == CRAWLER_VERIFIED)
        judge_claim(in, 200, "verified crawler", "verified");
    else if (verdict == CRAWLER_PRETENDED)
        judge_claim(in, -200, "pretended crawler", "pretended");
    else if (verdict == CRAWLER_CANNOT_TELL &&
             user_agent_kind_of(in->signal->user_agent) != USER_AGENT_ATTACK_TOOL)
        judge_unproven(in);
    else
        judge_user_agent(in);
}

static int intel_milli(const struct intel_fact *fact) {
    static const int milli[INTEL_CATEGORY_COUNT] = {
        [INTEL_BLOCKLIST] = -100, [INTEL_TOR] = -100,         [INTEL_PROXY] = -80,   [INTEL_VPN] = -40,
        [INTEL_HOSTING] = -30,    [INTEL_SHARED_EGRESS] = 50, [INTEL_SCANNER] = 150,
    };
    unsigned sureness = fact->score > 100 ? 100 : fact->score;
    return milli[fact->category] - (fact->category == INTEL_BLOCKLIST ? 2 * (int)sureness : 0);
}

/* A crawler's range says something only together with the claim to be that crawler, which is judged there. */
static void judge_intel(struct evidence *in) {
    for (unsigned i = 0; i < in->facts->intel_count; i++) {
        const struct intel_fact *hit = &in->facts->intel[i];
        const char *category = vocabulary_word(&vocabulary_intel_category, (int)hit->category);
        struct text list = list_of(in, hit->list, hit->source, hit->as_of);
        if (hit->category != INTEL_CRAWLER)
            fp_tally_add(
                &in->tally, FP_IP_REPUTATION, intel_milli(hit), category,
                arena_printf(in->arena, "%s %.*s (%.*s)", category, PHRASE(hit->entry), PHRASE(list)));
    }
}

static void judge_range(struct evidence *in) {
    /* Addresses that documents use are what demonstrations send: told, and neither clean nor hostile. */
    const struct range_fact *range = &in->facts->range;
    if (range->cidr != NULL)
        fp_tally_add(&in->tally, FP_IP_REPUTATION, strcmp(range->meaning, "documentation") == 0 ? 0 : 100,
                     "special-purpose address",
                     arena_printf(in->arena, "%s address (%s)", range->meaning, range->reference));
}

static void judge_allowlist(struct evidence *in) {
    struct text allowed = in->facts->customer.allowlisted_by;
    if (allowed.at != NULL && evidence_agent_spoke(in, AGENT_CONFIG))
        fp_tally_add(&in->tally, FP_IP_REPUTATION, 300, "allowlisted",
                     arena_printf(in->arena, "allowlisted by %.*s", PHRASE(allowed)));
}

static void judge_address(struct evidence *in) {
    judge_allowlist(in);
    if (!evidence_agent_spoke(in, AGENT_CONTEXT)) {
        evidence_add_plain(in, FP_IP_REPUTATION, 0, "context agent is missing");
        return;
    }
    judge_intel(in);
    judge_range(in);
    if (in->facts->intel_lists == 0)
        evidence_add_plain(in, FP_IP_REPUTATION, 0, "reputation unknown");
}

void evidence_of_source(struct evidence *in) {
    judge_name(in);
    judge_address(in);
}
