#include <criterion/criterion.h>
#include <jansson.h>

#include "shared/explain/explain_analysis.h"
#include "shared/explain/facts_read.h"
#include "tests/unit/analysis_fixture.h"

enum { RANDOM_WORLDS = 20000 };

TestSuite(explain, .timeout = 60);

static struct arena arena;
static struct buffer body, again, differences;
static struct signal signal;
static struct facts facts;
static struct analysis analysis;

static void finish(void) {
    arena_fini(&arena);
    buffer_fini(&body);
    buffer_fini(&again);
    buffer_fini(&differences);
}

/* Of the user agent only counts are facts, of the address no times. */
static void keep_what_is_written(void) {
    facts.agent_history.recent_count = 0;
    if (!facts.context_available)
        facts.customer = (struct customer_facts){0};
}

static void make_body(int64_t step_ns) {
    fixture_analyze(&signal, &facts, step_ns, &arena, &analysis);
    buffer_clear(&body);
    analysis_write(&body, &analysis);
}

static void assert_same(const char *where) {
    bool same = false;
    const char *why = "";
    buffer_clear(&differences);
    enum status status = explain_analysis(buffer_text(&body), &arena, &same, &differences, &why);
    cr_assert_eq(status, STATUS_OK, "%s: %s\n%.*s", where, why, (int)body.len, body.at);
    cr_assert(same, "%s: %.*s\n%.*s", where, (int)differences.len, differences.at, (int)body.len, body.at);
}

Test(explain, every_real_signal_gives_its_bytes_again, .fini = finish) {
    struct real_world world;
    unsigned count = 0;
    real_world_init(&world);
    for (; arena_reset(&arena), real_world_next(&world, &arena, &signal, &facts); count++) {
        make_body(3333);
        assert_same("real");
    }
    real_world_fini(&world);
    cr_assert_eq(count, REAL_SIGNALS);
}

Test(explain, whatever_comes_gives_its_bytes_again, .fini = finish) {
    struct dice dice = {88172645463325252u};
    for (int round = 0; round < RANDOM_WORLDS; round++) {
        arena_reset(&arena);
        made_up_signal(&dice, &arena, &signal);
        made_up_facts(&dice, &facts);
        keep_what_is_written();
        make_body((int64_t)dice_roll(&dice, 30000000)); /* some agents are late */
        assert_same("made up");
    }
}

Test(explain, facts_are_read_as_they_were_written, .fini = finish) {
    struct dice dice = {362436069u};
    for (int round = 0; round < RANDOM_WORLDS; round++) {
        struct facts read;
        struct writer writer;
        const char *why = "";
        arena_reset(&arena);
        buffer_clear(&body);
        buffer_clear(&again);
        made_up_facts(&dice, &facts);
        writer_init(&writer, &body);
        facts_write(&writer, &facts);
        cr_assert(facts_read(buffer_text(&body), &arena, &read, &why), "%s in %.*s", why, (int)body.len,
                  body.at);
        writer_init(&writer, &again);
        facts_write(&writer, &read);
        cr_assert(text_equal(buffer_text(&body), buffer_text(&again)), "%.*s\n%.*s", (int)body.len, body.at,
                  (int)again.len, again.at);
    }
}

/* The body with the first `from` in it replaced. */
static void tamper(const char *from, const char *to) {
    const char *at = memmem(body.at, body.len, from, strlen(from));
    cr_assert_not_null(at, "%s is in %.*s", from, (int)body.len, body.at);
    buffer_clear(&again);
    buffer_append(&again, body.at, (size_t)(at - body.at));
    buffer_append_string(&again, to);
    buffer_append(&again, at + strlen(from), (size_t)(body.at + body.len - at) - strlen(from));
    buffer_clear(&body);
    buffer_append_text(&body, buffer_text(&again));
}

static void begin(void) {
    signal = (struct signal){.threat_type = THREAT_BOT_TRAFFIC,
                             .customer_id = TEXT_LITERAL("acme"),
                             .customer_name = TEXT_LITERAL("Acme"),
                             .request_count = 100,
                             .time_window_minutes = 1,
                             .detected_at_ms = FIXTURE_NOW_MS,
                             .raw_data = TEXT_LITERAL("{\"n\":123456789012345678901234567890,\"f\":1e5,"
                                                      "\"s\":\"a\\/b\\u0000\",\"m/~\":[1.0]}")};
    facts = (struct facts){.history_available = true,
                           .context_available = true,
                           .customer = {.known = true, .requests_per_minute = 60},
                           .intel_lists = 1};
    make_body(1000);
}

Test(explain, raw_data_that_fits_nowhere_is_kept_byte_for_byte, .init = begin, .fini = finish) {
    assert_same("odd raw_data");
}

Test(explain, a_body_that_was_changed_tells_where, .init = begin, .fini = finish) {
    bool same = true;
    const char *why;
    json_error_t error;
    char from[32];
    snprintf(from, sizeof(from), "\"risk_score\":%d", analysis.risk_score);
    tamper(from, "\"risk_score\":99");
    cr_assert_eq(explain_analysis(buffer_text(&body), &arena, &same, &differences, &why), STATUS_OK);
    cr_assert_not(same);
    json_t *told = json_loadb(differences.at, differences.len, 0, &error);
    const json_t *first = json_array_get(json_object_get(told, "differences"), 0);
    cr_assert_eq(json_array_size(json_object_get(told, "differences")), 1);
    cr_assert_str_eq(json_string_value(json_object_get(first, "pointer")), "/risk_score");
    cr_assert_eq(json_integer_value(json_object_get(first, "analysis")), 99);
    cr_assert_eq(json_integer_value(json_object_get(first, "now")), analysis.risk_score);
    json_decref(told);
}

Test(explain, a_pointer_is_whole_and_escaped, .init = begin, .fini = finish) {
    struct buffer to = BUFFER_EMPTY, pointer = BUFFER_EMPTY;
    bool same = true;
    const char *why;
    json_error_t error;
    buffer_append_string(&to, "\"status\":\"completed\",\"a/b~c");
    buffer_append_string(&pointer, "/a~1b~0c");
    for (int i = 0; i < 200; i++) {
        buffer_append_string(&to, "\xe6\x9d\xb1");
        buffer_append_string(&pointer, "\xe6\x9d\xb1");
    }
    buffer_append(&to, "\":1", sizeof("\":1"));
    buffer_append_char(&pointer, '\0');
    tamper("\"status\":\"completed\"", to.at);
    cr_assert_eq(explain_analysis(buffer_text(&body), &arena, &same, &differences, &why), STATUS_OK);
    json_t *told = json_loadb(differences.at, differences.len, 0, &error);
    cr_assert_not_null(told, "%s", error.text);
    const json_t *first = json_array_get(json_object_get(told, "differences"), 0);
    cr_assert_str_eq(json_string_value(json_object_get(first, "pointer")), pointer.at);
    json_decref(told);
    buffer_fini(&to);
    buffer_fini(&pointer);
}

Test(explain, another_rules_version_is_told, .init = begin, .fini = finish) {
    bool same = true;
    const char *why;
    char from[32];
    snprintf(from, sizeof(from), "\"rules_version\":\"%s\"", analysis_rules_version);
    tamper(from, "\"rules_version\":\"0\"");
    cr_assert_eq(explain_analysis(buffer_text(&body), &arena, &same, &differences, &why), STATUS_OK);
    cr_assert_not(same);
    cr_assert_not_null(memmem(differences.at, differences.len, "\"analysis\":\"0\"", 14));
}

Test(explain, a_body_without_readable_facts_is_refused_with_a_reason, .init = begin, .fini = finish) {
    static const struct {
        const char *from, *to, *why;
    } rows[] = {{"\"facts\":", "\"fact\":", "facts"},
                {"\"measured\":", "\"measure\":", "measured"},
                {"\"steps\":[", "\"steps\":[-", "measured/steps"},
                {"\"tier\":\"standard\"", "\"tier\":\"gold\"", "tier"},
                {"\"tier\":\"standard\"", "\"tier\":7", "tier"},
                {"\"intel_lists\":1", "\"intel_lists\":1,\"more\":2", "more"},
                {"\"threat_type\":", "\"threat\":", "signal"},
                {"\"created_at\":\"", "\"created_at\":\"x", "created_at"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bool same;
        const char *why = "";
        make_body(1000);
        tamper(rows[i].from, rows[i].to);
        cr_assert_eq(explain_analysis(buffer_text(&body), &arena, &same, &differences, &why), STATUS_INVALID,
                     "row %zu", i);
        cr_assert_not_null(strstr(why, rows[i].why), "row %zu: %s", i, why);
    }
    cr_assert_eq(explain_analysis(TEXT_LITERAL("{\"id\":"), &arena, &(bool){false}, &differences,
                                  &(const char *){NULL}),
                 STATUS_INVALID);
}
