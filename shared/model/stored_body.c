#include "shared/model/stored_body.h"

#include <stdlib.h>

#include "shared/base/rfc3339.h"
#include "shared/json/reader.h"

enum { BODY_DEPTH_MAX = SIGNAL_RAW_DATA_DEPTH_MAX + 4, NUMBER_MAX = 24 };

static struct text *part_named(struct stored_body *parts, struct text name) {
    const struct {
        const char *name;
        struct text *part;
    } rows[] = {{"id", &parts->id},
                {"status", &parts->status},
                {"signal", &parts->signal},
                {"false_positive_score", &parts->fp_score},
                {"severity", &parts->severity},
                {"risk_score", &parts->risk_score},
                {"requires_human_review", &parts->requires_review},
                {"facts", &parts->facts},
                {"measured", &parts->measured},
                {"created_at", &parts->created_at},
                {"completed_at", &parts->completed_at}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (text_is(name, rows[i].name))
            return rows[i].part;
    return NULL;
}

bool stored_body_read(struct text body, struct arena *arena, struct stored_body *parts) {
    struct reader reader;
    struct text name;
    *parts = (struct stored_body){.id = TEXT_NONE};
    reader_init(&reader, body);
    if (!reader_enter_object(&reader))
        return false;
    while (reader_next_member(&reader, arena, &name)) {
        struct text ignored, *part = part_named(parts, name);
        reader_skip(&reader, BODY_DEPTH_MAX, part != NULL ? part : &ignored);
    }
    return reader_finish(&reader);
}

struct text stored_body_text(struct text json) {
    if (json.len < 2 || json.at[0] != '"')
        return TEXT_NONE;
    return (struct text){json.at + 1, json.len - 2};
}

static bool read_time(struct text json, int64_t *ms) {
    return rfc3339_parse(stored_body_text(json), ms) && *ms >= 0;
}

/* The score has three decimals: as thousandths it is whole. */
static bool read_fp_milli(struct text fp_score, struct arena *arena, unsigned *milli) {
    struct reader reader;
    struct text name, digits = TEXT_NONE;
    char number[NUMBER_MAX + 1];
    reader_init(&reader, fp_score);
    if (fp_score.at == NULL || !reader_enter_object(&reader))
        return false;
    while (reader_next_member(&reader, arena, &name))
        if (!text_is(name, "score"))
            reader_skip(&reader, BODY_DEPTH_MAX, NULL);
        else if (!reader_take_number(&reader, &digits))
            return false;
    if (digits.len < 1 || digits.len > NUMBER_MAX)
        return false;
    memcpy(number, digits.at, digits.len);
    number[digits.len] = '\0';
    double score = strtod(number, NULL);
    if (!(score >= 0 && score <= 1))
        return false;
    *milli = (unsigned)(score * LOG_ROW_FP_MILLI_MAX + 0.5);
    return true;
}

static bool read_judgement(const struct stored_body *parts, struct arena *arena, struct log_row *row) {
    unsigned long long risk_score;
    int severity = vocabulary_find(&vocabulary_severity, stored_body_text(parts->severity));
    if (severity < 0 || !text_to_unsigned(parts->risk_score, LOG_ROW_RISK_MAX, &risk_score) ||
        !read_fp_milli(parts->fp_score, arena, &row->fp_milli))
        return false;
    row->severity = (enum severity)severity;
    row->risk_score = (unsigned)risk_score;
    row->requires_review = text_is(parts->requires_review, "true");
    row->status = THREAT_COMPLETED;
    return true;
}

bool log_row_of_body(const struct stored_body *parts, enum verdict verdict, struct arena *arena,
                     struct signal *signal, struct log_row *row) {
    struct faults faults;
    struct uuid id;
    int64_t created_at_ms, completed_at_ms;
    faults_init(&faults, arena);
    if (!text_is(stored_body_text(parts->status),
                 vocabulary_word(&vocabulary_threat_status, THREAT_COMPLETED)) ||
        !uuid_parse(stored_body_text(parts->id), &id) || !read_time(parts->created_at, &created_at_ms) ||
        !read_time(parts->completed_at, &completed_at_ms) || parts->signal.at == NULL ||
        signal_read_stored(parts->signal, arena, signal, &faults) != STATUS_OK)
        return false;
    struct log_row read = log_row_of_signal(EVENT_UPDATED, &id, created_at_ms, signal);
    read.completed_at_ms = completed_at_ms;
    read.verdict = verdict;
    if (!read_judgement(parts, arena, &read))
        return false;
    *row = read;
    return true;
}

struct history_case history_case_of_row(const struct log_row *row) {
    struct history_case of_row = {.created_at_ms = row->created_at_ms,
                                  .threat_type = row->threat_type,
                                  .severity = row->severity,
                                  .fp_milli = row->fp_milli,
                                  .verdict = row->verdict};
    uuid_write(&row->id, of_row.id);
    return of_row;
}
