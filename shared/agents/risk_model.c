#include "shared/agents/risk_model.h"

#include "shared/agents/attack_map.h"
#include "shared/agents/infra_strength.h"
#include "shared/agents/phrase.h"
#include "shared/agents/raw_data.h"
#include "shared/agents/volume.h"

enum { RISK_MAX = 100, SUSTAINED_MINUTES_MIN = 60, RAW_FACTORS_MAX = 2, JUDGED_FOR_FULL_WEIGHT = 3 };

struct risk_input {
    const struct signal *signal;
    const struct facts *facts;
    struct raw_data raw;
    struct volume volume;
    struct arena *arena;
};

struct threshold {
    double from;
    int points;
};

/* The points of the highest step that is reached; rows from high to low, the last one is 0. */
static int points_at(const struct threshold *steps, double value) {
    while (steps->points != 0 && value < steps->from)
        steps++;
    return steps->points;
}

int risk_base_points(enum threat_type type) {
    static const int points[THREAT_TYPE_COUNT] = {
        [THREAT_BOT_TRAFFIC] = 20,       [THREAT_CREDENTIAL_STUFFING] = 40, [THREAT_ACCOUNT_TAKEOVER] = 50,
        [THREAT_DATA_SCRAPING] = 25,     [THREAT_GEO_ANOMALY] = 30,         [THREAT_RATE_LIMIT_BREACH] = 20,
        [THREAT_BRUTE_FORCE] = 35,       [THREAT_PROXY_NETWORK] = 25,       [THREAT_DEVICE_COMPROMISE] = 50,
        [THREAT_ANOMALY_DETECTION] = 25,
    };
    return points[type];
}

enum severity risk_severity(int risk_score) {
    static const struct {
        int from;
        enum severity severity;
    } steps[] = {{80, SEVERITY_CRITICAL}, {60, SEVERITY_HIGH}, {35, SEVERITY_MEDIUM}};
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        if (risk_score >= steps[i].from)
            return steps[i].severity;
    return SEVERITY_LOW;
}

static void add(struct analysis *analysis, struct text factor, int points) {
    if (points == 0 || analysis->risk_factor_count == RISK_FACTORS_MAX)
        return;
    analysis->risk_factors[analysis->risk_factor_count++] = (struct risk_factor){factor, points};
    analysis->risk_score += points;
}

static void add_volume(const struct risk_input *in, struct analysis *analysis) {
    static const struct threshold rate_steps[] = {{1000, 40}, {100, 34}, {50, 28}, {10, 20},
                                                  {5, 15},    {2, 10},   {1, 5},   {0, 0}};
    char number[VOLUME_NUMBER_MAX];
    int points = points_at(rate_steps, in->volume.ratio);
    if (points == 0)
        return;
    add(analysis, arena_printf(in->arena, "%s times the limit", volume_number(in->volume.ratio, number)),
        points);
    if (in->signal->time_window_minutes >= SUSTAINED_MINUTES_MIN)
        add(analysis,
            arena_printf(in->arena, "sustained for %lld min", (long long)in->signal->time_window_minutes), 5);
}

static void add_tier(const struct risk_input *in, struct analysis *analysis) {
    if (!in->facts->context_available)
        return;
    if (in->facts->customer.tier == TIER_PREMIUM)
        add(analysis, TEXT_LITERAL("tier premium"), 3);
    if (in->facts->customer.tier == TIER_ENTERPRISE)
        add(analysis, TEXT_LITERAL("tier enterprise"), 6);
}

static int intel_points(const struct intel_fact *fact) {
    static const int points[INTEL_CATEGORY_COUNT] = {
        [INTEL_BLOCKLIST] = 10, [INTEL_TOR] = 10,    [INTEL_PROXY] = 8,
        [INTEL_VPN] = 5,        [INTEL_HOSTING] = 5, [INTEL_SCANNER] = -10,
    };
    unsigned sureness = fact->score > 100 ? 100 : fact->score;
    return points[fact->category] + (fact->category == INTEL_BLOCKLIST ? (int)(sureness / 5) : 0);
}

/* Only the weightiest hit counts: lists copy from each other. */
static void add_intel(const struct risk_input *in, struct analysis *analysis) {
    const struct intel_fact *weightiest = NULL;
    int most = 0;
    for (unsigned i = 0; i < in->facts->intel_count; i++) {
        int points = intel_points(&in->facts->intel[i]);
        if ((points < 0 ? -points : points) > (most < 0 ? -most : most)) {
            most = points;
            weightiest = &in->facts->intel[i];
        }
    }
    if (weightiest == NULL)
        return;
    struct text as_of = weightiest->as_of.len > 0 ? weightiest->as_of : TEXT_LITERAL("unknown date");
    add(analysis,
        arena_printf(in->arena, "on %s list %.*s (data of %.*s)",
                     vocabulary_word(&vocabulary_intel_category, weightiest->category),
                     PHRASE(weightiest->list), PHRASE(as_of)),
        most);
}

static void add_address(const struct risk_input *in, struct analysis *analysis) {
    static const struct {
        struct text factor;
        int points;
    } crawler[CRAWLER_VERDICT_COUNT] = {
        [CRAWLER_VERIFIED] = {{"verified crawler", 16}, -30},
        [CRAWLER_PRETENDED] = {{"pretends to be a crawler", 24}, 20},
    };
    enum crawler_verdict verdict = in->facts->crawler.verdict;
    add(analysis, crawler[verdict].factor, crawler[verdict].points);
    if (in->facts->range.cidr != NULL)
        add(analysis, arena_printf(in->arena, "%s address", in->facts->range.meaning), -10);
}

static void add_infra(const struct risk_input *in, struct analysis *analysis) {
    static const int points[] = {[INFRA_EXPLAINS_WEAKLY] = -10, [INFRA_EXPLAINS_WELL] = -25};
    const struct infra_fact *event = infra_strongest(in->facts, in->signal->threat_type);
    if (event == NULL)
        return;
    add(analysis,
        arena_printf(in->arena, "%s %.*s at the time", vocabulary_word(&vocabulary_infra_kind, event->kind),
                     PHRASE(event->id)),
        points[infra_strength_of(event->kind, in->signal->threat_type)]);
}

static void add_history(const struct risk_input *in, struct analysis *analysis) {
    const struct history *address = &in->facts->address_history, *customer = &in->facts->customer_history;
    const struct history *history =
        address->true_positives + address->false_positives > 0 ? address : customer;
    double real = (double)history->true_positives, falsely = (double)history->false_positives;
    double judged = real + falsely,
           weight = judged > JUDGED_FOR_FULL_WEIGHT ? judged : JUDGED_FOR_FULL_WEIGHT;
    int points = (int)(15 * (real - falsely) / weight);
    if (!in->facts->history_available || points == 0)
        return;
    add(analysis,
        arena_printf(in->arena, "%.0f of %.0f judged cases of the %s were real", real, judged,
                     history == address ? "address" : "customer"),
        points);
}

static struct risk_factor factor_of_names(const struct risk_input *in) {
    static const struct threshold steps[] = {{10, 10}, {3, 5}, {0, 0}};
    int points = points_at(steps, (double)in->raw.distinct_usernames);
    if (points == 0)
        return (struct risk_factor){TEXT_NONE, 0};
    return (struct risk_factor){
        arena_printf(in->arena, "%lld user names", (long long)in->raw.distinct_usernames), points};
}

static struct risk_factor factor_of_paths(const struct risk_input *in) {
    const unsigned *paths = in->raw.paths;
    if (paths[PATH_INJECTION] > 0)
        return (struct risk_factor){TEXT_LITERAL("injection payload"), 20};
    if (paths[PATH_EXPLOIT] > 0)
        return (struct risk_factor){TEXT_LITERAL("exploit probing"), 15};
    if (paths[PATH_MALFORMED] > 0)
        return (struct risk_factor){TEXT_LITERAL("requests that name no path"), 10};
    if (paths[PATH_WORDLIST] > 0)
        return (struct risk_factor){TEXT_LITERAL("wordlist paths"), paths[PATH_WORDLIST] > 1 ? 10 : 5};
    return (struct risk_factor){TEXT_NONE, 0};
}

static struct risk_factor factor_of_errors(const struct risk_input *in) {
    static const struct threshold steps[] = {{50, 8}, {25, 4}, {0, 0}};
    int64_t requests = in->signal->request_count;
    double percent =
        requests > 0 && in->raw.errors > 0 ? 100.0 * (double)in->raw.errors / (double)requests : 0;
    int points = points_at(steps, percent);
    if (points == 0)
        return (struct risk_factor){TEXT_NONE, 0};
    return (struct risk_factor){arena_printf(in->arena, "%.0f %% errors", percent), points};
}

/* The weightiest RAW_FACTORS_MAX of what raw_data tells: it is the reporter's word about itself. */
static void add_raw_data(const struct risk_input *in, struct analysis *analysis) {
    struct risk_factor told[] = {
        {TEXT_LITERAL("a login succeeded"), in->raw.successes > 0 ? 25 : 0},
        factor_of_names(in),
        factor_of_paths(in),
        factor_of_errors(in),
    };
    enum { TOLD = sizeof(told) / sizeof(told[0]) };
    for (int taken = 0; taken < RAW_FACTORS_MAX; taken++) {
        int weightiest = 0;
        for (int i = 1; i < TOLD; i++)
            if (told[i].points > told[weightiest].points)
                weightiest = i;
        add(analysis, told[weightiest].factor, told[weightiest].points);
        told[weightiest].points = 0;
    }
}

static void limit(struct analysis *analysis) {
    if (analysis->risk_score > RISK_MAX)
        add(analysis, TEXT_LITERAL("limited to 100"), RISK_MAX - analysis->risk_score);
    if (analysis->risk_score < 0)
        add(analysis, TEXT_LITERAL("limited to 0"), -analysis->risk_score);
}

static void map_attack(const struct risk_input *in, struct analysis *analysis) {
    struct attack_match match;
    attack_map_find(in->signal, in->facts, &in->raw, &match);
    analysis->technique_count = match.count;
    for (unsigned i = 0; i < match.count; i++)
        analysis->techniques[i] = match.techniques[i];
    analysis->automated_count = match.automated_count;
    memcpy(analysis->automated, match.automated, sizeof(analysis->automated));
}

void risk_model_apply(const struct signal *signal, const struct facts *facts, struct arena *arena,
                      struct analysis *analysis) {
    struct risk_input in = {signal, facts, .volume = volume_measure(signal, facts), .arena = arena};
    raw_data_read(signal, &in.raw);
    analysis->risk_score = 0;
    analysis->risk_factor_count = 0;
    add(analysis, text_of(vocabulary_word(&vocabulary_threat_type, signal->threat_type)),
        risk_base_points(signal->threat_type));
    add_volume(&in, analysis);
    add_tier(&in, analysis);
    add_intel(&in, analysis);
    add_address(&in, analysis);
    add_infra(&in, analysis);
    add_history(&in, analysis);
    add_raw_data(&in, analysis);
    limit(analysis);
    analysis->severity = risk_severity(analysis->risk_score);
    map_attack(&in, analysis);
}
