/* Runs every JSON file below tests/cases: signal and facts in, analysis out. A new case needs no C. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/case_run.h"

enum { PATH_ROOM = 512 };

TestSuite(cases, .timeout = 60);

static const char folder[] = TESTS_DIR "/cases";
static const char coverage_name[] = "coverage.json";

struct bench {
    struct arena arena;
    struct analysis analysis;
    struct case_report report;
    struct case_coverage coverage;
    unsigned cases;
};

static json_t *load(const char *path, struct case_report *report) {
    json_error_t error;
    json_t *json = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (json == NULL)
        case_fault(report, "line %d: %s", error.line, error.text);
    return json;
}

static void run_case(const json_t *row, struct bench *bench) {
    arena_reset(&bench->arena);
    json_t *body = case_run(row, &bench->arena, &bench->analysis, &bench->report);
    if (body != NULL)
        case_coverage_add(&bench->coverage, &bench->analysis, body);
    json_decref(body);
    bench->cases++;
}

static void run_file(const char *path, struct bench *bench) {
    size_t i;
    json_t *row;
    bench->report.file = path + sizeof(folder);
    bench->report.name = "the file";
    json_t *rows = load(path, &bench->report);
    if (rows != NULL && json_array_size(rows) == 0)
        case_fault(&bench->report, "no array of cases");
    json_array_foreach(rows, i, row) run_case(row, bench);
    json_decref(rows);
}

/* In the order of the names, so that reports can be compared. */
static void run_folder(const char *path, struct bench *bench) {
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, alphasort);
    cr_assert_geq(count, 0, "%s", path);
    for (int i = 0; i < count; i++) {
        char below[PATH_ROOM];
        const char *name = entries[i]->d_name, *dot = strrchr(name, '.');
        snprintf(below, sizeof(below), "%s/%s", path, name);
        if (entries[i]->d_type == DT_DIR && name[0] != '.')
            run_folder(below, bench);
        else if (dot != NULL && strcmp(dot, ".json") == 0 && strcmp(name, coverage_name) != 0)
            run_file(below, bench);
        free(entries[i]);
    }
    free(entries);
}

static void bench_fini(struct bench *bench) {
    case_coverage_fini(&bench->coverage);
    buffer_fini(&bench->report.lines);
    arena_fini(&bench->arena);
}

Test(cases, every_case_comes_out_as_expected_and_nothing_is_left_out) {
    char path[PATH_ROOM];
    struct bench bench = {.report = {.file = coverage_name, .name = "coverage"}};
    snprintf(path, sizeof(path), "%s/%s", folder, coverage_name);
    json_t *must = load(path, &bench.report);
    case_coverage_init(&bench.coverage, must);
    run_folder(folder, &bench);
    bench.report.file = coverage_name;
    bench.report.name = "coverage";
    case_coverage_check(&bench.coverage, must, &bench.report);
    json_decref(must);
    fprintf(stderr, "%u cases\n", bench.cases);
    cr_expect_gt(bench.cases, 0);
    cr_expect_eq(bench.report.faults, 0, "%u faults:\n%.*s", bench.report.faults, (int)bench.report.lines.len,
                 bench.report.lines.at);
    bench_fini(&bench);
}

/* --- the runner itself: a wrong expectation must not pass, and must say where --- */

#define SIGNAL                                                                                               \
    "\"signal\":{\"threat_type\":\"bot_traffic\",\"customer_id\":\"acme\",\"customer_name\":\"Acme\","       \
    "\"source_ip\":\"8.8.8.8\",\"request_count\":10,\"time_window_minutes\":1}"
#define FACTS "\"facts\":{\"customer\":{\"tier\":\"standard\",\"requests_per_minute\":60},\"intel_lists\":1}"

static unsigned run_text(const char *text, struct bench *bench) {
    json_error_t error;
    json_t *row = json_loads(text, 0, &error);
    cr_assert_not_null(row, "%s: %s", error.text, text);
    *bench = (struct bench){.report = {.file = "made up"}};
    json_t *body = case_run(row, &bench->arena, &bench->analysis, &bench->report);
    buffer_append_char(&bench->report.lines, '\0');
    json_decref(body);
    json_decref(row);
    return bench->report.faults;
}

static const struct {
    const char *expect;
    const char *told; /* NULL: it is as expected */
} expectations[] = {
    {"{\"status\":\"completed\",\"signal\":{\"customer_id\":\"acme\"}}", NULL},
    {"{\"verdict\":{\"absent\":true},\"facts\":{\"infra\":{\"absent\":true}}}", NULL},
    {"{\"facts\":{\"customer\":{\"requests_per_minute\":60.0}}}", NULL},
    {"{\"agent_analyses\":{\"config\":{\"analysis\":{\"matches\":\"10 requests/min\"}}}}", NULL},
    {"{\"risk_factors\":{\"contains\":[{\"factor\":\"bot_traffic\"}]}}", NULL},
    {"{\"status\":\"failed\"}", "made up: one: /status: expected \"failed\", found \"completed\""},
    {"{\"facts\":{\"customer\":{\"tier\":\"premium\"}}}",
     "made up: one: /facts/customer/tier: expected \"premium\", found \"standard\""},
    {"{\"facts\":{\"infra\":[]}}", "made up: one: /facts/infra: expected [], found nothing"},
    {"{\"facts\":{\"customer\":{\"requests_per_minute\":60.001}}}",
     "/facts/customer/requests_per_minute: expected 60.001, found 60"},
    {"{\"facts\":{\"customer\":{\"requests_per_minute\":\"60\"}}}", "expected \"60\", found 60"},
    {"{\"status\":{\"absent\":true}}", "/status: expected {\"absent\":true}, found \"completed\""},
    {"{\"status\":{\"matches\":\"^done\"}}",
     "/status: expected {\"matches\":\"^done\"}, found \"completed\""},
    {"{\"status\":{\"matches\":\"(\"}}", "made up: one: ( is no regular expression"},
    {"{\"risk_score\":{\"matches\":\"1\"}}", "/risk_score: expected {\"matches\":\"1\"}, found "},
    {"{\"risk_factors\":{\"contains\":[{\"factor\":\"nothing\"}]}}",
     "/risk_factors: expected {\"factor\":\"nothing\"}, found [{"},
    {"{\"nobody\":{\"contains\":[1]}}", "/nobody: expected 1, found nothing"},
    {"{\"risk_factors\":[{},{},{},{},{},{},{}]}", "/risk_factors: expected [{},"},
    {"{\"measured\":{\"steps\":[0,0,0,0,0,0,0,0,0,\"x\"]}}", "/measured/steps/9: expected \"x\", found "},
    {"{\"severity\":{}}", "/severity: expected {}, found "},
};

Test(cases, a_wrong_expectation_is_told_with_its_place) {
    for (size_t i = 0; i < sizeof(expectations) / sizeof(expectations[0]); i++) {
        struct bench bench;
        char text[1024];
        snprintf(text, sizeof(text), "{\"name\":\"one\"," SIGNAL "," FACTS ",\"expect\":%s}",
                 expectations[i].expect);
        bool faulty = run_text(text, &bench) > 0;
        cr_expect_eq(faulty, expectations[i].told != NULL, "%s: %s", text, bench.report.lines.at);
        if (expectations[i].told != NULL)
            cr_expect_not_null(strstr(bench.report.lines.at, expectations[i].told), "%s instead of %s",
                               bench.report.lines.at, expectations[i].told);
        buffer_fini(&bench.report.lines);
        arena_fini(&bench.arena);
    }
}

Test(cases, a_case_that_is_none_is_told) {
    static const char *const rows[][2] = {
        {"{\"name\":\"one\"," SIGNAL "," FACTS "}", "a case has name, signal, facts, expect"},
        {"{\"name\":\"one\"," SIGNAL "," FACTS ",\"expect\":{}}", "a case has name, signal, facts, expect"},
        {"{\"name\":\"one\"," SIGNAL "," FACTS ",\"expected\":{\"a\":1},\"expect\":{\"a\":1}}",
         "a case has name"},
        {"{\"name\":\"one\",\"signal\":{}," FACTS ",\"expect\":{\"a\":1}}", "one: signal/threat_type: "},
        {"{\"name\":\"one\"," SIGNAL ",\"facts\":{},\"expect\":{\"a\":1}}", "one: facts: "},
        {"{\"name\":\"one\"," SIGNAL
         ",\"facts\":{\"context_available\":false,\"range\":{\"cidr\":\"10.0.0.0/8\","
         "\"meaning\":\"private use\",\"reference\":\"RFC 1918\"}},\"expect\":{\"a\":1}}",
         "one: facts/range: the address lies in none"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bench bench;
        cr_expect_gt(run_text(rows[i][0], &bench), 0, "%s", rows[i][0]);
        cr_expect_not_null(strstr(bench.report.lines.at, rows[i][1]), "%s", bench.report.lines.at);
        buffer_fini(&bench.report.lines);
        arena_fini(&bench.arena);
    }
}

Test(cases, what_no_case_shows_is_told) {
    struct bench bench = {.report = {.file = coverage_name, .name = "coverage"}};
    json_t *must = json_pack("{s:[s]}", "/review_reason", "nobody ever says this");
    case_coverage_init(&bench.coverage, must);
    case_coverage_check(&bench.coverage, must, &bench.report);
    buffer_append_char(&bench.report.lines, '\0');
    cr_expect_not_null(strstr(bench.report.lines.at, "the response template of brute_force, high"));
    cr_expect_not_null(strstr(bench.report.lines.at, "no case shows action_type quarantine"));
    cr_expect_not_null(strstr(bench.report.lines.at, "below /review_reason, a text like \"nobody ever says"));
    cr_expect_geq(bench.report.faults, THREAT_TYPE_COUNT * (SEVERITY_CRITICAL + 1));
    json_decref(must);
    bench_fini(&bench);
}
