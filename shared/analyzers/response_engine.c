#include <math.h>

#include "shared/agents/volume.h"
#include "shared/analyzers/analyzers.h"
#include "shared/analyzers/guardrails.h"
#include "shared/analyzers/response_templates.h"

enum { SLA_MINUTES_MAX = 10 * 365 * 1440, MS_PER_MINUTE = 60000 };

static const double downgrade_above = 0.7, escalate_below = 0.3, high_confidence = 0.75;

/* What every action of a plan needs to know. */
struct planning {
    const struct analysis *analysis;
    struct arena *arena;
    struct text address;
    enum urgency urgency;
    enum severity severity; /* of the template: one step up when the score says that it is real */
    struct protection protection;
};

static struct text parameters_of(enum action_type action, const struct planning *planning) {
    static const struct text ttl[SEVERITY_CRITICAL + 1] = {{"{\"ttl_seconds\":900}", 19},
                                                           {"{\"ttl_seconds\":3600}", 20},
                                                           {"{\"ttl_seconds\":14400}", 21},
                                                           {"{\"ttl_seconds\":86400}", 21}};
    if (guardrails_blocks(action))
        return ttl[planning->severity];
    if (action != ACTION_RATE_LIMIT)
        return TEXT_NONE;
    struct volume volume = volume_measure(planning->analysis->signal, planning->analysis->facts);
    double half = floor(volume.per_minute / 2);
    long long limit = volume.limit > 0 ? (long long)volume.limit : half < 1 ? 1 : (long long)half;
    return arena_printf(planning->arena, "{\"requests_per_minute\":%lld}", limit);
}

static struct text impact_of(enum action_type action) {
    static const struct text impacts[ACTION_TYPE_COUNT] = {
        [ACTION_BLOCK_IP] = {"all traffic of the address stops", 32},
        [ACTION_RATE_LIMIT] = {"traffic above the limit is refused", 34},
        [ACTION_CHALLENGE] = {"visitors must pass a challenge", 30},
        [ACTION_WHITELIST] = {"later traffic passes unseen", 27},
        [ACTION_ESCALATE] = {"takes a person's time", 21},
        [ACTION_QUARANTINE] = {"its sessions are cut off", 24},
    };
    return impacts[action];
}

/* How far the score supports acting against the source, or sparing it. */
static double confidence_of(enum action_type action, const struct fp_score *fp) {
    double support = 1 - fp->score;
    if (action == ACTION_MONITOR || action == ACTION_WHITELIST)
        support = fmax(fp->score, 0.5);
    return (support + fp->confidence) / 2;
}

static bool may_run_alone(enum action_type action, double confidence, const struct facts *facts) {
    return action != ACTION_MONITOR && action != ACTION_WHITELIST && facts->context_available &&
           facts->customer.known && facts->customer.auto_block && confidence >= high_confidence;
}

static bool needs_approval(enum action_type action) {
    return guardrails_blocks(action) || action == ACTION_WHITELIST;
}

static struct response_action action_plan(enum action_type action, struct text reason,
                                          const struct planning *planning) {
    const struct analysis *analysis = planning->analysis;
    double confidence = confidence_of(action, &analysis->fp);
    bool alone = may_run_alone(action, confidence, analysis->facts);
    return (struct response_action){
        .action_type = action,
        .urgency = planning->urgency,
        .target = planning->address,
        .reason = reason,
        .parameters = parameters_of(action, planning),
        .auto_executable = alone,
        .requires_approval = !alone && needs_approval(action),
        .confidence = confidence,
    };
}

/* A backup is for when the first action did not help: somebody has to see that. */
static void wait_for_a_person(struct response_action *action) {
    action->auto_executable = false;
    action->requires_approval = needs_approval(action->action_type);
}

static bool is_planned(const struct response_plan *plan, enum action_type action) {
    for (unsigned i = 0; i < plan->secondary_count; i++)
        if (plan->secondary[i].action_type == action)
            return true;
    return plan->primary.action_type == action;
}

static struct text spared_reason(enum action_type wanted, const struct planning *planning) {
    struct text because = planning->protection.because;
    return arena_printf(planning->arena, "not %s: %.*s",
                        vocabulary_word(&vocabulary_action_type, (int)wanted), (int)because.len, because.at);
}

/* `wanted` may be ACTION_NONE; what is planned already is not planned twice. */
static void add_secondary(struct response_plan *plan, int wanted, struct text reason,
                          const struct planning *planning) {
    if (wanted == ACTION_NONE)
        return;
    enum action_type action = guardrails_apply(&planning->protection, (enum action_type)wanted);
    if (action != (enum action_type)wanted)
        reason = spared_reason((enum action_type)wanted, planning);
    if (!is_planned(plan, action))
        plan->secondary[plan->secondary_count++] = action_plan(action, reason, planning);
}

static struct text primary_reason(enum action_type wanted, const struct planning *planning) {
    const struct analysis *analysis = planning->analysis;
    double score = analysis->fp.score;
    const char *severity = vocabulary_word(&vocabulary_severity, (int)analysis->severity);
    if (planning->protection.because.at != NULL && guardrails_blocks(wanted))
        return spared_reason(wanted, planning);
    if (score > downgrade_above)
        return arena_printf(planning->arena, "score %.3g: likely false", score);
    if (planning->severity != analysis->severity)
        return arena_printf(planning->arena, "score %.3g raises %s to %s", score, severity,
                            vocabulary_word(&vocabulary_severity, (int)planning->severity));
    return arena_printf(planning->arena, "%s risk, score %.3g", severity, score);
}

/* Likely false: watch, and have the template's answer ready; when analysts keep saying so, offer an end to
 * it. */
static struct response_template downgraded(const struct response_template *template,
                                           const struct analysis *analysis) {
    const struct fp_score *fp = &analysis->fp;
    bool settled = fp->similar_resolved_as_fp >= 3 && fp->similar_resolved_as_real == 0 &&
                   analysis->facts->customer.allowlisted_by.at == NULL;
    return (struct response_template){ACTION_MONITOR, URGENCY_LOW, settled ? ACTION_WHITELIST : ACTION_NONE,
                                      template->primary};
}

static void plan_actions(struct planning *planning, struct response_plan *plan) {
    const struct analysis *analysis = planning->analysis;
    struct response_template template =
        *response_template_find(analysis->signal->threat_type, planning->severity);
    if (analysis->fp.score > downgrade_above)
        template = downgraded(&template, analysis);
    planning->urgency = template.urgency;
    enum action_type wanted = (enum action_type) template.primary;
    enum action_type primary = guardrails_apply(&planning->protection, wanted);
    plan->primary = action_plan(primary, primary_reason(wanted, planning), planning);
    plan->primary.estimated_impact = impact_of(primary);
    add_secondary(plan, template.secondary, TEXT_LITERAL("secondary"), planning);
    unsigned before = plan->secondary_count;
    planning->urgency = URGENCY_LOW;
    add_secondary(plan, template.backup, TEXT_LITERAL("backup"), planning);
    if (plan->secondary_count > before)
        wait_for_a_person(&plan->secondary[before]);
}

static void plan_sla(int64_t now_ms, const struct analysis *analysis, struct response_plan *plan) {
    static const int minutes[SEVERITY_CRITICAL + 1] = {1440, 240, 60, 15};
    static const int percent[TIER_COUNT] = {
        [TIER_STANDARD] = 100, [TIER_PREMIUM] = 75, [TIER_ENTERPRISE] = 50};
    const struct customer_facts *customer = &analysis->facts->customer;
    int64_t agreed = customer->sla_minutes[analysis->severity];
    if (agreed > 0)
        plan->sla_minutes = agreed < SLA_MINUTES_MAX ? agreed : SLA_MINUTES_MAX;
    else
        plan->sla_minutes = minutes[analysis->severity] * percent[customer->tier] / 100;
    plan->sla_due_at_ms = now_ms + plan->sla_minutes * MS_PER_MINUTE;
}

/* "soc-tier-1", or "soc-tier-1: a@x b@y" when the customer names whom to tell. */
static struct text escalation_to(int level, struct text contacts, struct arena *arena) {
    const char *word = vocabulary_word(&vocabulary_escalation_level, level);
    if (contacts.at == NULL)
        return text_of(word);
    return arena_printf(arena, "%s: %.*s", word, (int)contacts.len, contacts.at);
}

static void plan_escalation(const struct analysis *analysis, struct arena *arena,
                            struct response_plan *plan) {
    static const int steps[SEVERITY_CRITICAL + 1] = {0, 1, 2, 3};
    const struct customer_facts *customer = &analysis->facts->customer;
    int reached = steps[analysis->severity] + (customer->tier == TIER_ENTERPRISE);
    for (int level = 0; level < reached; level++)
        plan->escalation_path[plan->escalation_count++] =
            escalation_to(level, customer->contacts[level], arena);
}

static double overall_confidence(const struct analysis *analysis, const struct response_plan *plan) {
    double sum = 0;
    for (int agent = 0; agent < AGENT_COUNT; agent++)
        sum += analysis->agents[agent].available ? analysis->agents[agent].confidence : 0;
    return (plan->primary.confidence + sum / AGENT_COUNT) / 2;
}

void response_plan_build(int64_t now_ms, struct arena *arena, struct analysis *analysis) {
    struct response_plan *plan = &analysis->plan;
    *plan = (struct response_plan){0};
    char *address = arena_take(arena, ADDRESS_TEXT_MAX);
    struct planning planning = {
        .analysis = analysis,
        .arena = arena,
        .address = {address, address_write(&analysis->signal->source_ip, address)},
        .severity = analysis->severity,
        .protection = guardrails_find(analysis->facts, arena),
    };
    if (analysis->fp.score < escalate_below && planning.severity < SEVERITY_CRITICAL)
        planning.severity++;
    plan_actions(&planning, plan);
    plan_sla(now_ms, analysis, plan);
    plan_escalation(analysis, arena, plan);
    plan->overall_confidence = overall_confidence(analysis, plan);
}
