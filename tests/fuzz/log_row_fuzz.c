/* A row of threats:log: kind, id and row, one a line. What is read can be written, within the bound, and says
 * the same again but for the tail of the customer's name. */
#include "shared/model/log_row.h"
#include "tests/fuzz/fuzz.h"

static bool says_the_same(const struct log_row *a, const struct log_row *b) {
    return a->kind == b->kind && uuid_compare(&a->id, &b->id) == 0 && a->created_at_ms == b->created_at_ms &&
           a->completed_at_ms == b->completed_at_ms && a->threat_type == b->threat_type &&
           a->severity == b->severity && a->status == b->status && a->requires_review == b->requires_review &&
           a->risk_score == b->risk_score && a->fp_milli == b->fp_milli && a->verdict == b->verdict &&
           address_compare(&a->source_ip, &b->source_ip) == 0 && a->agent_hash == b->agent_hash &&
           text_equal(a->customer_id, b->customer_id);
}

static size_t spelt_beside(const struct log_row *row) {
    return strlen("kindidrow") + strlen(vocabulary_word(&vocabulary_event_kind, (int)row->kind)) +
           UUID_LENGTH;
}

static void check_written(struct text kind, const struct log_row *row) {
    struct buffer once = BUFFER_EMPTY, twice = BUFFER_EMPTY;
    struct log_row again;
    char id[UUID_LENGTH];
    uuid_write(&row->id, id);
    log_row_write(&once, row);
    FUZZ_CHECK(once.len + spelt_beside(row) <= LOG_ROW_MAX && utf8_valid(buffer_text(&once)));
    FUZZ_CHECK(log_row_read(kind, (struct text){id, UUID_LENGTH}, buffer_text(&once), &again));
    FUZZ_CHECK(says_the_same(row, &again) && again.customer_name.len <= row->customer_name.len);
    FUZZ_CHECK(again.customer_name.len == 0 ||
               memcmp(again.customer_name.at, row->customer_name.at, again.customer_name.len) == 0);
    log_row_write(&twice, &again);
    FUZZ_CHECK(text_equal(buffer_text(&once), buffer_text(&twice)));
    buffer_fini(&once);
    buffer_fini(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct text rest = fuzz_text(data, size);
    struct text kind = fuzz_take(&rest, '\n'), id = fuzz_take(&rest, '\n');
    struct log_row row;
    if (log_row_read(kind, id, rest, &row))
        check_written(kind, &row);
    return 0;
}
