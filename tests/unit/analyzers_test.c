#include <criterion/criterion.h>
#include <math.h>

#include "shared/analyzers/analyzers.h"
#include "shared/analyzers/fp_tally.h"
#include "shared/analyzers/guardrails.h"
#include "shared/analyzers/response_templates.h"
#include "shared/analyzers/user_agent_kind.h"
#include "tests/unit/analysis_fixture.h"

enum { RANDOM_WORLDS = 200000 };

TestSuite(analyzers, .timeout = 60);

static struct arena arena;
static struct signal signal;
static struct facts facts;
static struct analysis analysis;

static void begin(void) {
    signal = (struct signal){.threat_type = THREAT_BOT_TRAFFIC,
                             .customer_id = TEXT_LITERAL("acme"),
                             .customer_name = TEXT_LITERAL("Acme"),
                             .user_agent = TEXT_LITERAL("unheard-of"),
                             .request_count = 100,
                             .time_window_minutes = 1,
                             .detected_at_ms = FIXTURE_NOW_MS,
                             .raw_data = TEXT_LITERAL("{\"service\":\"http\"}")};
    facts = (struct facts){.history_available = true,
                           .context_available = true,
                           .customer = {.known = true, .requests_per_minute = 60},
                           .intel_lists = 1};
}

static void finish(void) {
    arena_fini(&arena);
}

static void analyze(void) {
    fixture_analyze(&signal, &facts, 1000, &arena, &analysis);
}

static const struct fp_indicator *indicator_of(enum fp_category category) {
    for (unsigned i = 0; i < analysis.fp.indicator_count; i++)
        if (analysis.fp.indicators[i].category == category)
            return &analysis.fp.indicators[i];
    return NULL;
}

static bool says(struct text text, const char *words) {
    return memmem(text.at, text.len, words, strlen(words)) != NULL;
}

static struct text all_reasons(void) {
    static char joined[500];
    size_t len = 0;
    for (unsigned i = 0; i < analysis.review_reason_count; i++)
        len += (size_t)snprintf(joined + len, sizeof(joined) - len, "%.*s|",
                                (int)analysis.review_reasons[i].len, analysis.review_reasons[i].at);
    return (struct text){joined, len};
}

Test(analyzers, a_category_is_cut_at_its_bound_and_still_sums, .fini = finish) {
    struct fp_score fp = {0};
    struct fp_tally tally;
    fp_tally_init(&tally, &fp);
    fp_tally_add(&tally, FP_USER_AGENT, 150, "a", TEXT_LITERAL("a"));
    fp_tally_add(&tally, FP_USER_AGENT, 90, "b", TEXT_LITERAL("b"));
    fp_tally_add(&tally, FP_USER_AGENT, 10, "c", TEXT_LITERAL("c"));
    fp_tally_add(&tally, FP_USER_AGENT, 0, "claim", TEXT_LITERAL("claim"));
    fp_tally_add(&tally, FP_USER_AGENT, -30, "d", TEXT_LITERAL("d"));
    fp_tally_add(&tally, FP_HISTORY, -999, "e", TEXT_LITERAL("e"));
    fp_tally_close(&tally, &arena);
    cr_assert_eq(fp.indicator_count, 5);
    cr_assert_float_eq(fp.indicators[1].impact, 0.05, 1e-12);
    cr_assert_float_eq(fp.indicators[2].impact, 0, 1e-12);
    cr_assert_float_eq(fp.indicators[4].impact, -0.2, 1e-12);
    cr_assert_float_eq(fp.score, 0.47, 1e-12);
    cr_assert(says(fp.explanation, "For a false positive: a; for a real threat: e"));
}

Test(analyzers, recommendations_begin_at_their_thresholds, .fini = finish) {
    static const struct {
        int ip_milli, agent_milli;
        enum recommendation recommendation;
    } rows[] = {{200, 0, RECOMMEND_LIKELY_FP},      {199, 0, RECOMMEND_NEEDS_REVIEW},
                {-199, 0, RECOMMEND_NEEDS_REVIEW},  {-200, 0, RECOMMEND_LIKELY_REAL},
                {0, 0, RECOMMEND_NEEDS_REVIEW},     {300, 200, RECOMMEND_LIKELY_FP},
                {-300, -200, RECOMMEND_LIKELY_REAL}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fp_score fp = {0};
        struct fp_tally tally;
        fp_tally_init(&tally, &fp);
        fp_tally_add(&tally, FP_IP_REPUTATION, rows[i].ip_milli, "ip", TEXT_LITERAL("ip"));
        fp_tally_add(&tally, FP_USER_AGENT, rows[i].agent_milli, "ua", TEXT_LITERAL("ua"));
        fp_tally_close(&tally, &arena);
        cr_assert_eq(fp.recommendation, rows[i].recommendation, "row %zu", i);
    }
}

Test(analyzers, crawlers_count_by_proof_and_claims_are_only_told, .init = begin, .fini = finish) {
    static const double impacts[CRAWLER_VERDICT_COUNT] = {
        [CRAWLER_VERIFIED] = 0.2, [CRAWLER_PRETENDED] = -0.2, [CRAWLER_CANNOT_TELL] = 0};
    for (int verdict = CRAWLER_VERIFIED; verdict < CRAWLER_VERDICT_COUNT; verdict++) {
        facts.crawler = (struct crawler_fact){.verdict = (enum crawler_verdict)verdict,
                                              .name = TEXT_LITERAL("Googlebot")};
        analyze();
        const struct fp_indicator *indicator = indicator_of(FP_USER_AGENT);
        cr_assert_float_eq(indicator->impact, impacts[verdict], 1e-12);
        cr_assert(says(indicator->indicator, "Googlebot"));
    }
}

Test(analyzers, user_agents_are_known_by_their_looks) {
    static const struct {
        const char *user_agent;
        enum user_agent_kind kind;
    } rows[] = {
        {NULL, USER_AGENT_ABSENT},
        {"", USER_AGENT_ABSENT},
        {"Mozilla/5.0 (X11) Firefox/27.0", USER_AGENT_BROWSER},
        {"Mozilla/5.0 (compatible; Nuclei)", USER_AGENT_ATTACK_TOOL},
        {"Mozilla/5.0 (compatible; SomeBot/1.0)", USER_AGENT_ROBOT},
        {"Tiny Tiny RSS (+http://tt-rss.org/)", USER_AGENT_ROBOT},
        {"x", USER_AGENT_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_assert_eq(user_agent_kind_of(text_of(rows[i].user_agent)), rows[i].kind, "row %zu", i);
}

Test(analyzers, documentation_addresses_are_neither_clean_nor_hostile, .init = begin, .fini = finish) {
    facts.range = (struct range_fact){"192.0.2.0/24", "documentation", "RFC 5737"};
    analyze();
    cr_assert_float_eq(indicator_of(FP_IP_REPUTATION)->impact, 0, 1e-12);
    facts.range = (struct range_fact){"10.0.0.0/8", "private use", "RFC 1918"};
    analyze();
    cr_assert_float_eq(indicator_of(FP_IP_REPUTATION)->impact, 0.1, 1e-12);
}

Test(analyzers, missing_evidence_is_told_and_lowers_confidence, .init = begin, .fini = finish) {
    analyze();
    double with_all = analysis.fp.confidence;
    facts.history_available = false;
    analyze();
    cr_assert(says(indicator_of(FP_HISTORY)->indicator, "history is missing"));
    double without_history = analysis.fp.confidence;
    facts.context_available = false;
    facts.intel_lists = 0;
    facts.customer = (struct customer_facts){0};
    analyze();
    cr_assert(says(indicator_of(FP_IP_REPUTATION)->indicator, "reputation unknown"));
    cr_assert_float_eq(indicator_of(FP_IP_REPUTATION)->impact, 0, 1e-12);
    cr_assert(with_all > without_history && without_history > analysis.fp.confidence);
    cr_assert_lt(analysis.fp.historical_fp_rate, 0);
}

Test(analyzers, verdicts_of_analysts_weigh_by_scope_and_number, .init = begin, .fini = finish) {
    facts.address_history = (struct history){.total = 9, .false_positives = 1};
    analyze();
    cr_assert_float_eq(indicator_of(FP_HISTORY)->impact, 0.05, 1e-12);
    facts.address_history.false_positives = 4;
    analyze();
    cr_assert_float_eq(indicator_of(FP_HISTORY)->impact, 0.2, 1e-12);
    cr_assert_float_eq(analysis.fp.historical_fp_rate, 1, 1e-12);
    cr_assert_eq(analysis.fp.similar_resolved_as_fp, 4);
    facts.customer_history = (struct history){.total = 9, .true_positives = 6, .false_positives = 2};
    analyze();
    cr_assert_float_eq(analysis.fp.historical_fp_rate, 0.25, 1e-12);
    cr_assert_eq(analysis.fp.similar_resolved_as_real, 6);
}

Test(analyzers, ssh_guessing_is_real_and_pages_with_their_assets_are_not, .init = begin, .fini = finish) {
    signal.threat_type = THREAT_BRUTE_FORCE;
    signal.user_agent = TEXT_NONE;
    signal.request_count = 30;
    signal.time_window_minutes = 5;
    signal.raw_data =
        TEXT_LITERAL("{\"service\":\"sshd\",\"usernames\":[\"root\",\"pi\"],\"distinct_usernames\":19}");
    analyze();
    cr_assert_eq(analysis.fp.recommendation, RECOMMEND_LIKELY_REAL);
    cr_assert_null(indicator_of(FP_USER_AGENT), "ssh has no user agent to miss");
    signal.threat_type = THREAT_RATE_LIMIT_BREACH;
    signal.user_agent = TEXT_LITERAL("Mozilla/5.0 (X11) Firefox/27.0");
    signal.time_window_minutes = 60;
    signal.raw_data = TEXT_LITERAL(
        "{\"service\":\"http\",\"errors\":0,\"sample_paths\":[\"/\",\"/a.css\",\"/b.js\",\"/c.png\"]}");
    analyze();
    cr_assert_eq(analysis.fp.recommendation, RECOMMEND_LIKELY_FP);
}

Test(analyzers, every_type_and_severity_has_its_template) {
    for (int type = 0; type < THREAT_TYPE_COUNT; type++)
        for (int severity = SEVERITY_LOW; severity <= SEVERITY_CRITICAL; severity++) {
            const struct response_template *row =
                response_template_find((enum threat_type)type, (enum severity)severity);
            cr_assert(row->primary >= 0 && row->primary < ACTION_TYPE_COUNT);
            cr_assert(row->secondary >= 0 && row->secondary <= ACTION_NONE);
            cr_assert_neq(row->backup, ACTION_NONE, "a backup for %d %d", type, severity);
            cr_assert_neq(row->primary, ACTION_WHITELIST);
            cr_assert(row->primary != row->secondary && row->primary != row->backup &&
                      row->secondary != row->backup);
            if (severity < SEVERITY_HIGH)
                cr_assert_not(guardrails_blocks((enum action_type)row->primary),
                              "nothing is cut off below high");
            cr_assert_eq(row->urgency == URGENCY_IMMEDIATE, severity == SEVERITY_CRITICAL);
        }
}

/* A plan for made-up scores, without the agents. */
static void plan_for(enum threat_type type, enum severity severity, double score, double confidence) {
    signal.threat_type = type;
    analysis = (struct analysis){.signal = &signal, .facts = &facts, .severity = severity};
    analysis.fp.score = score;
    analysis.fp.confidence = confidence;
    analysis.fp.recommendation = score >= 0.7   ? RECOMMEND_LIKELY_FP
                                 : score <= 0.3 ? RECOMMEND_LIKELY_REAL
                                                : RECOMMEND_NEEDS_REVIEW;
    for (int i = 0; i < AGENT_COUNT; i++)
        analysis.agents[i].available = true;
    response_plan_build(FIXTURE_NOW_MS, &arena, &analysis);
    human_review_decide(&arena, &analysis);
}

Test(analyzers, plans_follow_template_score_and_steps, .init = begin, .fini = finish) {
    for (int type = 0; type < THREAT_TYPE_COUNT; type++)
        for (int severity = SEVERITY_LOW; severity <= SEVERITY_CRITICAL; severity++) {
            enum threat_type t = (enum threat_type)type;
            enum severity s = (enum severity)severity,
                          up = severity < SEVERITY_CRITICAL ? (enum severity)(severity + 1) : s;
            plan_for(t, s, 0.5, 0.8);
            cr_assert_eq((int)analysis.plan.primary.action_type, response_template_find(t, s)->primary);
            plan_for(t, s, 0.299, 0.8);
            cr_assert_eq((int)analysis.plan.primary.action_type, response_template_find(t, up)->primary);
            plan_for(t, s, 0.3, 0.8);
            cr_assert_eq((int)analysis.plan.primary.action_type, response_template_find(t, s)->primary);
            plan_for(t, s, 0.701, 0.8);
            cr_assert_eq(analysis.plan.primary.action_type, ACTION_MONITOR);
            cr_assert(says(analysis.plan.primary.reason, "0.701"));
            plan_for(t, s, 0.7, 0.8);
            cr_assert_eq((int)analysis.plan.primary.action_type, response_template_find(t, s)->primary);
        }
}

static void protect(int how) {
    facts.customer.allowlisted_by = how == 0 ? TEXT_LITERAL("10.0.0.0/8") : TEXT_NONE;
    facts.range =
        how == 1 ? (struct range_fact){"10.0.0.0/8", "private use", "RFC 1918"} : (struct range_fact){0};
    facts.crawler.verdict = how == 2 ? CRAWLER_VERIFIED : CRAWLER_NO_CLAIM;
    static const enum intel_category shared[] = {INTEL_TOR, INTEL_VPN, INTEL_SHARED_EGRESS};
    facts.intel_count = how >= 3;
    facts.intel[0].category = how >= 3 ? shared[how - 3] : INTEL_BLOCKLIST;
}

Test(analyzers, protected_addresses_are_never_blocked, .init = begin, .fini = finish) {
    static const char *const because[] = {"allowlisted", "special-purpose", "verified crawler",
                                          "share",       "share",           "share"};
    facts.customer.auto_block = true;
    for (int how = 0; how < 6; how++) {
        protect(how);
        for (int type = 0; type < THREAT_TYPE_COUNT; type++)
            for (int severity = SEVERITY_LOW; severity <= SEVERITY_CRITICAL; severity++) {
                plan_for((enum threat_type)type, (enum severity)severity, 0.1, 0.95);
                cr_assert_not(guardrails_blocks(analysis.plan.primary.action_type));
                for (unsigned i = 0; i < analysis.plan.secondary_count; i++)
                    cr_assert_not(guardrails_blocks(analysis.plan.secondary[i].action_type));
            }
        plan_for(THREAT_BOT_TRAFFIC, SEVERITY_CRITICAL, 0.1, 0.95);
        cr_assert(says(analysis.plan.primary.reason, "not block_ip: "));
        cr_assert(says(analysis.plan.primary.reason, because[how]));
    }
    protect(-1);
    plan_for(THREAT_BOT_TRAFFIC, SEVERITY_CRITICAL, 0.1, 0.95);
    cr_assert_eq(analysis.plan.primary.action_type, ACTION_BLOCK_IP);
}

Test(analyzers, blocking_runs_alone_only_by_policy_and_high_confidence, .init = begin, .fini = finish) {
    for (int mask = 0; mask < 16; mask++) {
        facts.customer.auto_block = mask & 1;
        facts.customer.known = mask & 2;
        facts.context_available = mask & 4;
        plan_for(THREAT_BRUTE_FORCE, SEVERITY_CRITICAL, 0.1, mask & 8 ? 0.9 : 0.3);
        const struct response_action *block = &analysis.plan.primary;
        cr_assert_eq(block->action_type, ACTION_BLOCK_IP);
        cr_assert_eq(block->auto_executable, mask == 15);
        cr_assert_eq(block->requires_approval, mask != 15);
        cr_assert(says(block->parameters, "{\"ttl_seconds\":86400}"));
        cr_assert_eq(says(all_reasons(), "block_ip needs approval"), mask != 15);
    }
}

Test(analyzers, rate_limits_carry_their_number, .init = begin, .fini = finish) {
    plan_for(THREAT_RATE_LIMIT_BREACH, SEVERITY_MEDIUM, 0.5, 0.8);
    cr_assert(says(analysis.plan.primary.parameters, "{\"requests_per_minute\":60}"));
    facts.customer.requests_per_minute = 0;
    plan_for(THREAT_RATE_LIMIT_BREACH, SEVERITY_MEDIUM, 0.5, 0.8);
    cr_assert(says(analysis.plan.primary.parameters, "{\"requests_per_minute\":50}"), "half of what came");
    signal.request_count = 0;
    plan_for(THREAT_RATE_LIMIT_BREACH, SEVERITY_MEDIUM, 0.5, 0.8);
    cr_assert(says(analysis.plan.primary.parameters, "{\"requests_per_minute\":1}"));
}

Test(analyzers, analysts_who_keep_saying_false_are_offered_a_whitelist, .init = begin, .fini = finish) {
    facts.customer_history = (struct history){.total = 5, .false_positives = 4};
    facts.crawler =
        (struct crawler_fact){CRAWLER_VERIFIED, TEXT_LITERAL("Googlebot"), TEXT_LITERAL("googlebot")};
    analyze();
    cr_assert_gt(analysis.fp.score, 0.7);
    cr_assert_eq(analysis.plan.secondary[0].action_type, ACTION_WHITELIST);
    cr_assert(analysis.plan.secondary[0].requires_approval);
    cr_assert_not(analysis.plan.secondary[0].auto_executable);
    facts.customer.allowlisted_by = TEXT_LITERAL("66.249.64.0/19");
    analyze();
    cr_assert_neq(analysis.plan.secondary[0].action_type, ACTION_WHITELIST);
}

Test(analyzers, sla_follows_severity_tier_and_record, .init = begin, .fini = finish) {
    static const int64_t minutes[SEVERITY_NONE][TIER_COUNT] = {
        {1440, 1080, 720}, {240, 180, 120}, {60, 45, 30}, {15, 11, 7}};
    for (int severity = SEVERITY_LOW; severity <= SEVERITY_CRITICAL; severity++)
        for (int tier = 0; tier < TIER_COUNT; tier++) {
            facts.customer.tier = (enum tier)tier;
            plan_for(THREAT_BOT_TRAFFIC, (enum severity)severity, 0.5, 0.8);
            cr_assert_eq(analysis.plan.sla_minutes, minutes[severity][tier]);
            cr_assert_eq(analysis.plan.sla_due_at_ms, FIXTURE_NOW_MS + 60000 * minutes[severity][tier]);
        }
    facts.customer.sla_minutes[SEVERITY_HIGH] = 25;
    plan_for(THREAT_BOT_TRAFFIC, SEVERITY_HIGH, 0.5, 0.8);
    cr_assert_eq(analysis.plan.sla_minutes, 25);
    facts.customer.sla_minutes[SEVERITY_HIGH] = INT64_MAX;
    plan_for(THREAT_BOT_TRAFFIC, SEVERITY_HIGH, 0.5, 0.8);
    cr_assert_gt(analysis.plan.sla_due_at_ms, FIXTURE_NOW_MS);
}

Test(analyzers, escalation_rises_with_severity_and_reaches_the_contacts, .init = begin, .fini = finish) {
    facts.customer.contacts[ESCALATION_SOC_TIER_2] = TEXT_LITERAL("oncall@acme.example duty@acme.example");
    facts.customer.contacts[ESCALATION_INCIDENT_MANAGER] = TEXT_LITERAL("ciso@acme.example");
    plan_for(THREAT_BOT_TRAFFIC, SEVERITY_LOW, 0.5, 0.8);
    cr_assert_eq(analysis.plan.escalation_count, 0);
    plan_for(THREAT_BOT_TRAFFIC, SEVERITY_HIGH, 0.5, 0.8);
    cr_assert_eq(analysis.plan.escalation_count, 2);
    cr_assert(text_is(analysis.plan.escalation_path[0], "soc-tier-1"));
    cr_assert(text_is(analysis.plan.escalation_path[1], "soc-tier-2: oncall@acme.example duty@acme.example"));
    facts.customer.tier = TIER_ENTERPRISE;
    plan_for(THREAT_BOT_TRAFFIC, SEVERITY_CRITICAL, 0.5, 0.8);
    cr_assert_eq(analysis.plan.escalation_count, ESCALATIONS_MAX);
    cr_assert(text_is(analysis.plan.escalation_path[2], "incident-manager: ciso@acme.example"));
    cr_assert(text_is(analysis.plan.escalation_path[3], "account-manager"));
}

Test(analyzers, review_is_asked_for_every_reason_and_for_none_else, .init = begin, .fini = finish) {
    plan_for(THREAT_BOT_TRAFFIC, SEVERITY_LOW, 0.8, 0.8);
    cr_assert_not(analysis.requires_human_review);
    plan_for(THREAT_BOT_TRAFFIC, SEVERITY_CRITICAL, 0.5, 0.8);
    cr_assert(analysis.requires_human_review);
    cr_assert(says(all_reasons(), "score is inconclusive|severity is critical|"));
    cr_assert(says(all_reasons(), "block_ip needs approval"));
    analysis.agents[AGENT_CONFIG].available = analysis.agents[AGENT_DEVOPS].available = false;
    human_review_decide(&arena, &analysis);
    cr_assert_eq(analysis.review_reason_count, 4);
    cr_assert(says(all_reasons(), "no answer of agent config, devops"));
}

static void assert_timeline(void) {
    static const enum timeline_kind kinds[] = {TIMELINE_DETECTION,  TIMELINE_ENRICHMENT, TIMELINE_ENRICHMENT,
                                               TIMELINE_ENRICHMENT, TIMELINE_ENRICHMENT, TIMELINE_ANALYSIS,
                                               TIMELINE_ANALYSIS,   TIMELINE_ANALYSIS,   TIMELINE_ANALYSIS,
                                               TIMELINE_ANALYSIS,   TIMELINE_ANALYSIS,   TIMELINE_CORRELATION,
                                               TIMELINE_DECISION,   TIMELINE_ACTION};
    enum { FIXED = sizeof(kinds) / sizeof(kinds[0]) };
    const struct timeline *timeline = &analysis.timeline;
    cr_assert_eq(timeline->event_count, FIXED + analysis.plan.secondary_count);
    int64_t before_ms = FIXTURE_NOW_MS;
    for (unsigned i = 0; i < timeline->event_count; i++) {
        cr_assert_eq(timeline->events[i].kind, i < FIXED ? kinds[i] : TIMELINE_ACTION);
        cr_assert_geq(timeline->events[i].timestamp_ms, before_ms);
        before_ms = timeline->events[i].timestamp_ms;
    }
    cr_assert_eq(timeline->start_ms, FIXTURE_NOW_MS);
    cr_assert_geq(timeline->end_ms, before_ms);
    cr_assert_eq(analysis.completed_at_ms, timeline->end_ms);
    int64_t sum = 0;
    for (int phase = 0; phase < PHASE_COUNT; phase++) {
        cr_assert_geq(timeline->phase_ms[phase], 0);
        sum += llround(timeline->phase_ms[phase] * 10000);
    }
    cr_assert_eq(sum, llround(timeline->duration_ms * 10000));
    cr_assert_float_eq(analysis.total_processing_time_ms, timeline->duration_ms, 1e-12);
}

static void travel(int64_t queue_wait_ms, int64_t step_ns) {
    struct fake_clock fake = {5000000, step_ns};
    struct run_clock clock = {fake_clock_read, &fake, 5000000};
    analysis = (struct analysis){.signal = &signal,
                                 .facts = &facts,
                                 .created_at_ms = FIXTURE_NOW_MS,
                                 .measured.queue_wait_ms = queue_wait_ms};
    run_agents(agent_rows, FIXTURE_DEADLINE_MS, &clock, &arena, &analysis);
    run_analyzers(&clock, &arena, &analysis);
    assert_timeline();
}

Test(analyzers, timeline_is_in_order_and_its_phases_sum, .init = begin, .fini = finish) {
    static const int64_t steps_ns[] = {0, 1, 49, 50, 333, 777777, 12345678};
    for (size_t i = 0; i < sizeof(steps_ns) / sizeof(steps_ns[0]); i++) {
        travel(40, steps_ns[i]);
        cr_assert_float_eq(analysis.timeline.phase_ms[PHASE_QUEUE_WAIT], 40, 1e-12);
    }
    cr_assert_eq(analysis.timeline.end_ms, FIXTURE_NOW_MS + 40 + 10 * 12345678 / 1000000);
    cr_assert_float_eq(analysis.timeline.phase_ms[PHASE_FP_ANALYSIS], 12.3457, 1e-9);
}

Test(analyzers, a_clock_that_runs_back_gives_no_negative_phase, .init = begin, .fini = finish) {
    travel(1, -1000000);
    cr_assert_float_eq(analysis.timeline.duration_ms, 1, 1e-12);
}

static void assert_scores(void) {
    int risk = 0;
    long category[FP_CATEGORY_COUNT] = {0}, sum = 500;
    for (unsigned i = 0; i < analysis.risk_factor_count; i++)
        risk += analysis.risk_factors[i].points;
    cr_assert_eq(risk, analysis.risk_score);
    cr_assert(risk >= 0 && risk <= 100);
    for (unsigned i = 0; i < analysis.fp.indicator_count; i++) {
        long milli = lround(analysis.fp.indicators[i].impact * 1000);
        category[analysis.fp.indicators[i].category] += milli;
        sum += milli;
    }
    for (int i = 0; i < FP_CATEGORY_COUNT; i++)
        cr_assert_leq(labs(category[i]), fp_tally_bound((enum fp_category)i));
    sum = sum < 0 ? 0 : sum > 1000 ? 1000 : sum;
    cr_assert_eq(sum, lround(analysis.fp.score * 1000));
    cr_assert(analysis.fp.confidence > 0 && analysis.fp.confidence <= 1);
}

static void assert_action(const struct response_action *action) {
    cr_assert(action->confidence >= 0 && action->confidence <= 1);
    cr_assert_not(action->auto_executable && action->requires_approval);
    if (guardrails_blocks(action->action_type))
        cr_assert_null(guardrails_find(&facts, &arena).because.at);
    if (action->auto_executable)
        cr_assert(facts.customer.auto_block && facts.customer.known);
}

static void assert_agents(void) {
    cr_assert_eq(analysis.agents[AGENT_HISTORICAL].available, facts.history_available);
    cr_assert_eq(analysis.agents[AGENT_CONFIG].available, facts.context_available);
    for (int i = 0; i < AGENT_COUNT; i++) {
        const struct agent_report *report = &analysis.agents[i];
        if (!report->available)
            continue;
        cr_assert(report->confidence >= agent_rows[i]->confidence_min &&
                  report->confidence <= agent_rows[i]->confidence_max);
        cr_assert_gt(report->analysis.len, 0);
    }
}

Test(analyzers, whatever_comes_the_numbers_hold, .fini = finish) {
    struct dice dice = {2463534242u};
    for (int round = 0; round < RANDOM_WORLDS; round++) {
        arena_reset(&arena);
        made_up_signal(&dice, &arena, &signal);
        made_up_facts(&dice, &facts);
        analyze();
        assert_scores();
        assert_agents();
        assert_action(&analysis.plan.primary);
        bool approval = analysis.plan.primary.requires_approval;
        for (unsigned i = 0; i < analysis.plan.secondary_count; i++) {
            assert_action(&analysis.plan.secondary[i]);
            approval |= analysis.plan.secondary[i].requires_approval;
        }
        cr_assert_eq(analysis.requires_human_review,
                     approval || analysis.severity == SEVERITY_CRITICAL || !facts.history_available ||
                         !facts.context_available || analysis.fp.recommendation == RECOMMEND_NEEDS_REVIEW);
    }
}
