#include "api/threats/verdict_request.h"

#include "shared/json/writer.h"
#include "shared/model/json_scan.h"

static struct verdict_request *into(struct json_scan *scan) {
    return scan->into;
}

static void read_verdict(struct json_scan *scan, const struct text *name) {
    int verdict = VERDICT_NONE;
    if (!scan_null(scan) && scan_word_from(scan, name, &vocabulary_verdict, VERDICT_FALSE_POSITIVE, &verdict))
        into(scan)->verdict = (enum verdict)verdict;
}

static void read_reason(struct json_scan *scan, const struct text *name) {
    if (!scan_null(scan))
        scan_word(scan, name, &vocabulary_closing_reason, &into(scan)->reason);
}

static void read_note(struct json_scan *scan, const struct text *name) {
    if (!scan_null(scan))
        scan_characters(scan, name, 1, VERDICT_NOTE_MAX, &into(scan)->note);
}

static void read_analyst(struct json_scan *scan, const struct text *name) {
    if (!scan_null(scan))
        scan_characters(scan, name, 1, VERDICT_ANALYST_MAX, &into(scan)->analyst);
}

static void read_automated(struct json_scan *scan, const struct text *name) {
    scan_bool(scan, name, &into(scan)->automated);
}

static const struct scan_member fields[] = {
    {"verdict", true, read_verdict},  {"reason", false, read_reason},       {"note", false, read_note},
    {"analyst", false, read_analyst}, {"automated", false, read_automated}, {NULL, false, NULL}};

enum { REASON_UNTOLD = -1 };

/* What must fit together; only asked when each by itself is fine. */
static void check_whole(struct verdict_request *request, struct faults *faults) {
    struct text reason = TEXT_LITERAL("reason"), note = TEXT_LITERAL("note");
    if (request->verdict == VERDICT_NONE) {
        if (request->reason != REASON_UNTOLD)
            faults_add(faults, &reason, "goes only with a verdict");
        if (request->note.at != NULL)
            faults_add(faults, &note, "goes only with a verdict");
    } else if (request->reason == REASON_UNTOLD) {
        request->reason = (int)closing_reason_default(request->verdict);
    } else if (!closing_reason_fits((enum closing_reason)request->reason, request->verdict)) {
        faults_add(faults, &reason, "does not go with %s",
                   vocabulary_word(&vocabulary_verdict, (int)request->verdict));
    }
}

enum status verdict_request_read(struct text json, struct verdict_request *request, struct faults *faults) {
    struct json_scan scan;
    *request = (struct verdict_request){.verdict = VERDICT_NONE, .reason = REASON_UNTOLD};
    scan_init(&scan, json, faults->arena, faults, request);
    scan_object(&scan, fields, "a verdict");
    if (scan_finish(&scan))
        check_whole(request, faults);
    return faults->count == 0 ? STATUS_OK : STATUS_INVALID;
}

static void write_text_or_null(struct writer *writer, const char *key, struct text value) {
    writer_key(writer, key);
    if (value.at == NULL)
        writer_null(writer);
    else
        writer_text(writer, value);
}

/* api/threats/judge_case.lua knows how this begins and ends. */
void verdict_request_write(const struct verdict_request *request, int64_t now_ms, struct buffer *head,
                           struct buffer *end) {
    struct writer writer;
    if (request->verdict == VERDICT_NONE)
        return;
    writer_init(&writer, head);
    writer_open_object(&writer);
    writer_member_string(&writer, "verdict", vocabulary_word(&vocabulary_verdict, (int)request->verdict));
    writer_member_string(&writer, "reason", vocabulary_word(&vocabulary_closing_reason, request->reason));
    writer_member_signed(&writer, "ocsf_verdict_id",
                         closing_reason_row((enum closing_reason)request->reason)->ocsf_verdict_id);
    write_text_or_null(&writer, "note", request->note);
    write_text_or_null(&writer, "analyst", request->analyst);
    writer_member_bool(&writer, "automated", request->automated);
    writer.out = end;
    writer_member_time(&writer, "at", now_ms);
    writer_close_object(&writer);
}
