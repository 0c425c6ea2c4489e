/* The checker of schemas against bodies that are wrong in one place each: what it lets pass, the property
 * test would not see. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "tests/support/random_world.h"
#include "tests/support/schema.h"

enum { BODIES = 6 };

TestSuite(schema_check, .timeout = 60);

static struct schema_set schemas;
static struct random_world world;
static struct json_nodes nodes;
static struct arena arena;

static void begin(void) {
    cr_assert(schema_set_open(&schemas, TESTS_DIR "/../schemas"), "%s", schemas.why);
}

static void finish(void) {
    schema_set_close(&schemas);
    random_world_fini(&world);
    json_nodes_fini(&nodes);
    arena_fini(&arena);
}

/* World `number` as the API shows it, without numbers that jansson does not read; the caller owns the object.
 */
static json_t *body_of(uint64_t number) {
    struct buffer body = BUFFER_EMPTY;
    random_world_make(&world, 7, number);
    world.signal.raw_data = TEXT_LITERAL("{\"service\":\"http\",\"errors\":3}");
    random_world_analyze(&world);
    analysis_write(&body, &world.analysis);
    json_t *json = json_loadb(body.at, body.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    buffer_fini(&body);
    cr_assert_not_null(json);
    json_object_set_new(json, "verdict", json_null());
    return json;
}

static bool is_valid(const json_t *json, const char *reference) {
    struct schema_fault fault;
    char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
    const struct schema *schema = schema_find(&schemas, reference);
    cr_assert_not_null(schema, "%s", schemas.why);
    cr_assert(json_nodes_read(&nodes, text_of(text)), "%s: %s", nodes.fault, text);
    bool valid = schema_check(schema, &nodes, 0, &fault);
    free(text);
    return valid;
}

static void assert_refused(const json_t *body, const char *path, const char *how) {
    cr_assert_not(is_valid(body, "analysis.json"), "%s: %s is let pass", path, how);
}

/* What a customer sent and what an action needs may be anything. */
static bool is_open(const char *name) {
    return strcmp(name, "raw_data") == 0 || strcmp(name, "parameters") == 0;
}

struct walk {
    json_t *body;
    unsigned refused;
};

static void break_below(struct walk *walk, json_t *json, const char *path);

static json_t *of_another_type(const json_t *value) {
    return json_is_object(value) ? json_array() : json_pack("{s:[]}", "zz");
}

/* Another type, then as it was. */
static void break_member(struct walk *walk, json_t *object, const char *name, const char *path) {
    json_t *kept = json_incref(json_object_get(object, name));
    json_object_set_new(object, name, of_another_type(kept));
    assert_refused(walk->body, path, "another type");
    json_object_set(object, name, kept);
    walk->refused++;
    if (!is_open(name))
        break_below(walk, kept, path);
    json_decref(kept);
}

static void break_object(struct walk *walk, json_t *object, const char *path) {
    const char *name;
    json_t *value;
    json_t *names = json_deep_copy(object);
    json_object_set_new(object, "zz", json_integer(1));
    assert_refused(walk->body, path, "an extra member");
    json_object_del(object, "zz");
    walk->refused++;
    json_object_foreach(names, name, value) {
        struct text below = arena_printf(&arena, "%s/%s%c", path, name, '\0');
        break_member(walk, object, name, below.at);
    }
    json_decref(names);
}

static void break_below(struct walk *walk, json_t *json, const char *path) {
    json_t *element;
    size_t i;
    if (json_is_object(json))
        break_object(walk, json, path);
    json_array_foreach(json, i, element) {
        json_t *kept = json_incref(element);
        json_array_set_new(json, i, of_another_type(kept));
        assert_refused(walk->body, path, "an element of another type");
        json_array_set(json, i, kept);
        walk->refused++;
        break_below(walk, kept, path);
        json_decref(kept);
    }
}

Test(schema_check, every_schema_file_can_be_checked, .init = begin, .fini = finish) {
    for (unsigned i = 0; i < schemas.file_count; i++)
        cr_assert_not_null(schema_find(&schemas, schemas.files[i].name), "%s", schemas.why);
    cr_assert_gt(schemas.file_count, 10);
}

Test(schema_check, other_types_and_extra_members_are_refused_everywhere, .init = begin, .fini = finish) {
    struct walk walk = {.refused = 0};
    for (uint64_t number = 0; number < BODIES; number++) {
        walk.body = body_of(number);
        cr_assert(is_valid(walk.body, "analysis.json"));
        break_below(&walk, walk.body, "");
        cr_assert(is_valid(walk.body, "analysis.json"), "the walk must leave the body as it was");
        json_decref(walk.body);
    }
    cr_assert_gt(walk.refused, 600, "%u", walk.refused);
}

/* "a/b/0" in a jansson tree. */
static json_t *find(json_t *json, const char *path, size_t len) {
    while (len > 0 && json != NULL) {
        size_t token = strcspn(path, "/");
        token = token < len ? token : len;
        json = json_is_array(json) ? json_array_get(json, (size_t)atoi(path))
                                   : json_object_getn(json, path, token);
        size_t past = token + (token < len);
        path += past;
        len -= past;
    }
    return json;
}

/* Rows: a member that must be there in every body, and values that it may not have; NULL: it may not lack. */
static const struct {
    const char *path;
    const char *value;
} broken[] = {
    {"id", NULL},
    {"id", "\"0199a8b7-0000-4000-8000-000000000000\""},
    {"id", "\"0199a8b7-0000-7000-8000-00000000000\""},
    {"id", "\"x0199a8b7-0000-7000-8000-000000000000\""},
    {"schema_version", NULL},
    {"schema_version", "2"},
    {"schema_version", "1.5"},
    {"signal", NULL},
    {"signal/threat_type", NULL},
    {"signal/threat_type", "\"boredom\""},
    {"signal/customer_id", "\"\""},
    {"signal/customer_id", "\"a b\""},
    {"signal/customer_id", "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\""},
    {"signal/customer_name", "\"\""},
    {"signal/request_count", "-1"},
    {"signal/request_count", "1000000000001"},
    {"signal/request_count", "0.5"},
    {"signal/time_window_minutes", "0"},
    {"signal/time_window_minutes", "10081"},
    {"signal/detected_at", NULL},
    {"signal/detected_at", "\"2026-11-26T20:00:00Z\""},
    {"status", "\"pending\""},
    {"agent_analyses/historical", NULL},
    {"agent_analyses/priority", NULL},
    {"agent_analyses/config/agent_name", "\"devops\""},
    {"agent_analyses/context/available", NULL},
    {"agent_analyses/context/available", "null"},
    {"false_positive_score/score", NULL},
    {"false_positive_score/score", "1.001"},
    {"false_positive_score/score", "-0.001"},
    {"false_positive_score/confidence", "1.01"},
    {"false_positive_score/recommendation", "\"maybe\""},
    {"false_positive_score/explanation", "\"\""},
    {"false_positive_score/historical_fp_rate", NULL},
    {"false_positive_score/historical_fp_rate", "1.5"},
    {"false_positive_score/historical_fp_rate", "\"0.5\""},
    {"risk_score", "101"},
    {"risk_score", "-1"},
    {"risk_score", "50.5"},
    {"risk_factors", NULL},
    {"risk_factors", "[]"},
    {"risk_factors/0/points", NULL},
    {"risk_factors/0/points", "101"},
    {"risk_factors/0/factor", "\"\""},
    {"severity", "\"none\""},
    {"severity", "\"High\""},
    {"response_plan/primary_action", NULL},
    {"response_plan/primary_action/action_type", "\"none\""},
    {"response_plan/primary_action/urgency", "\"soon\""},
    {"response_plan/primary_action/target", "\"\""},
    {"response_plan/primary_action/confidence", "-0.01"},
    {"response_plan/primary_action/parameters", "{}"},
    {"response_plan/sla_minutes", "0"},
    {"response_plan/sla_due_at", "\"tomorrow\""},
    {"response_plan/escalation_path", "[]"},
    {"response_plan/escalation_path", "[\"\"]"},
    {"response_plan/secondary_actions", "[]"},
    {"investigation_timeline/events", "[]"},
    {"investigation_timeline/events/0/phase", NULL},
    {"investigation_timeline/events/0/phase", "\"commit\""},
    {"investigation_timeline/events/1/event_type", "\"party\""},
    {"investigation_timeline/duration_ms", "-1"},
    {"investigation_timeline/phase_breakdown/timeline", NULL},
    {"investigation_timeline/phase_breakdown/timeline", "-0.0001"},
    {"requires_human_review", NULL},
    {"review_reason", "\"\""},
    {"verdict", NULL},
    {"verdict", "{\"verdict\":\"none\",\"at\":\"2026-11-26T20:00:00.000Z\"}"},
    {"verdict", "{\"verdict\":\"true_positive\"}"},
    {"facts", NULL},
    {"facts", "{\"context_available\":true}"},
    {"facts", "{}"},
    {"facts",
     "{\"context_available\":false,\"history_available\":false,\"history\":{\"address\":{\"total\":1}}}"},
    {"facts", "{\"context_available\":false,\"history\":{}}"},
    {"facts", "{\"context_available\":false,\"history\":{\"customer\":{\"total\":1}}}"},
    {"facts", "{\"customer\":{\"tier\":\"gold\",\"requests_per_minute\":1},\"intel_lists\":0}"},
    {"facts", "{\"customer\":{\"tier\":\"premium\"},\"intel_lists\":0}"},
    {"facts", "{\"context_available\":false,\"range\":{\"cidr\":\"10.0.0.0\",\"meaning\":\"x\",\"reference\":"
              "\"RFC 1\"}}"},
    {"measured", NULL},
    {"measured/steps", "[0,0,0,0,0,0,0,0,0]"},
    {"measured/steps", "[0,0,0,0,0,0,0,0,0,-1]"},
    {"measured/steps", "[0,0,0,0,0,0,0,0,0,0,0]"},
    {"total_processing_time_ms", "-0.5"},
    {"mitre_version", "\"17\""},
    {"mitre_techniques", "[{\"id\":\"T11\",\"name\":\"x\",\"tactic_id\":\"TA0001\"}]"},
    {"mitre_techniques", "[]"},
    {"created_at", "\"2026-11-26 20:00:00.000Z\""},
    {"completed_at", NULL},
};

static void break_by_row(json_t *body, size_t row) {
    const char *path = broken[row].path, *slash = strrchr(path, '/');
    json_t *parent = find(body, path, slash == NULL ? 0 : (size_t)(slash - path));
    const char *name = slash == NULL ? path : slash + 1;
    cr_assert_not_null(parent, "%s", path);
    if (broken[row].value == NULL)
        cr_assert_eq(json_object_del(parent, name), 0, "%s", path);
    else
        json_object_set_new(parent, name, json_loads(broken[row].value, JSON_DECODE_ANY, NULL));
}

Test(schema_check, broken_rules_are_refused, .init = begin, .fini = finish) {
    for (uint64_t number = 0; number < BODIES; number++)
        for (size_t row = 0; row < sizeof(broken) / sizeof(broken[0]); row++) {
            json_t *body = body_of(number);
            break_by_row(body, row);
            assert_refused(body, broken[row].path, broken[row].value == NULL ? "gone" : broken[row].value);
            json_decref(body);
        }
}

Test(schema_check, keywords_and_patterns_that_are_not_known_are_told, .fini = finish) {
    static const char *const bad[] = {"{\"uniqueItems\":true}",
                                      "{\"items\":{\"contains\":{}}}",
                                      "{\"pattern\":\"a|b\"}",
                                      "{\"pattern\":\"[^a]\"}",
                                      "{\"pattern\":\"\\\\d\"}",
                                      "{\"pattern\":\"(a\"}",
                                      "{\"$ref\":\"#/$defs/nobody\"}",
                                      "{\"type\":\"text\"}",
                                      "{\"const\":{}}",
                                      "{\"items\":[]}"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        schemas = (struct schema_set){.file_count = 1};
        schemas.files[0].name = strdup("bad.json");
        schemas.files[0].json = json_loads(bad[i], 0, NULL);
        cr_assert_null(schema_find(&schemas, "bad.json"), "%s", bad[i]);
        cr_assert_neq(schemas.why[0], '\0', "%s", bad[i]);
        schema_set_close(&schemas);
    }
    schemas = (struct schema_set){.file_count = 0};
}

Test(schema_check, patterns_match_as_they_say, .fini = finish) {
    static const struct {
        const char *pattern, *text;
        bool matches;
    } rows[] = {
        {"^a+b$", "aab", true},
        {"^a+b$", "b", false},
        {"a{2}", "xaay", true},
        {"^[0-9]{1,3}$", "1234", false},
        {"^x(\\.[0-9]{2})?$", "x.12", true},
        {"^x(\\.[0-9]{2})?$", "x", true},
        {"^x(\\.[0-9]{2})?$", "x.1", false},
        {"^a(-[a-z]+)*$", "a-b-cd", true},
        {"^a(-[a-z]+)*$", "a-b-", false},
        {"^RFC [0-9]+", "RFC 12x", true},
        {"^[a-z.:-]+$", "a-b.c:", true},
        {"^$", "", true},
        {"^[0-9]*1$", "111", true},
        {"b$", "abab", true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *why = NULL;
        const struct pattern *pattern = pattern_compile(&arena, text_of(rows[i].pattern), &why);
        cr_assert_not_null(pattern, "%s: %s", rows[i].pattern, why);
        cr_assert_eq(pattern_matches(pattern, text_of(rows[i].text)), rows[i].matches, "%s on %s",
                     rows[i].pattern, rows[i].text);
    }
}
