#include <math.h>

#include "shared/agents/infra_strength.h"
#include "shared/agents/judged_cases.h"
#include "shared/agents/phrase.h"
#include "shared/agents/raw_data.h"
#include "shared/agents/volume.h"
#include "shared/analyzers/analyzers.h"
#include "shared/analyzers/fp_tally.h"
#include "shared/analyzers/user_agent_kind.h"

enum { CLEAR_DIRECTION_MILLI = 50, JUDGED_FOR_FULL_WEIGHT = 4, ASSETS_MIN = 3 };

/* What the score is judged from. An agent that was given up takes its facts with it. */
struct evidence {
    const struct signal *signal;
    const struct facts *facts;
    const struct analysis *analysis;
    struct raw_data raw;
    struct volume volume;
    struct arena *arena;
    struct fp_tally tally;
};

static bool agent_spoke(const struct evidence *in, enum agent agent) {
    return in->analysis->agents[agent].available;
}

/* Text and label in one, for what names no number. */
static void add_plain(struct evidence *in, enum fp_category category, int milli, const char *label) {
    fp_tally_add(&in->tally, category, milli, label, text_of(label));
}

static void judge_user_agent(struct evidence *in) {
    static const struct {
        int milli;
        const char *label;
    } of_kind[USER_AGENT_KIND_COUNT] = {
        [USER_AGENT_ATTACK_TOOL] = {-200, "attack tool's user agent"},
        [USER_AGENT_AUTOMATED_BROWSER] = {-80, "automated browser"},
        [USER_AGENT_LIBRARY] = {-50, "HTTP library's user agent"},
        [USER_AGENT_ROBOT] = {20, "unproven robot's user agent"},
        [USER_AGENT_BROWSER] = {20, "browser-like user agent"},
    };
    enum user_agent_kind kind = user_agent_kind_of(in->signal->user_agent);
    if (kind == USER_AGENT_ABSENT && in->raw.service != RAW_SERVICE_SSH)
        add_plain(in, FP_USER_AGENT, in->raw.service == RAW_SERVICE_HTTP ? -100 : -50, "missing user agent");
    else if (of_kind[kind].label != NULL)
        add_plain(in, FP_USER_AGENT, of_kind[kind].milli, of_kind[kind].label);
}

static void judge_crawler(struct evidence *in) {
    static const struct {
        int milli;
        const char *label;
        const char *before;
        const char *behind;
    } of_verdict[CRAWLER_VERDICT_COUNT] = {
        [CRAWLER_VERIFIED] = {200, "verified crawler", "verified ", ""},
        [CRAWLER_PRETENDED] = {-200, "pretended crawler", "pretended ", ""},
        [CRAWLER_CANNOT_TELL] = {0, "crawler's claim", "claims to be ", ", unproven"},
    };
    const struct crawler_fact *crawler = &in->facts->crawler;
    enum crawler_verdict verdict = crawler->verdict;
    if (verdict == CRAWLER_NO_CLAIM) {
        judge_user_agent(in);
        return;
    }
    fp_tally_add(&in->tally, FP_USER_AGENT, of_verdict[verdict].milli, of_verdict[verdict].label,
                 arena_printf(in->arena, "%s%.*s%s", of_verdict[verdict].before, PHRASE(crawler->name),
                              of_verdict[verdict].behind));
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
        if (hit->category != INTEL_CRAWLER)
            fp_tally_add(&in->tally, FP_IP_REPUTATION, intel_milli(hit), category,
                         arena_printf(in->arena, "%s list %.*s", category, PHRASE(hit->list)));
    }
}

/* Addresses that documents use are what demonstrations send: told, and neither clean nor hostile. */
static void judge_address(struct evidence *in) {
    const struct range_fact *range = &in->facts->range;
    if (in->facts->customer.allowlisted_by.at != NULL)
        add_plain(in, FP_IP_REPUTATION, 300, "allowlisted");
    judge_intel(in);
    if (range->cidr != NULL)
        fp_tally_add(&in->tally, FP_IP_REPUTATION, strcmp(range->meaning, "documentation") == 0 ? 0 : 100,
                     "special-purpose address", arena_printf(in->arena, "%s address", range->meaning));
    if (!agent_spoke(in, AGENT_CONTEXT))
        add_plain(in, FP_IP_REPUTATION, 0, "context agent is missing");
    else if (in->facts->intel_lists == 0)
        add_plain(in, FP_IP_REPUTATION, 0, "reputation unknown");
}

static void judge_volume(struct evidence *in) {
    static const struct {
        double below;
        int milli;
        const char *label;
    } steps[] = {{0.1, 60, "volume far under the limit"}, {0.5, 40, "volume well under the limit"},
                 {1, 20, "volume under the limit"},       {2, 0, NULL},
                 {10, -50, "volume over the limit"},      {50, -100, "volume far over the limit"},
                 {INFINITY, -150, "volume of a flood"}};
    double ratio = in->volume.ratio;
    unsigned step = 0;
    if (in->volume.limit == 0 || !agent_spoke(in, AGENT_CONFIG))
        return;
    while (ratio >= steps[step].below)
        step++;
    /* Few requests are no excuse for trying to get in. */
    if (steps[step].milli < 0 || (steps[step].milli > 0 && volume_matters(in->signal->threat_type)))
        add_plain(in, FP_REQUEST_PATTERN, steps[step].milli, steps[step].label);
}

static void judge_logins(struct evidence *in) {
    const struct raw_data *raw = &in->raw;
    int milli = (raw->service == RAW_SERVICE_SSH ? -100 : 0) - (raw->default_usernames > 0 ? 50 : 0) -
                (raw->distinct_usernames >= 10  ? 60
                 : raw->distinct_usernames >= 3 ? 30
                                                : 0);
    if (raw->successes > 0)
        add_plain(in, FP_REQUEST_PATTERN, -100, "successful login");
    if (raw->distinct_usernames > 0 && milli != 0)
        fp_tally_add(&in->tally, FP_REQUEST_PATTERN, milli, "guessed logins",
                     arena_printf(in->arena, "%lld user names tried%s%s", (long long)raw->distinct_usernames,
                                  raw->service == RAW_SERVICE_SSH ? " over ssh" : "",
                                  raw->default_usernames > 0 ? ", default accounts" : ""));
}

static void judge_paths(struct evidence *in) {
    const unsigned *paths = in->raw.paths;
    if (paths[PATH_INJECTION] > 0)
        add_plain(in, FP_REQUEST_PATTERN, -150, "injection payload");
    if (paths[PATH_EXPLOIT] > 0)
        add_plain(in, FP_REQUEST_PATTERN, -120, "exploit probing");
    if (paths[PATH_WORDLIST] > 0)
        add_plain(in, FP_REQUEST_PATTERN, paths[PATH_WORDLIST] > 1 ? -100 : -50, "wordlist paths");
    if (paths[PATH_ASSET] >= ASSETS_MIN && 2 * paths[PATH_ASSET] >= in->raw.listed_paths)
        add_plain(in, FP_REQUEST_PATTERN, 80, "loads page assets");
    int64_t requests = in->signal->request_count, errors = in->raw.errors;
    if (requests > 0 && errors >= requests / 4.0)
        fp_tally_add(&in->tally, FP_REQUEST_PATTERN, errors >= requests / 2.0 ? -60 : -30, "errors",
                     arena_printf(in->arena, "%.0f %% errors", 100.0 * (double)errors / (double)requests));
}

static void judge_infra(struct evidence *in) {
    const struct infra_fact *event = infra_strongest(in->facts, in->signal->threat_type);
    if (event == NULL || !agent_spoke(in, AGENT_DEVOPS))
        return;
    bool well = infra_strength_of(event->kind, in->signal->threat_type) == INFRA_EXPLAINS_WELL;
    add_plain(in, FP_REQUEST_PATTERN, well ? 150 : 50,
              vocabulary_word(&vocabulary_infra_kind, (int)event->kind));
}

static void judge_verdicts(struct evidence *in, const struct history *history, const char *scope,
                           int most_milli) {
    double falsely = (double)history->false_positives, really = (double)history->true_positives;
    double judged = falsely + really, weight = fmax(judged, JUDGED_FOR_FULL_WEIGHT);
    if (judged == 0)
        return;
    fp_tally_add(&in->tally, FP_HISTORY, (int)(most_milli * (falsely - really) / weight),
                 "analysts' verdicts",
                 arena_printf(in->arena, "%s: %.0f of %.0f judged false", scope, falsely, judged));
}

static void judge_history(struct evidence *in) {
    const struct facts *facts = in->facts;
    if (!agent_spoke(in, AGENT_HISTORICAL)) {
        add_plain(in, FP_HISTORY, 0, "history is missing");
        return;
    }
    judge_verdicts(in, &facts->address_history, "address", 200);
    judge_verdicts(in, &facts->customer_history, "customer", 100);
    judge_verdicts(in, &facts->agent_history, "user agent", 100);
    if (facts->address_history.total > 0 && !volume_matters(in->signal->threat_type))
        fp_tally_add(&in->tally, FP_HISTORY, facts->address_history.total >= 3 ? -100 : -50,
                     "recurring address",
                     arena_printf(in->arena, "earlier cases of the address: %llu",
                                  (unsigned long long)facts->address_history.total));
}

/* How sure the agents are strengthens what the rest says, and never turns it. */
static void judge_agents(struct evidence *in) {
    double sum = 0;
    int speaking = 0, direction = in->tally.sum_milli;
    for (int agent = 0; agent < AGENT_COUNT; agent++)
        if (agent_spoke(in, (enum agent)agent)) {
            sum += in->analysis->agents[agent].confidence;
            speaking++;
        }
    if (speaking == 0 || (direction < CLEAR_DIRECTION_MILLI && direction > -CLEAR_DIRECTION_MILLI))
        return;
    double mean = sum / speaking;
    int milli = (int)lround((mean - 0.5) * 200 * speaking / AGENT_COUNT);
    if (milli > 0)
        fp_tally_add(&in->tally, FP_AGENT_CONFIDENCE, direction > 0 ? milli : -milli, "agents' confidence",
                     arena_printf(in->arena, "agents %.2f sure", mean));
}

static double confidence_of(const struct evidence *in, const struct judged_cases *cases) {
    double confidence = 0.95;
    for (int agent = 0; agent < AGENT_COUNT; agent++)
        confidence -= agent_spoke(in, (enum agent)agent) ? 0 : 0.10;
    confidence -= cases->scope == NULL ? 0.10 : 0;
    confidence -= in->facts->intel_lists == 0 ? 0.10 : 0;
    confidence -= in->volume.limit == 0 ? 0.05 : 0;
    confidence -= in->signal->raw_data.at == NULL ? 0.05 : 0;
    return fmax(confidence, 0.10);
}

static void tell_similar(const struct judged_cases *cases, struct fp_score *fp) {
    fp->historical_fp_rate = judged_cases_fp_rate(cases);
    fp->similar_resolved_as_fp = (unsigned)cases->false_positives;
    fp->similar_resolved_as_real = (unsigned)cases->true_positives;
}

void false_positive_score(struct arena *arena, struct analysis *analysis) {
    struct evidence in = {
        .signal = analysis->signal, .facts = analysis->facts, .analysis = analysis, .arena = arena};
    raw_data_read(in.signal, &in.raw);
    in.volume = volume_measure(in.signal, in.facts);
    fp_tally_init(&in.tally, &analysis->fp);
    judge_crawler(&in);
    judge_address(&in);
    judge_volume(&in);
    judge_logins(&in);
    judge_paths(&in);
    judge_infra(&in);
    judge_history(&in);
    judge_agents(&in);
    struct judged_cases cases =
        agent_spoke(&in, AGENT_HISTORICAL) ? judged_cases_find(in.facts) : (struct judged_cases){0};
    analysis->fp.confidence = confidence_of(&in, &cases);
    tell_similar(&cases, &analysis->fp);
    fp_tally_close(&in.tally, arena);
}
