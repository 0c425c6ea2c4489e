#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>

#include "tests/unit/analysis_fixture.h"

enum { BODY_MEDIAN_MAX = 4900, RANDOM_BODIES = 3000 };

TestSuite(analysis_json, .timeout = 60);

static struct arena arena;
static struct buffer body;
static struct analysis analysis;

static void finish(void) {
    arena_fini(&arena);
    buffer_fini(&body);
}

/* The caller owns the object. */
static json_t *write_and_parse(void) {
    json_error_t error;
    buffer_clear(&body);
    analysis_write(&body, &analysis);
    json_t *json = json_loadb(body.at, body.len, JSON_REJECT_DUPLICATES, &error);
    cr_assert_not_null(json, "%s at %d: %.*s", error.text, error.position, (int)body.len, body.at);
    return json;
}

static double number_of(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    cr_assert(json_is_number(value), "%s", key);
    return json_number_value(value);
}

static double sum_of(const json_t *array, const char *key) {
    double sum = 0;
    size_t i;
    json_t *item;
    json_array_foreach(array, i, item) sum += number_of(item, key);
    return sum;
}

static void assert_required(const json_t *json) {
    static const char *const keys[] = {"id",
                                       "schema_version",
                                       "signal",
                                       "status",
                                       "agent_analyses",
                                       "false_positive_score",
                                       "risk_score",
                                       "risk_factors",
                                       "severity",
                                       "response_plan",
                                       "investigation_timeline",
                                       "requires_human_review",
                                       "facts",
                                       "rules_version",
                                       "total_processing_time_ms",
                                       "created_at",
                                       "completed_at"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        cr_assert_not_null(json_object_get(json, keys[i]), "%s", keys[i]);
    cr_assert_null(json_object_get(json, "verdict"));
    json_t *agents = json_object_get(json, "agent_analyses");
    cr_assert_eq(json_object_size(agents), AGENT_COUNT);
    for (int i = 0; i < AGENT_COUNT; i++) {
        const json_t *agent = json_object_get(agents, vocabulary_word(&vocabulary_agent, i));
        bool available = json_is_true(json_object_get(agent, "available"));
        cr_assert_str_eq(json_string_value(json_object_get(agent, "agent_name")),
                         vocabulary_word(&vocabulary_agent, i));
        cr_assert_eq(json_object_get(agent, "analysis") != NULL, available);
        cr_assert_eq(json_object_get(agent, "unavailable_because") == NULL, available);
    }
}

static void assert_sums(const json_t *json) {
    const json_t *fp = json_object_get(json, "false_positive_score");
    double score = 0.5 + sum_of(json_object_get(fp, "indicators"), "impact");
    cr_assert_float_eq(number_of(fp, "score"), fmax(0, fmin(1, score)), 1e-9);
    cr_assert_float_eq(number_of(json, "risk_score"), sum_of(json_object_get(json, "risk_factors"), "points"),
                       1e-9);
    const json_t *timeline = json_object_get(json, "investigation_timeline");
    double phases = 0;
    const char *key;
    json_t *value;
    json_object_foreach(json_object_get(timeline, "phase_breakdown"), key, value) phases +=
        json_number_value(value);
    cr_assert_float_eq(number_of(timeline, "duration_ms"), phases, 1e-9);
    cr_assert_float_eq(number_of(json, "total_processing_time_ms"), phases, 1e-9);
}

/* Nothing empty is spelled out, but null for an unknown rate and what a customer sent. */
static void assert_no_empty(const json_t *json, const char *at) {
    const char *key;
    json_t *value;
    size_t i;
    if (json_is_object(json)) {
        json_object_foreach((json_t *)json, key, value) {
            if (strcmp(key, "signal") != 0 && strcmp(key, "historical_fp_rate") != 0)
                assert_no_empty(value, key);
        }
        return;
    }
    json_array_foreach(json, i, value) assert_no_empty(value, at);
    cr_assert_not(json_is_null(json), "%s", at);
    cr_assert_not(json_is_array(json) && json_array_size(json) == 0, "%s", at);
    cr_assert_not(json_is_string(json) && json_string_length(json) == 0, "%s", at);
}

static int compare_sizes(const void *a, const void *b) {
    size_t left = *(const size_t *)a, right = *(const size_t *)b;
    return left < right ? -1 : left > right;
}

Test(analysis_json, real_signals_become_valid_bodies_of_bounded_size, .fini = finish) {
    struct real_world world;
    size_t sizes[REAL_SIGNALS];
    unsigned count = 0;
    real_world_init(&world);
    struct signal signal;
    struct facts facts;
    while (count < REAL_SIGNALS && real_world_next(&world, &arena, &signal, &facts)) {
        fixture_analyze(&signal, &facts, 700, &arena, &analysis);
        json_t *json = write_and_parse();
        assert_required(json);
        assert_sums(json);
        assert_no_empty(json, "body");
        json_decref(json);
        sizes[count++] = body.len;
    }
    real_world_fini(&world);
    cr_assert_eq(count, REAL_SIGNALS);
    qsort(sizes, count, sizeof(sizes[0]), compare_sizes);
    fprintf(stderr, "bodies of the real signals: median %zu, largest %zu bytes\n", sizes[count / 2],
            sizes[count - 1]);
    cr_assert_leq(sizes[count / 2], BODY_MEDIAN_MAX, "median %zu bytes", sizes[count / 2]);
}

Test(analysis_json, verified_crawlers_are_false_and_guessers_real, .fini = finish) {
    struct real_world world;
    struct signal signal;
    struct facts facts;
    unsigned crawlers = 0, listed = 0;
    real_world_init(&world);
    while (real_world_next(&world, &arena, &signal, &facts)) {
        fixture_analyze(&signal, &facts, 700, &arena, &analysis);
        if (facts.crawler.verdict == CRAWLER_VERIFIED) {
            crawlers++;
            cr_assert_eq(analysis.fp.recommendation, RECOMMEND_LIKELY_FP);
            cr_assert_eq(analysis.plan.primary.action_type, ACTION_MONITOR);
        }
        if (signal.threat_type == THREAT_BRUTE_FORCE || signal.threat_type == THREAT_CREDENTIAL_STUFFING)
            cr_assert_neq(analysis.fp.recommendation, RECOMMEND_LIKELY_FP);
        if (facts.intel_count > 0 && facts.intel[0].category == INTEL_BLOCKLIST) {
            listed++;
            cr_assert_eq(analysis.fp.recommendation, RECOMMEND_LIKELY_REAL);
            cr_assert_geq(analysis.severity, SEVERITY_HIGH);
            cr_assert_eq(analysis.plan.primary.action_type, ACTION_BLOCK_IP);
        }
    }
    real_world_fini(&world);
    cr_assert_gt(crawlers, 0);
    cr_assert_gt(listed, 0);
}

Test(analysis_json, the_same_input_gives_the_same_bytes, .fini = finish) {
    struct dice dice = {521288629u};
    struct buffer first = BUFFER_EMPTY;
    for (int round = 0; round < RANDOM_BODIES; round++) {
        struct signal signal;
        struct facts facts;
        arena_reset(&arena);
        made_up_signal(&dice, &arena, &signal);
        made_up_facts(&dice, &facts);
        buffer_clear(&first);
        fixture_analyze(&signal, &facts, 700, &arena, &analysis);
        analysis_write(&first, &analysis);
        memset(&analysis, 0xa5, sizeof(analysis));
        fixture_analyze(&signal, &facts, 700, &arena, &analysis);
        buffer_clear(&body);
        analysis_write(&body, &analysis);
        cr_assert(text_equal(buffer_text(&first), buffer_text(&body)), "round %d", round);
    }
    buffer_fini(&first);
}

Test(analysis_json, whatever_comes_the_body_is_valid, .fini = finish) {
    struct dice dice = {88675123u};
    for (int round = 0; round < RANDOM_BODIES; round++) {
        struct signal signal;
        struct facts facts;
        arena_reset(&arena);
        made_up_signal(&dice, &arena, &signal);
        made_up_facts(&dice, &facts);
        fixture_analyze(&signal, &facts, 1234567, &arena, &analysis);
        json_t *json = write_and_parse();
        assert_required(json);
        assert_sums(json);
        assert_no_empty(json, "body");
        json_decref(json);
    }
}

Test(analysis_json, what_is_missing_is_told, .fini = finish) {
    struct signal signal = {.threat_type = THREAT_ANOMALY_DETECTION,
                            .customer_id = TEXT_LITERAL("acme"),
                            .customer_name = TEXT_LITERAL("Acme"),
                            .request_count = 1,
                            .time_window_minutes = 1};
    struct facts facts = {0};
    fixture_analyze(&signal, &facts, 700, &arena, &analysis);
    json_t *json = write_and_parse();
    const json_t *agents = json_object_get(json, "agent_analyses"), *told = json_object_get(json, "facts");
    cr_assert(json_is_false(json_object_get(json_object_get(agents, "historical"), "available")));
    cr_assert(json_is_false(json_object_get(told, "history_available")));
    cr_assert(json_is_false(json_object_get(told, "context_available")));
    cr_assert_null(json_object_get(json, "mitre_techniques"));
    cr_assert_null(json_object_get(json, "mitre_version"));
    cr_assert(
        json_is_null(json_object_get(json_object_get(json, "false_positive_score"), "historical_fp_rate")));
    cr_assert_str_eq(json_string_value(json_object_get(json, "review_reason")),
                     "score is inconclusive; no answer of agent historical, config, devops");
    json_decref(json);
}

Test(analysis_json, tactics_are_named_once_and_carry_the_version, .fini = finish) {
    struct signal signal = {.threat_type = THREAT_RATE_LIMIT_BREACH,
                            .customer_id = TEXT_LITERAL("acme"),
                            .customer_name = TEXT_LITERAL("Acme"),
                            .request_count = 1,
                            .time_window_minutes = 1,
                            .raw_data = TEXT_LITERAL("{\"sample_paths\":[\"/otp\",\"/login\"]}")};
    struct facts facts = {.history_available = true};
    fixture_analyze(&signal, &facts, 700, &arena, &analysis);
    json_t *json = write_and_parse();
    cr_assert_eq(json_array_size(json_object_get(json, "mitre_techniques")), 3);
    cr_assert_eq(json_array_size(json_object_get(json, "mitre_tactics")), 2);
    cr_assert_str_eq(json_string_value(json_object_get(json, "mitre_version")), "17.1");
    json_decref(json);
}

Test(analysis_json, a_phase_stands_where_it_begins, .fini = finish) {
    static const char *const begun[] = {"queue_wait", "agent_execution", "fp_analysis", "response_planning"};
    struct signal signal = {.threat_type = THREAT_BOT_TRAFFIC,
                            .customer_id = TEXT_LITERAL("acme"),
                            .customer_name = TEXT_LITERAL("Acme"),
                            .time_window_minutes = 1};
    struct facts facts = {.history_available = true};
    unsigned seen = 0;
    size_t i;
    json_t *event;
    fixture_analyze(&signal, &facts, 700, &arena, &analysis);
    json_t *json = write_and_parse();
    json_array_foreach(json_object_get(json_object_get(json, "investigation_timeline"), "events"), i, event) {
        const json_t *phase = json_object_get(event, "phase");
        if (phase != NULL)
            cr_assert_str_eq(json_string_value(phase), begun[seen++]);
    }
    cr_assert_eq(seen, 4);
    json_decref(json);
}
