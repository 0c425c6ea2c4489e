#include <criterion/criterion.h>

#include "shared/model/closing_reason.h"
#include "shared/model/stored_body.h"
#include "tests/unit/analysis_fixture.h"

TestSuite(stored_body, .timeout = 60);

static struct arena arena;
static struct buffer body;
static struct analysis analysis;

static void finish(void) {
    arena_fini(&arena);
    buffer_fini(&body);
}

/* The row that the worker writes with the completion. */
static struct log_row row_of_analysis(void) {
    struct log_row row =
        log_row_of_signal(EVENT_COMPLETED, &analysis.id, analysis.created_at_ms, analysis.signal);
    row.completed_at_ms = analysis.completed_at_ms;
    row.severity = analysis.severity;
    row.status = THREAT_COMPLETED;
    row.requires_review = analysis.requires_human_review;
    row.risk_score = (unsigned)analysis.risk_score;
    row.fp_milli = (unsigned)(analysis.fp.score * 1000 + 0.5);
    return row;
}

static void expect_row_of_body(void) {
    struct stored_body parts;
    struct signal signal;
    struct log_row row, expected = row_of_analysis();
    struct buffer line = BUFFER_EMPTY, expected_line = BUFFER_EMPTY;
    cr_assert(stored_body_read(buffer_text(&body), &arena, &parts));
    cr_assert(log_row_of_body(&parts, VERDICT_TRUE_POSITIVE, &arena, &signal, &row));
    cr_assert_eq(row.kind, EVENT_UPDATED);
    cr_assert_eq(uuid_compare(&row.id, &expected.id), 0);
    expected.verdict = VERDICT_TRUE_POSITIVE;
    log_row_write(&line, &row);
    log_row_write(&expected_line, &expected);
    cr_assert(text_equal(buffer_text(&line), buffer_text(&expected_line)), "%.*s, expected %.*s",
              (int)line.len, line.at, (int)expected_line.len, expected_line.at);
    buffer_fini(&line);
    buffer_fini(&expected_line);
}

Test(stored_body, gives_the_row_of_the_completion, .fini = finish) {
    struct dice dice = {88172645463325252u};
    struct signal signal;
    struct facts facts;
    for (int round = 0; round < 5000; round++) {
        arena_reset(&arena);
        buffer_clear(&body);
        made_up_signal(&dice, &arena, &signal);
        made_up_facts(&dice, &facts);
        fixture_analyze(&signal, &facts, 1000, &arena, &analysis);
        analysis_write(&body, &analysis);
        expect_row_of_body();
    }
}

#define TIMES "\"created_at\":\"2026-01-01T00:00:00Z\",\"completed_at\":\"2026-01-01T00:00:00Z\""

Test(stored_body, what_is_no_analysis_gives_no_row, .fini = finish) {
    static const char *const bad[] = {
        "{}",
        "{\"status\":\"failed\"}",
        "{\"id\":\"x\",\"status\":\"completed\"}",
        "{\"id\":\"01993bb4-0000-7000-8000-000000000001\",\"status\":\"completed\",\"signal\":{}," TIMES "}",
    };
    struct stored_body parts;
    struct signal signal;
    struct log_row row;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cr_assert(stored_body_read(text_of(bad[i]), &arena, &parts), "%s", bad[i]);
        cr_assert_not(log_row_of_body(&parts, VERDICT_NONE, &arena, &signal, &row), "%s", bad[i]);
    }
    cr_assert_not(stored_body_read(TEXT_LITERAL("[1]"), &arena, &parts));
    cr_assert_not(stored_body_read(TEXT_LITERAL("{\"id\":"), &arena, &parts));
}

Test(closing_reason, every_reason_has_an_id_of_its_own_and_a_verdict, .timeout = 10) {
    cr_assert_eq(vocabulary_closing_reason.count, CLOSING_REASON_COUNT);
    for (int i = 0; i < CLOSING_REASON_COUNT; i++) {
        const struct closing_reason_row *row = closing_reason_row((enum closing_reason)i);
        cr_assert(row->ocsf_verdict_id == i + 1 || i == REASON_OTHER);
        cr_assert(closing_reason_fits((enum closing_reason)i, VERDICT_FALSE_POSITIVE) ||
                  closing_reason_fits((enum closing_reason)i, VERDICT_TRUE_POSITIVE));
    }
    cr_assert_eq(closing_reason_row(REASON_OTHER)->ocsf_verdict_id, 99);
    for (int verdict = VERDICT_FALSE_POSITIVE; verdict < VERDICT_COUNT; verdict++) {
        enum closing_reason reason = closing_reason_default((enum verdict)verdict);
        cr_assert(closing_reason_fits(reason, (enum verdict)verdict));
        cr_assert_str_eq(vocabulary_word(&vocabulary_closing_reason, (int)reason),
                         vocabulary_word(&vocabulary_verdict, verdict));
    }
}
