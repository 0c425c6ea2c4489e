#include "tests/support/analysis_checks.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "shared/agents/agents.h"
#include "shared/agents/risk_model.h"
#include "shared/analyzers/fp_tally.h"
#include "shared/analyzers/guardrails.h"

/* Of an impact: a double that is no whole thousandth is a mistake, not rounding. */
static const double rounding = 1e-9;

enum {
    RISK_MOST = 100,
    NEUTRAL_MILLI = 500,
    MOST_MILLI = 1000,
    LIKELY_FP_MILLI = 700,
    LIKELY_REAL_MILLI = 300
};

static char told[160];

#define FAIL(...) (snprintf(told, sizeof(told), __VA_ARGS__), told)

static const char *check_risk(const struct analysis *analysis) {
    int sum = 0;
    for (unsigned i = 0; i < analysis->risk_factor_count; i++)
        sum += analysis->risk_factors[i].points;
    if (analysis->risk_factor_count == 0 || analysis->risk_factor_count > RISK_FACTORS_MAX)
        return FAIL("%u risk factors", analysis->risk_factor_count);
    if (sum != analysis->risk_score || sum < 0 || sum > RISK_MOST)
        return FAIL("risk score %d, factors sum to %d", analysis->risk_score, sum);
    return analysis->severity == risk_severity(sum) ? NULL : FAIL("severity does not follow from %d", sum);
}

static bool is_milli(double value, long *milli) {
    *milli = lround(value * MOST_MILLI);
    return fabs(value * MOST_MILLI - (double)*milli) < rounding * MOST_MILLI;
}

static const char *check_categories(const long *categories) {
    for (int category = 0; category < FP_CATEGORY_COUNT; category++)
        if (labs(categories[category]) > fp_tally_bound((enum fp_category)category))
            return FAIL("category %d sums to %ld", category, categories[category]);
    return NULL;
}

static const char *check_fp(const struct fp_score *fp) {
    long categories[FP_CATEGORY_COUNT] = {0}, sum = NEUTRAL_MILLI, milli, score;
    for (unsigned i = 0; i < fp->indicator_count; i++) {
        if (!is_milli(fp->indicators[i].impact, &milli))
            return FAIL("impact %.17g is no whole thousandth", fp->indicators[i].impact);
        categories[fp->indicators[i].category] += milli;
        sum += milli;
    }
    sum = sum < 0 ? 0 : sum > MOST_MILLI ? MOST_MILLI : sum;
    if (fp->indicator_count > FP_INDICATORS_MAX || !is_milli(fp->score, &score) || score != sum)
        return FAIL("score %.17g of %u indicators that sum to %ld", fp->score, fp->indicator_count, sum);
    enum recommendation recommendation = score >= LIKELY_FP_MILLI     ? RECOMMEND_LIKELY_FP
                                         : score <= LIKELY_REAL_MILLI ? RECOMMEND_LIKELY_REAL
                                                                      : RECOMMEND_NEEDS_REVIEW;
    if (fp->recommendation != recommendation)
        return FAIL("recommendation %d at %ld", (int)fp->recommendation, score);
    if (!(fp->confidence >= 0 && fp->confidence <= 1) || !(fp->historical_fp_rate <= 1))
        return FAIL("confidence %g, rate %g", fp->confidence, fp->historical_fp_rate);
    return check_categories(categories);
}

static const char *check_agents(const struct analysis *analysis) {
    for (int agent = 0; agent < AGENT_COUNT; agent++) {
        const struct agent_report *report = &analysis->agents[agent];
        const struct agent_row *row = agent_rows[agent];
        if (report->finding_count > FINDINGS_MAX || report->recommendation_count > RECOMMENDATIONS_MAX)
            return FAIL("%s says too much", row->name);
        if (report->available != (report->unavailable_because.len == 0))
            return FAIL("%s is away without a reason, or here with one", row->name);
        if (report->available &&
            !(report->confidence >= row->confidence_min && report->confidence <= row->confidence_max))
            return FAIL("%s is %.17g sure", row->name, report->confidence);
        if (measured_agent_steps(&analysis->measured, (enum agent)agent) >
                analysis->measured.agent_deadline_ms * MEASURED_STEPS_PER_MS &&
            report->available)
            return FAIL("%s was late and is heard", row->name);
    }
    return NULL;
}

/* Said here once more, in the contract's words: guardrails.c may not be its own judge. */
static bool is_protected(const struct facts *facts) {
    bool shared = false;
    for (unsigned i = 0; i < facts->intel_count; i++)
        shared |= facts->intel[i].category == INTEL_TOR || facts->intel[i].category == INTEL_VPN ||
                  facts->intel[i].category == INTEL_SHARED_EGRESS;
    return facts->customer.allowlisted_by.at != NULL || facts->range.cidr != NULL ||
           facts->crawler.verdict == CRAWLER_VERIFIED || shared;
}

static const char *check_action(const struct response_action *action, const struct facts *facts) {
    bool cuts_off = action->action_type == ACTION_BLOCK_IP || action->action_type == ACTION_QUARANTINE;
    if (cuts_off && is_protected(facts))
        return FAIL("a protected address is cut off");
    if (cuts_off != guardrails_blocks(action->action_type))
        return FAIL("action %d is not known to cut off", (int)action->action_type);
    if (action->auto_executable && (action->requires_approval || !facts->context_available ||
                                    !facts->customer.known || !facts->customer.auto_block))
        return FAIL("action %d would run without leave", (int)action->action_type);
    if (cuts_off && !action->auto_executable && !action->requires_approval)
        return FAIL("action %d neither runs nor asks", (int)action->action_type);
    if (!(action->confidence >= 0 && action->confidence <= 1) || action->target.len == 0)
        return FAIL("action %d: confidence %g", (int)action->action_type, action->confidence);
    return NULL;
}

static const char *check_plan(const struct analysis *analysis) {
    const struct response_plan *plan = &analysis->plan;
    const char *wrong = check_action(&plan->primary, analysis->facts);
    unsigned seen = 1u << plan->primary.action_type;
    if (plan->secondary_count > ACTIONS_MAX || plan->escalation_count > ESCALATIONS_MAX)
        return FAIL("too many actions or escalations");
    for (unsigned i = 0; wrong == NULL && i < plan->secondary_count; i++) {
        wrong = check_action(&plan->secondary[i], analysis->facts);
        if (wrong == NULL && (seen & 1u << plan->secondary[i].action_type) != 0)
            wrong = FAIL("action %d is planned twice", (int)plan->secondary[i].action_type);
        seen |= 1u << plan->secondary[i].action_type;
    }
    if (wrong == NULL && (plan->sla_minutes < 1 || plan->sla_due_at_ms <= analysis->created_at_ms))
        wrong = FAIL("due after %lld min", (long long)plan->sla_minutes);
    if (wrong == NULL && !(plan->overall_confidence >= 0 && plan->overall_confidence <= 1))
        wrong = FAIL("overall confidence %g", plan->overall_confidence);
    return wrong;
}

static bool asks_for_approval(const struct response_plan *plan) {
    bool asks = plan->primary.requires_approval;
    for (unsigned i = 0; i < plan->secondary_count; i++)
        asks |= plan->secondary[i].requires_approval;
    return asks;
}

static const char *check_review(const struct analysis *analysis) {
    bool silent = false;
    for (int agent = 0; agent < AGENT_COUNT; agent++)
        silent |= !analysis->agents[agent].available;
    bool due = analysis->fp.recommendation == RECOMMEND_NEEDS_REVIEW ||
               analysis->severity == SEVERITY_CRITICAL || silent || asks_for_approval(&analysis->plan);
    if (analysis->requires_human_review != due || (analysis->review_reason_count > 0) != due)
        return FAIL("review due: %d, asked for: %d by %u reasons", due, analysis->requires_human_review,
                    analysis->review_reason_count);
    return NULL;
}

static const char *check_timeline(const struct analysis *analysis) {
    const struct timeline *timeline = &analysis->timeline;
    int64_t before_ms = timeline->start_ms;
    int kind = 0;
    double sum = 0;
    for (unsigned i = 0; i < timeline->event_count; i++) {
        if (timeline->events[i].timestamp_ms < before_ms || (int)timeline->events[i].kind < kind)
            return FAIL("event %u comes before the one before", i);
        before_ms = timeline->events[i].timestamp_ms;
        kind = (int)timeline->events[i].kind;
    }
    for (int phase = 0; phase < PHASE_COUNT; phase++) {
        if (timeline->phase_ms[phase] < 0)
            return FAIL("phase %d takes %g ms", phase, timeline->phase_ms[phase]);
        sum += round(timeline->phase_ms[phase] * MEASURED_STEPS_PER_MS);
    }
    if (before_ms > timeline->end_ms || timeline->start_ms != analysis->created_at_ms ||
        timeline->end_ms != analysis->completed_at_ms)
        return FAIL("the timeline leaves its bounds");
    if (sum != round(timeline->duration_ms * MEASURED_STEPS_PER_MS))
        return FAIL("phases sum to %g steps, duration %g ms", sum, timeline->duration_ms);
    return timeline->duration_ms == analysis->total_processing_time_ms ? NULL : FAIL("two durations");
}

const char *analysis_check(const struct analysis *analysis) {
    const char *wrong = check_risk(analysis);
    if (wrong == NULL)
        wrong = check_fp(&analysis->fp);
    if (wrong == NULL)
        wrong = check_agents(analysis);
    if (wrong == NULL)
        wrong = check_plan(analysis);
    if (wrong == NULL)
        wrong = check_review(analysis);
    return wrong != NULL ? wrong : check_timeline(analysis);
}
