#include <criterion/criterion.h>

#include "shared/agents/attack_map.h"
#include "shared/agents/judged_cases.h"
#include "shared/agents/path_kinds.h"
#include "shared/agents/raw_data.h"
#include "shared/agents/risk_model.h"
#include "shared/agents/volume.h"
#include "tests/unit/analysis_fixture.h"

TestSuite(agents, .timeout = 20);

static struct arena arena;

static struct signal signal_of(enum threat_type type, int64_t requests, int64_t minutes,
                               const char *raw_data) {
    return (struct signal){.threat_type = type,
                           .customer_id = TEXT_LITERAL("acme"),
                           .customer_name = TEXT_LITERAL("Acme"),
                           .request_count = requests,
                           .time_window_minutes = minutes,
                           .detected_at_ms = FIXTURE_NOW_MS,
                           .raw_data = text_of(raw_data)};
}

static struct facts usual_facts(void) {
    return (struct facts){.history_available = true,
                          .context_available = true,
                          .customer = {.known = true, .requests_per_minute = 60, .limit_is_default = true},
                          .intel_lists = 2};
}

static struct agent_report ask(const struct agent_row *row, const struct signal *signal,
                               const struct facts *facts) {
    struct agent_report report = {0};
    report.available = row->analyze(signal, facts, &arena, &report);
    return report;
}

static bool says(struct text text, const char *words) {
    return memmem(text.at, text.len, words, strlen(words)) != NULL;
}

#define cr_assert_says(text, words)                                                                          \
    cr_assert(says(text, words), "\"%.*s\" does not say \"%s\"", (int)(text).len, (text).at, words)

static void finish(void) {
    arena_fini(&arena);
}

Test(agents, table_is_in_the_order_of_the_vocabulary) {
    for (int i = 0; i < AGENT_COUNT; i++) {
        cr_assert_eq((int)agent_rows[i]->agent, i);
        cr_assert_str_eq(agent_rows[i]->name, vocabulary_word(&vocabulary_agent, i));
    }
}

Test(agents, without_history_the_historical_agent_says_so, .fini = finish) {
    struct signal signal = signal_of(THREAT_BOT_TRAFFIC, 7, 60, NULL);
    struct facts facts = usual_facts();
    facts.history_available = false;
    struct agent_report report = ask(&agent_historical, &signal, &facts);
    cr_assert_not(report.available);
    cr_assert_says(report.unavailable_because, "history");
}

Test(agents, without_context_config_and_devops_say_so_and_the_others_tell_what_is_missing, .fini = finish) {
    struct signal signal = signal_of(THREAT_BOT_TRAFFIC, 7, 60, NULL);
    struct facts facts = {.history_available = true};
    cr_assert_says(ask(&agent_config, &signal, &facts).unavailable_because, "customer records");
    cr_assert_says(ask(&agent_devops, &signal, &facts).unavailable_because, "infra events");
    struct agent_report context = ask(&agent_context, &signal, &facts);
    cr_assert(context.available);
    cr_assert_says(context.analysis, "unknown");
    cr_assert_float_eq(context.confidence, 0.50, 1e-9);
    cr_assert_says(ask(&agent_priority, &signal, &facts).analysis, "limit unknown");
}

Test(agents, history_is_counted_and_judged_cases_are_named, .fini = finish) {
    struct signal signal = signal_of(THREAT_BRUTE_FORCE, 7, 5, NULL);
    struct facts facts = usual_facts();
    cr_assert_says(ask(&agent_historical, &signal, &facts).analysis, "first case");
    facts.customer_history = (struct history){.total = 12,
                                              .false_positives = 1,
                                              .true_positives = 3,
                                              .first_ms = INT64_C(1763696000123),
                                              .last_ms = INT64_C(1795232094123),
                                              .recent_count = 2};
    history_case_set_id(&facts.customer_history.recent[0], TEXT_LITERAL("INC-1042"));
    history_case_set_id(&facts.customer_history.recent[1],
                        TEXT_LITERAL("bbbbbbbb-0000-7000-8000-000000000000"));
    facts.customer_history.recent[0].severity = SEVERITY_NONE; /* an imported incident may tell none */
    facts.customer_history.recent[0].verdict = VERDICT_FALSE_POSITIVE;
    facts.customer_history.recent[1].verdict = VERDICT_TRUE_POSITIVE;
    facts.address_history = facts.customer_history;
    facts.address_history.recent[0] = facts.address_history.recent[1];
    facts.address_history.recent_count = 1;
    struct agent_report report = ask(&agent_historical, &signal, &facts);
    cr_assert_says(report.analysis, "12 cases");
    cr_assert_says(report.analysis, "2025-11-21 to 2026-11-21");
    cr_assert_says(report.analysis, "12 of this address");
    cr_assert_says(report.analysis, "1 of 4 judged for the customer were false (25 %)");
    cr_assert_eq(report.finding_count, 2, "the case of both scopes is named once");
    cr_assert_says(report.key_findings[0], "bbbbbbbb");
    cr_assert_says(report.key_findings[0], "low, true_positive (same address)");
    cr_assert_says(report.key_findings[1],
                   "INC-1042: severity unknown, false_positive (same customer and type)");
}

Test(agents, historical_confidence_grows_with_judged_cases, .fini = finish) {
    struct signal signal = signal_of(THREAT_BRUTE_FORCE, 7, 5, NULL);
    struct facts facts = usual_facts();
    double before = 0;
    for (uint64_t judged = 0; judged < 10; judged++) {
        facts.customer_history = (struct history){.total = 12, .true_positives = judged};
        double confidence = ask(&agent_historical, &signal, &facts).confidence;
        cr_assert_gt(confidence, before);
        before = confidence;
    }
}

Test(agents, config_names_rate_limit_and_policies, .fini = finish) {
    struct signal signal = signal_of(THREAT_RATE_LIMIT_BREACH, 4120, 10, NULL);
    struct facts facts = usual_facts();
    struct agent_report report = ask(&agent_config, &signal, &facts);
    cr_assert_says(report.analysis, "412 requests/min is 6.9 times the limit of 60 (standard tier)");
    cr_assert_says(report.analysis, "auto-block off");
    cr_assert_eq(report.recommendation_count, 1);
    facts.customer.limit_is_default = false;
    facts.customer.requests_per_minute = 1000;
    facts.customer.auto_block = true;
    facts.customer.allowlisted_by = TEXT_LITERAL("10.0.0.0/8");
    facts.customer.sla_minutes[SEVERITY_CRITICAL] = 10;
    facts.customer.sla_minutes[SEVERITY_LOW] = 600;
    report = ask(&agent_config, &signal, &facts);
    cr_assert_says(report.analysis, "41.2 % of the limit of 1000 (customer record)");
    cr_assert_says(report.analysis, "auto-block on");
    cr_assert_eq(report.finding_count, 2);
    cr_assert_says(report.key_findings[0], "allowlisted by 10.0.0.0/8");
    cr_assert_says(report.key_findings[1], "SLA agreed: critical 10 min, low 600 min");
    cr_assert_float_eq(report.confidence, 0.95, 1e-9);
    facts.customer = (struct customer_facts){0};
    report = ask(&agent_config, &signal, &facts);
    cr_assert_says(report.analysis, "no limit known");
    cr_assert_says(report.analysis, "no customer record");
}

Test(agents, devops_says_what_explains_the_traffic, .fini = finish) {
    struct signal signal = signal_of(THREAT_RATE_LIMIT_BREACH, 4120, 10, NULL);
    struct facts facts = usual_facts();
    cr_assert_says(ask(&agent_devops, &signal, &facts).analysis, "No infra event");
    facts.infra[0] = (struct infra_fact){
        .id = TEXT_LITERAL("dep-1"), .kind = INFRA_DEPLOYMENT, .title = TEXT_LITERAL("v2")};
    facts.infra[1] = (struct infra_fact){.id = TEXT_LITERAL("lt-9"),
                                         .kind = INFRA_LOAD_TEST,
                                         .title = TEXT_LITERAL("rehearsal"),
                                         .starts_at_ms = FIXTURE_NOW_MS - 1,
                                         .ends_at_ms = FIXTURE_NOW_MS + 1,
                                         .global = true};
    facts.infra_count = 2;
    struct agent_report report = ask(&agent_devops, &signal, &facts);
    cr_assert_says(report.analysis,
                   "load_test \"rehearsal\" (lt-9, all customers) explains rate_limit_breach");
    cr_assert_float_eq(report.confidence, 0.80, 1e-9);
    cr_assert_eq(report.finding_count, 1);
    cr_assert_says(report.key_findings[0], "dep-1, this customer) may explain");
    facts.infra_count = 1;
    signal.threat_type = THREAT_BRUTE_FORCE;
    report = ask(&agent_devops, &signal, &facts);
    cr_assert_says(report.analysis, "does not explain brute_force");
    cr_assert_eq(report.recommendation_count, 0);
}

Test(agents, context_tells_hits_crawler_and_range, .fini = finish) {
    struct signal signal = signal_of(THREAT_BOT_TRAFFIC, 7, 60, NULL);
    struct facts facts = usual_facts();
    cr_assert_says(ask(&agent_context, &signal, &facts).analysis, "on none of 2 intel lists");
    facts.intel[0] = (struct intel_fact){.list = TEXT_LITERAL("ipsum"),
                                         .entry = TEXT_LITERAL("66.0.0.0/8"),
                                         .category = INTEL_BLOCKLIST,
                                         .score = 80};
    facts.intel_count = 1;
    facts.crawler =
        (struct crawler_fact){CRAWLER_VERIFIED, TEXT_LITERAL("Googlebot"), TEXT_LITERAL("googlebot")};
    facts.range = (struct range_fact){"10.0.0.0/8", "private use", "RFC 1918"};
    struct agent_report report = ask(&agent_context, &signal, &facts);
    cr_assert_says(report.analysis, "Googlebot, proved by its ranges (list googlebot, data of unknown date)");
    cr_assert_says(report.analysis, "on blocklist list ipsum as 66.0.0.0/8 (score 80, data of unknown date)");
    cr_assert_says(report.analysis, "10.0.0.0/8, private use (RFC 1918)");
    cr_assert_eq(report.finding_count, 0);
    facts.crawler.verdict = CRAWLER_PRETENDED;
    cr_assert_says(ask(&agent_context, &signal, &facts).analysis,
                   "claims to be Googlebot from outside its ranges");
    facts.crawler = (struct crawler_fact){CRAWLER_CANNOT_TELL, TEXT_LITERAL("Googlebot"), TEXT_NONE};
    cr_assert_says(ask(&agent_context, &signal, &facts).analysis, "nobody publishes ranges");
    facts.crawler.provable = true;
    cr_assert_says(ask(&agent_context, &signal, &facts).analysis, "its published ranges are not loaded");
}

Test(agents, priority_tells_base_volume_and_technique, .fini = finish) {
    struct signal signal =
        signal_of(THREAT_BRUTE_FORCE, 3, 5, "{\"service\":\"sshd\",\"usernames\":[\"pi\"]}");
    struct facts facts = usual_facts();
    struct agent_report report = ask(&agent_priority, &signal, &facts);
    cr_assert_says(report.analysis, "3 requests in 5 min; base risk 35; T1110.001: one account tried");
    cr_assert_float_eq(report.confidence, 0.95, 1e-9);
    signal = signal_of(THREAT_ANOMALY_DETECTION, 3, 5, NULL);
    cr_assert_says(ask(&agent_priority, &signal, &facts).analysis, "no ATT&CK technique without evidence");
}

static bool analyze_nothing(const struct signal *signal, const struct facts *facts, struct arena *a,
                            struct agent_report *report) {
    (void)signal, (void)facts, (void)a;
    report->analysis = TEXT_LITERAL("half a thought");
    return false;
}

static bool analyze_too_sure(const struct signal *signal, const struct facts *facts, struct arena *a,
                             struct agent_report *report) {
    (void)signal, (void)facts, (void)a;
    report->analysis = TEXT_LITERAL("certain");
    report->confidence = 7;
    return true;
}

Test(agents, late_and_failing_agents_are_marked_and_told, .fini = finish) {
    static const struct agent_row failing = {AGENT_CONFIG, "config", 0.85, 0.95, analyze_nothing};
    static const struct agent_row too_sure = {AGENT_DEVOPS, "devops", 0.60, 0.80, analyze_too_sure};
    const struct agent_row *rows[AGENT_COUNT] = {&agent_historical, &failing, &too_sure, &agent_context,
                                                 &agent_priority};
    struct signal signal = signal_of(THREAT_BOT_TRAFFIC, 7, 60, NULL);
    struct facts facts = usual_facts();
    struct fake_clock fake = {0, 9000000};
    struct run_clock clock = {fake_clock_read, &fake};
    struct analysis analysis = {.signal = &signal, .facts = &facts};
    run_agents(rows, 9, &clock, &arena, &analysis);
    cr_assert(analysis.agents[AGENT_HISTORICAL].available, "in time to the nanosecond");
    cr_assert_not(analysis.agents[AGENT_CONFIG].available);
    cr_assert_says(analysis.agents[AGENT_CONFIG].unavailable_because, "without a reason");
    cr_assert_eq(analysis.agents[AGENT_CONFIG].analysis.at, NULL);
    cr_assert_float_eq(analysis.agents[AGENT_DEVOPS].confidence, 0.80, 1e-9);
    run_agents(rows, 8, &clock, &arena, &analysis);
    for (int i = 0; i < AGENT_COUNT; i++)
        cr_assert_not(analysis.agents[i].available);
    cr_assert_says(analysis.agents[AGENT_PRIORITY].unavailable_because, "took 9 ms, deadline 8 ms");
    cr_assert_eq(analysis.agents[AGENT_PRIORITY].confidence, 0);
    cr_assert_gt(analysis.risk_factor_count, 0, "the risk model does not depend on the agents");
}

Test(agents, severity_follows_the_thresholds) {
    static const struct {
        int score;
        enum severity severity;
    } rows[] = {{100, SEVERITY_CRITICAL}, {80, SEVERITY_CRITICAL}, {79, SEVERITY_HIGH}, {60, SEVERITY_HIGH},
                {59, SEVERITY_MEDIUM},    {35, SEVERITY_MEDIUM},   {34, SEVERITY_LOW},  {0, SEVERITY_LOW}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_assert_eq(risk_severity(rows[i].score), rows[i].severity, "%d", rows[i].score);
}

static int points_of(const struct analysis *analysis, const char *words) {
    for (unsigned i = 0; i < analysis->risk_factor_count; i++)
        if (says(analysis->risk_factors[i].factor, words))
            return analysis->risk_factors[i].points;
    return 0;
}

static void rate(const struct signal *signal, const struct facts *facts, struct analysis *analysis) {
    int sum = 0;
    *analysis = (struct analysis){0};
    risk_model_apply(signal, facts, &arena, analysis);
    for (unsigned i = 0; i < analysis->risk_factor_count; i++)
        sum += analysis->risk_factors[i].points;
    cr_assert_eq(sum, analysis->risk_score);
    cr_assert(analysis->risk_score >= 0 && analysis->risk_score <= 100);
}

Test(agents, risk_has_a_factor_for_each_fact, .fini = finish) {
    struct signal signal = signal_of(THREAT_BOT_TRAFFIC, 60 * 60 * 7, 60,
                                     "{\"errors\":25200,\"sample_paths\":[\"/.env\",\"/.git/config\"]}");
    struct facts facts = usual_facts();
    struct analysis analysis;
    facts.customer.tier = TIER_ENTERPRISE;
    facts.intel[0] = (struct intel_fact){.list = TEXT_LITERAL("x"), .category = INTEL_VPN};
    facts.intel[1] = (struct intel_fact){.list = TEXT_LITERAL("y"), .category = INTEL_BLOCKLIST, .score = 50};
    facts.intel_count = 2;
    facts.crawler.verdict = CRAWLER_PRETENDED;
    facts.range = (struct range_fact){"10.0.0.0/8", "private use", "RFC 1918"};
    facts.infra[0] = (struct infra_fact){.kind = INFRA_LOAD_TEST};
    facts.infra_count = 1;
    facts.address_history = (struct history){.total = 3, .true_positives = 3};
    rate(&signal, &facts, &analysis);
    cr_assert_eq(points_of(&analysis, "bot_traffic"), 20);
    cr_assert_eq(points_of(&analysis, "7 times the limit"), 15);
    cr_assert_eq(points_of(&analysis, "sustained for 60 min"), 5);
    cr_assert_eq(points_of(&analysis, "tier enterprise"), 6);
    cr_assert_eq(points_of(&analysis, "blocklist list y"), 20, "only the weightiest list");
    cr_assert_eq(points_of(&analysis, "vpn"), 0);
    cr_assert_eq(points_of(&analysis, "pretends"), 20);
    cr_assert_eq(points_of(&analysis, "private use address"), -10);
    cr_assert_eq(points_of(&analysis, "load_test"), -25);
    cr_assert_eq(points_of(&analysis, "3 of 3 judged cases of the address were real"), 15);
    cr_assert_eq(points_of(&analysis, "wordlist paths"), 10);
    cr_assert_eq(points_of(&analysis, "100 % errors"), 8);
}

Test(agents, risk_is_limited_at_both_ends, .fini = finish) {
    struct signal signal = signal_of(THREAT_BOT_TRAFFIC, 7, 60, NULL);
    struct facts facts = usual_facts();
    struct analysis analysis;
    facts.crawler.verdict = CRAWLER_VERIFIED;
    rate(&signal, &facts, &analysis);
    cr_assert_eq(analysis.risk_score, 0);
    cr_assert_eq(points_of(&analysis, "limited to 0"), 10);
    signal = signal_of(THREAT_ACCOUNT_TAKEOVER, SIGNAL_REQUEST_COUNT_MAX, 60, "{\"successes\":4}");
    facts.crawler.verdict = CRAWLER_PRETENDED;
    rate(&signal, &facts, &analysis);
    cr_assert_eq(analysis.risk_score, 100);
    cr_assert_lt(points_of(&analysis, "limited to 100"), 0);
    cr_assert_eq(analysis.severity, SEVERITY_CRITICAL);
}

Test(agents, missing_context_adds_no_points, .fini = finish) {
    struct signal signal = signal_of(THREAT_RATE_LIMIT_BREACH, SIGNAL_REQUEST_COUNT_MAX, 1, NULL);
    struct facts facts = {0};
    struct analysis analysis;
    rate(&signal, &facts, &analysis);
    cr_assert_eq(analysis.risk_factor_count, 1);
    cr_assert_eq(analysis.risk_score, 20);
}

static const struct attack_case {
    enum threat_type type;
    const char *raw_data;
    int64_t requests;
    int intel; /* an intel category, or -1 */
    const char *techniques;
} attack_cases[] = {
    {THREAT_CREDENTIAL_STUFFING, NULL, 9, -1, "T1110.004/TA0006 "},
    {THREAT_CREDENTIAL_STUFFING, "{\"successes\":1}", 9, -1, "T1110.004/TA0006 T1078/TA0001 "},
    {THREAT_BRUTE_FORCE, NULL, 9, -1, "T1110/TA0006 "},
    {THREAT_BRUTE_FORCE, "{\"distinct_usernames\":1}", 9, -1, "T1110.001/TA0006 "},
    {THREAT_BRUTE_FORCE, "{\"distinct_usernames\":9}", 27, -1, "T1110.003/TA0006 "},
    {THREAT_BRUTE_FORCE, "{\"distinct_usernames\":9}", 28, -1, "T1110/TA0006 "},
    {THREAT_BRUTE_FORCE, "{\"distinct_usernames\":4}", 4, -1, "T1110/TA0006 "},
    {THREAT_BOT_TRAFFIC, NULL, 9, -1, "T1595/TA0043 "},
    {THREAT_BOT_TRAFFIC, "{\"sample_paths\":[\"/.env\"]}", 9, -1, "T1595/TA0043 "},
    {THREAT_BOT_TRAFFIC, "{\"sample_paths\":[\"/.env\",\"/backup.zip\"]}", 9, -1, "T1595.003/TA0043 "},
    {THREAT_BOT_TRAFFIC, "{\"sample_paths\":[\"/cgi-bin/luci\"]}", 9, -1, "T1595.002/TA0043 "},
    {THREAT_DATA_SCRAPING, "{\"sample_paths\":[\"/articles\"]}", 9, -1, "T1594/TA0043 "},
    {THREAT_DATA_SCRAPING, "{\"sample_paths\":[\"/account/7\"]}", 9, -1, "T1213/TA0009 "},
    {THREAT_ACCOUNT_TAKEOVER, NULL, 9, -1, "T1078/TA0001 "},
    {THREAT_GEO_ANOMALY, NULL, 9, -1, "T1078/TA0001 "},
    {THREAT_GEO_ANOMALY, NULL, 9, INTEL_TOR, "T1078/TA0001 T1090.003/TA0011 "},
    {THREAT_GEO_ANOMALY, NULL, 9, INTEL_VPN, "T1078/TA0001 T1090.002/TA0011 "},
    {THREAT_RATE_LIMIT_BREACH, NULL, 60, -1, "T1499/TA0040 "},
    {THREAT_RATE_LIMIT_BREACH, NULL, 3000, -1, "T1499.002/TA0040 "},
    {THREAT_RATE_LIMIT_BREACH, "{\"sample_paths\":[\"/search?q=a\"]}", 3000, -1, "T1499.003/TA0040 "},
    {THREAT_RATE_LIMIT_BREACH, "{\"sample_paths\":[\"/login\"]}", 60, -1, "T1499/TA0040 T1110/TA0006 "},
    {THREAT_RATE_LIMIT_BREACH, "{\"sample_paths\":[\"/otp/send\"]}", 60, -1,
     "T1499/TA0040 T1496.003/TA0040 "},
    {THREAT_PROXY_NETWORK, NULL, 9, -1, "T1090/TA0011 "},
    {THREAT_PROXY_NETWORK, NULL, 9, INTEL_PROXY, "T1090.002/TA0011 "},
    {THREAT_PROXY_NETWORK, NULL, 9, INTEL_TOR, "T1090.003/TA0011 "},
    {THREAT_DEVICE_COMPROMISE, NULL, 9, -1, "T1185/TA0009 "},
    {THREAT_ANOMALY_DETECTION, NULL, 9, -1, ""},
    {THREAT_ANOMALY_DETECTION, "{\"sample_paths\":[\"/articles\"]}", 9, -1, ""},
    {THREAT_ANOMALY_DETECTION, "{\"sample_paths\":[\"/login\"]}", 9, -1, "T1110/TA0006 "},
    {THREAT_ANOMALY_DETECTION, "{\"payload\":\"id=1' OR 1=1\"}", 9, -1, "T1190/TA0001 "},
    {THREAT_ANOMALY_DETECTION, "{\"path\":\"/transfer\"}", 9, -1, "T1657/TA0040 "},
};

Test(agents, techniques_follow_type_and_evidence) {
    for (size_t i = 0; i < sizeof(attack_cases) / sizeof(attack_cases[0]); i++) {
        const struct attack_case *row = &attack_cases[i];
        struct signal signal = signal_of(row->type, row->requests, 5, row->raw_data);
        struct facts facts = usual_facts();
        struct raw_data raw;
        struct attack_match match;
        char found[200] = "";
        facts.intel_count = row->intel >= 0;
        facts.intel[0].category = (enum intel_category)(row->intel >= 0 ? row->intel : 0);
        raw_data_read(&signal, &raw);
        attack_map_find(&signal, &facts, &raw, &match);
        for (unsigned k = 0; k < match.count; k++)
            snprintf(found + strlen(found), sizeof(found) - strlen(found), "%s/%s ",
                     match.techniques[k].technique_id, match.techniques[k].tactic_id);
        cr_assert_str_eq(found, row->techniques, "row %zu", i);
    }
}

Test(agents, raw_data_is_read_as_real_signals_write_it) {
    struct signal signal =
        signal_of(THREAT_BOT_TRAFFIC, 30, 60,
                  "{\"service\":\"http\",\"other\":{\"errors\":[7,{\"a\":\"}\"}]},\"distinct_paths\":15,"
                  "\"errors\":14,\"sample_paths\":[\"/a.css\",\"\\/WP-ADMIN\\/x\",\"/b\\\"]\"]}");
    struct raw_data raw;
    raw_data_read(&signal, &raw);
    cr_assert_eq(raw.service, RAW_SERVICE_HTTP);
    cr_assert_eq(raw.distinct_paths, 15);
    cr_assert_eq(raw.errors, 14);
    cr_assert_eq(raw.listed_paths, 3);
    cr_assert_eq(raw.paths[PATH_ASSET], 1);
    cr_assert_eq(raw.paths[PATH_WORDLIST], 1, "escaped slashes and capitals hide nothing");
    cr_assert_eq(raw.distinct_usernames, -1);
    signal = signal_of(THREAT_BRUTE_FORCE, 30, 5, "{\"service\":\"sshd\",\"usernames\":[\"root\",\"joe\"]}");
    raw_data_read(&signal, &raw);
    cr_assert_eq(raw.service, RAW_SERVICE_SSH);
    cr_assert_eq(raw.distinct_usernames, 2);
    cr_assert_eq(raw.default_usernames, 1);
}

Test(agents, paths_give_their_kinds_away) {
    static const struct {
        const char *path;
        unsigned kinds;
    } rows[] = {
        {"", 0},
        {"/", 0},
        {"/articles/ssh-security/", 0},
        {"/blog/tags/sysadmin", 0},
        {"/img/logo.png?v=3", 1u << PATH_ASSET},
        {"/wp-login.php", 1u << PATH_LOGIN | 1u << PATH_WORDLIST},
        {"/administrator/index.php", 1u << PATH_WORDLIST},
        {"/x/.git/config", 1u << PATH_WORDLIST},
        {"/vendor/phpunit/eval.php", 1u << PATH_EXPLOIT},
        {"/a?f=../../etc/passwd", 1u << PATH_INJECTION},
        {"/a?q=1%27%20or%201=1", 1u << PATH_INJECTION},
        {"/account/7/transfer", 1u << PATH_PRIVATE | 1u << PATH_MONEY},
        {"/export", 1u << PATH_COSTLY},
        {"/api/otp", 1u << PATH_OTP},
        {"/logi", 0},
    };
    cr_assert(path_fragments_are_sorted());
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_assert_eq(path_kinds_of(text_of(rows[i].path)), rows[i].kinds, "%s", rows[i].path);
}

Test(agents, odd_raw_data_counts_as_not_told) {
    static const char *const odd[] = {
        "",
        "{",
        "{}",
        "[]",
        "null",
        "{\"errors\"",
        "{\"errors\":",
        "{\"errors\":-3}",
        "{\"errors\":1.5}",
        "{\"errors\":1e9}",
        "{\"errors\":\"4\"}",
        "{\"errors\":null}",
        "{\"errors\":[4]}",
        "{\"errors\":99999999999999999999}",
        "{\"errors\":4",
        "{\"x\":\"unended",
        "{\"x\":{\"errors\":4}}",
        "{\"errors\":{\"errors\":4}}",
        "{\"a\":]]],\"b\"",
        "{\"usernames\":{\"a\":\"b\"}}",
        "{\"sample_paths\":[[\"/.env\"]]}",
        "{\"sample_paths\":[1,\"/.env\"]}",
        "{\"service\":[]}",
        "\"errors\":4}",
        "{\"a\":\"\\u12",
        "{\"path\":17}",
    };
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        struct signal signal = signal_of(THREAT_BOT_TRAFFIC, 30, 60, odd[i]);
        struct raw_data raw;
        raw_data_read(&signal, &raw);
        cr_assert_eq(raw.errors, -1, "%s", odd[i]);
        cr_assert_eq(raw.distinct_usernames, -1, "%s", odd[i]);
        cr_assert_eq(raw.listed_paths, 0, "%s", odd[i]);
        cr_assert_eq(raw.service, RAW_SERVICE_UNKNOWN, "%s", odd[i]);
    }
}

Test(agents, claims_beyond_the_request_count_are_cut) {
    struct signal signal =
        signal_of(THREAT_BRUTE_FORCE, 3, 5, "{\"errors\":999999999999,\"distinct_usernames\":50}");
    struct raw_data raw;
    raw_data_read(&signal, &raw);
    cr_assert_eq(raw.errors, 3);
    cr_assert_eq(raw.distinct_usernames, 3);
}

/* Each text is given a block of its own length, so that a sanitizer sees any read past its end. */
Test(agents, any_bytes_are_read_within_their_bounds) {
    static const char seed[] = "{\"service\":\"http\",\"errors\":4,\"sample_paths\":[\"/"
                               "a\\u0041\",\"\\\"\"],\"usernames\":[\"root\"]}";
    struct dice dice = {88172645463325252u};
    for (int round = 0; round < 20000; round++) {
        size_t len = dice_roll(&dice, sizeof(seed));
        char *bytes = malloc(len + 1);
        memcpy(bytes, seed, len);
        for (uint64_t flips = dice_roll(&dice, 4); flips > 0 && len > 0; flips--)
            bytes[dice_roll(&dice, len)] = "{}[]\",:\\u0/x\n"[dice_roll(&dice, 13)];
        char *exact = realloc(bytes, len > 0 ? len : 1);
        struct signal signal = signal_of(THREAT_BOT_TRAFFIC, 9, 60, NULL);
        struct raw_data raw;
        signal.raw_data = (struct text){exact, len};
        raw_data_read(&signal, &raw);
        cr_assert(raw.errors >= -1 && raw.errors <= 9 && raw.listed_paths <= 3 * RAW_PATHS_MAX);
        free(exact);
    }
}

Test(agents, numbers_are_written_as_people_do) {
    static const struct {
        double value;
        const char *text;
    } rows[] = {{0, "0"},
                {0.001, "under 0.01"},
                {0.005, "0.01"},
                {0.094, "0.09"},
                {0.095, "0.1"},
                {0.1, "0.1"},
                {0.96, "1"},
                {1, "1"},
                {6.87, "6.9"},
                {99.94, "99.9"},
                {99.96, "100"},
                {412.4, "412"},
                {1e12, "1000000000000"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char number[VOLUME_NUMBER_MAX];
        cr_assert_str_eq(volume_number(rows[i].value, number), rows[i].text);
    }
}

Test(agents, similar_cases_come_from_the_nearest_judged_scope) {
    struct facts facts = usual_facts();
    struct judged_cases none = judged_cases_find(&facts);
    cr_assert_eq(none.scope, NULL);
    cr_assert_lt(judged_cases_fp_rate(&none), 0);
    facts.agent_history.false_positives = 1;
    cr_assert_str_eq(judged_cases_find(&facts).scope, "user agent");
    facts.address_history.true_positives = 1;
    cr_assert_str_eq(judged_cases_find(&facts).scope, "address");
    facts.customer_history = (struct history){.false_positives = 1, .true_positives = 3};
    struct judged_cases cases = judged_cases_find(&facts);
    cr_assert_str_eq(cases.scope, "customer");
    cr_assert_float_eq(judged_cases_fp_rate(&cases), 0.25, 1e-9);
    facts.history_available = false;
    cr_assert_eq(judged_cases_find(&facts).scope, NULL);
}
