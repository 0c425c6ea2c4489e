/* A stored analysis, be it ours or not: repeating it says that it is the same, or what differs, or why it
 * cannot be read; its log row and its case are such that others read them. */
#include "shared/explain/explain_analysis.h"
#include "shared/model/stored_body.h"
#include "tests/fuzz/fuzz.h"

static void check_explanation(struct text body, struct arena *arena) {
    struct buffer differences = BUFFER_EMPTY;
    const char *why = NULL;
    bool same = false;
    enum status status = explain_analysis(body, arena, &same, &differences, &why);
    FUZZ_CHECK(status == STATUS_OK || status == STATUS_INVALID);
    if (status == STATUS_INVALID)
        FUZZ_CHECK(why != NULL && why[0] != '\0' && utf8_valid(text_of(why)));
    else if (!same)
        fuzz_check_json(buffer_text(&differences));
    buffer_fini(&differences);
}

static void check_row(const struct log_row *row) {
    struct buffer line = BUFFER_EMPTY;
    struct history history = {0}, again;
    struct log_row read;
    char id[UUID_LENGTH];
    uuid_write(&row->id, id);
    log_row_write(&line, row);
    FUZZ_CHECK(
        log_row_read(TEXT_LITERAL("updated"), (struct text){id, UUID_LENGTH}, buffer_text(&line), &read));
    FUZZ_CHECK(read.risk_score == row->risk_score && read.fp_milli == row->fp_milli);
    buffer_clear(&line);
    struct history_case judged = history_case_of_row(row);
    history_judge(&history, &judged, VERDICT_NONE);
    history_write(&line, &history);
    FUZZ_CHECK(history_read(buffer_text(&line), &again));
    buffer_fini(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena arena = ARENA_EMPTY;
    struct stored_body parts;
    struct signal signal;
    struct log_row row;
    struct text body = fuzz_text(data, size);
    check_explanation(body, &arena);
    if (stored_body_read(body, &arena, &parts) &&
        log_row_of_body(&parts, VERDICT_TRUE_POSITIVE, &arena, &signal, &row))
        check_row(&row);
    arena_fini(&arena);
    return 0;
}
