#include "api/threats/judge_threat.h"

#include <stdlib.h>

#include "api/threats/judge_case.h"
#include "api/threats/stored_threat.h"
#include "api/threats/validate_signal.h"
#include "api/threats/verdict_request.h"
#include "shared/base/clock.h"
#include "shared/model/stored_body.h"

/* A verdict on its way: first the analysis is looked up, then Redis is told. */
struct pending_verdict {
    struct exchange *exchange;
    char id[UUID_LENGTH];
    enum verdict verdict;
    bool automated;
    struct text head, rest; /* in `texts` */
    struct buffer texts;
};

static void pending_free(struct pending_verdict *pending) {
    buffer_fini(&pending->texts);
    free(pending);
}

static void answer_stored(const struct pending_verdict *pending, struct text stored) {
    struct buffer out = BUFFER_EMPTY;
    struct writer writer;
    writer_init(&writer, &out);
    writer_open_object(&writer);
    writer_member_text(&writer, "id", (struct text){pending->id, UUID_LENGTH});
    writer_key(&writer, "verdict");
    writer_raw(&writer, stored.len > 0 ? stored : TEXT_LITERAL("null"));
    writer_close_object(&writer);
    exchange_answer_json(pending->exchange, 200, buffer_text(&out));
    buffer_fini(&out);
}

static void on_judged(void *arg, const struct judge_result *result) {
    struct pending_verdict *pending = arg;
    struct exchange *exchange = pending->exchange;
    if (result->status != STATUS_OK)
        exchange_answer_problem(exchange, result->status,
                                result->sent && result->status == STATUS_UNAVAILABLE
                                    ? "whether the verdict counts is not known: send it again"
                                    : "nothing was changed: try again");
    else if (result->outcome == JUDGE_HUMAN)
        exchange_answer_problem(exchange, STATUS_CONFLICT,
                                "a human has judged this threat: automation does not change that");
    else if (result->outcome == JUDGE_ABSENT)
        exchange_answer_problem(exchange, STATUS_NOT_FOUND, "no threat has this id");
    else
        answer_stored(pending, result->stored);
    exchange_release(exchange);
    pending_free(pending);
}

static bool read_row(const struct stored_threat *stored, enum verdict verdict, struct arena *arena,
                     struct log_row *row) {
    struct stored_body parts;
    struct signal signal;
    return stored_body_read(stored->data, arena, &parts) &&
           log_row_of_body(&parts, verdict, arena, &signal, row);
}

static void on_stored(struct exchange *exchange, void *arg, const struct stored_threat *stored) {
    static struct arena arena;
    struct pending_verdict *pending = arg;
    const struct api *api = exchange->app;
    struct log_row row;
    if (stored == NULL) {
        pending_free(pending);
        return;
    }
    arena_reset(&arena);
    if (!read_row(stored, pending->verdict, &arena, &row)) {
        exchange_answer_problem(exchange, STATUS_INTERNAL, "the stored analysis cannot be read");
        pending_free(pending);
        return;
    }
    uuid_write(&row.id, pending->id);
    struct history_case judged = history_case_of_row(&row);
    struct case_word word = {.judged = &judged,
                             .customer_id = row.customer_id,
                             .source_ip = row.source_ip,
                             .agent_hash = row.agent_hash,
                             .head = pending->head,
                             .rest = pending->rest};
    pending->exchange = exchange;
    exchange_hold(exchange);
    judge_threat_case(api->commands, &api->keyspace, &word, &row, pending->automated, on_judged, pending);
}

static struct pending_verdict *pending_new(const struct verdict_request *request) {
    struct pending_verdict *pending = calloc(1, sizeof(*pending));
    struct buffer end = BUFFER_EMPTY;
    if (pending == NULL)
        abort();
    pending->verdict = request->verdict;
    pending->automated = request->automated;
    verdict_request_write(request, clock_wall_ms(), &pending->texts, &end);
    size_t head_len = pending->texts.len;
    buffer_append_text(&pending->texts, buffer_text(&end));
    buffer_fini(&end);
    pending->head = (struct text){buffer_text(&pending->texts).at, head_len};
    pending->rest = (struct text){pending->head.at + head_len, pending->texts.len - head_len};
    return pending;
}

void judge_threat(struct exchange *exchange) {
    static struct arena arena;
    struct verdict_request request;
    struct faults faults;
    if (!request_is_readable(exchange, exchange_json_types, VERDICT_BODY_MAX))
        return;
    arena_reset(&arena);
    faults_init(&faults, &arena);
    if (verdict_request_read(exchange_body(exchange), &request, &faults) != STATUS_OK)
        exchange_answer_faults(exchange, &faults, "pointer");
    else
        with_stored_threat(exchange, on_stored, pending_new(&request));
}
