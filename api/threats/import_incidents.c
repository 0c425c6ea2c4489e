#include "api/threats/import_incidents.h"

#include <stdlib.h>

#include "api/threats/incident.h"
#include "api/threats/judge_case.h"
#include "api/threats/split_batch.h"
#include "api/threats/validate_signal.h"
#include "shared/base/clock.h"

struct import;

/* One incident on its way; its faults, if any, wait for the answer. */
struct import_item {
    struct import *import;
    struct incident incident; /* texts in the import's arena */
    struct faults *faults;    /* NULL: none */
};

struct import {
    struct exchange *exchange;
    struct arena arena;
    unsigned count, awaited, accepted, unchanged;
    enum status failure; /* of Redis, the last one */
    struct import_item items[];
};

static struct faults *faults_of(struct import_item *item) {
    struct arena *arena = &item->import->arena;
    if (item->faults == NULL) {
        item->faults = arena_take(arena, sizeof(*item->faults));
        faults_init(item->faults, arena);
    }
    return item->faults;
}

static void write_errors(struct writer *writer, const struct import *import) {
    writer_open_array(writer);
    for (unsigned i = 0; i < import->count; i++) {
        if (import->items[i].faults == NULL)
            continue;
        writer_open_object(writer);
        writer_member_signed(writer, "index", i);
        writer_key(writer, "errors");
        problem_write_errors(writer, import->items[i].faults, "pointer");
        writer_close_object(writer);
    }
    writer_close_array(writer);
}

static void write_problem_head(struct writer *writer) {
    const struct status_row *row = status_row(STATUS_INVALID);
    writer_member_string(writer, "type", "urn:soc:problem:invalid");
    writer_member_string(writer, "title", row->title);
    writer_member_signed(writer, "status", row->http_status);
    writer_member_string(writer, "detail", "none of the incidents was taken");
}

static void answer_result(const struct import *import) {
    unsigned good = import->accepted + import->unchanged;
    struct buffer out = BUFFER_EMPTY;
    struct writer writer;
    writer_init(&writer, &out);
    writer_open_object(&writer);
    if (good == 0)
        write_problem_head(&writer);
    writer_member_signed(&writer, "accepted", import->accepted);
    writer_member_signed(&writer, "unchanged", import->unchanged);
    writer_member_signed(&writer, "rejected", import->count - good);
    writer_key(&writer, "errors");
    write_errors(&writer, import);
    writer_close_object(&writer);
    exchange_answer(import->exchange, good == 0 ? 422 : 200,
                    good == 0 ? "application/problem+json" : "application/json", NULL, 0, buffer_text(&out));
    buffer_fini(&out);
}

static void finish(struct import *import) {
    if (import->accepted + import->unchanged == 0 && import->failure != STATUS_OK)
        exchange_answer_problem(import->exchange, import->failure,
                                "whether the incidents count is not known: send them again");
    else
        answer_result(import);
    exchange_release(import->exchange);
    arena_fini(&import->arena);
    free(import);
}

static void on_judged(void *arg, const struct judge_result *result) {
    struct import_item *item = arg;
    struct import *import = item->import;
    static const struct text id = {"id", 2};
    if (result->status != STATUS_OK) {
        import->failure = result->status;
        faults_add(faults_of(item), NULL, "not taken: %s", status_row(result->status)->title);
    } else if (result->outcome == JUDGE_CHANGED) {
        import->accepted++;
    } else if (result->outcome == JUDGE_SAME) {
        import->unchanged++;
    } else if (result->outcome == JUDGE_THREAT) {
        faults_add(faults_of(item), &id, "is the id of a threat: give that one a verdict");
    } else {
        incident_tell_difference(&item->incident, result->stored, faults_of(item));
    }
    if (--import->awaited == 0)
        finish(import);
}

static void send_one(struct import_item *item) {
    const struct api *api = item->import->exchange->app;
    const struct incident *incident = &item->incident;
    struct buffer head = BUFFER_EMPTY, rest = BUFFER_EMPTY;
    incident_write(incident, &head, &rest);
    struct case_word word = {.judged = &incident->resolved,
                             .customer_id = incident->customer_id,
                             .source_ip = incident->source_ip,
                             .agent_hash = log_row_agent_hash(incident->user_agent),
                             .head = buffer_text(&head),
                             .rest = buffer_text(&rest)};
    item->import->awaited++;
    judge_incident_case(api->commands, &api->keyspace, &word, on_judged, item);
    buffer_fini(&head);
    buffer_fini(&rest);
}

static void import_one(struct import_item *item, struct text json, int64_t now_ms) {
    struct faults faults;
    struct text own = arena_copy(&item->import->arena, json); /* a name is told after the body is gone */
    faults_init(&faults, &item->import->arena);
    if (json.len > INCIDENT_BODY_MAX)
        faults_add(&faults, NULL, "must be at most %d bytes", INCIDENT_BODY_MAX);
    if (faults.count == 0 && incident_read(own, now_ms, &item->incident, &faults) == STATUS_OK)
        send_one(item);
    else
        *faults_of(item) = faults;
}

static void import_all(struct exchange *exchange, const struct text *spans, unsigned count) {
    struct import *import = calloc(1, sizeof(*import) + count * sizeof(import->items[0]));
    int64_t now_ms = clock_wall_ms();
    if (import == NULL)
        abort();
    import->exchange = exchange;
    import->count = count;
    import->awaited = 1;
    exchange_hold(exchange);
    for (unsigned i = 0; i < count; i++) {
        import->items[i].import = import;
        import_one(&import->items[i], spans[i], now_ms);
    }
    if (--import->awaited == 0)
        finish(import);
}

void import_incidents(struct exchange *exchange) {
    static struct text spans[BATCH_SPANS_MAX];
    unsigned count;
    if (request_is_readable(exchange, batch_content_types, API_BODY_MAX) &&
        split_batch(exchange, "incident", spans, &count))
        import_all(exchange, spans, count);
}
