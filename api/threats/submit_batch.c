#include "api/threats/submit_batch.h"

#include <stdlib.h>

#include "api/threats/split_batch.h"
#include "api/threats/trace_signal.h"
#include "api/threats/validate_signal.h"
#include "shared/base/clock.h"
#include "shared/telemetry/metrics.h"

/* The answer grows here while the signals go their way. */
struct bulk {
    struct exchange *exchange;
    struct api *api;
    struct arena arena; /* of the faults */
    struct uuid ids[BATCH_SPANS_MAX];
    bool taken[BATCH_SPANS_MAX];
    unsigned count, awaited, accepted;
    struct enqueue_result failure; /* the last that was not STATUS_OK */
    struct buffer errors;          /* members of errors[] */
    struct writer errors_writer;
};

/* One signal's way back to its place in the batch. */
struct bulk_item {
    struct bulk *bulk;
    unsigned index;
    enum threat_type threat_type;
    struct signal_trace trace;
};

static void begin_error(struct bulk *bulk, unsigned index) {
    writer_open_object(&bulk->errors_writer);
    writer_member_signed(&bulk->errors_writer, "index", index);
    writer_key(&bulk->errors_writer, "errors");
}

static void add_faults(struct bulk *bulk, unsigned index, const struct faults *faults) {
    begin_error(bulk, index);
    problem_write_errors(&bulk->errors_writer, faults, "pointer");
    writer_close_object(&bulk->errors_writer);
}

static void write_ids(struct writer *writer, const struct bulk *bulk) {
    char id[UUID_LENGTH];
    writer_open_array(writer);
    for (unsigned i = 0; i < bulk->count; i++) {
        if (!bulk->taken[i])
            continue;
        uuid_write(&bulk->ids[i], id);
        writer_text(writer, (struct text){id, UUID_LENGTH});
    }
    writer_close_array(writer);
}

static void write_result(struct writer *writer, const struct bulk *bulk) {
    writer_member_signed(writer, "accepted", bulk->accepted);
    writer_member_signed(writer, "rejected", bulk->count - bulk->accepted);
    writer_key(writer, "ids");
    write_ids(writer, bulk);
    writer_key(writer, "errors");
    writer_raw(writer, buffer_text(&bulk->errors));
}

static void answer_result(struct bulk *bulk) {
    struct buffer out = BUFFER_EMPTY;
    struct writer writer;
    bool refused = bulk->accepted == 0 && bulk->count > 0;
    writer_close_array(&bulk->errors_writer);
    writer_init(&writer, &out);
    writer_open_object(&writer);
    if (refused) {
        const struct status_row *row = status_row(STATUS_INVALID);
        writer_member_string(&writer, "type", "urn:soc:problem:invalid");
        writer_member_string(&writer, "title", row->title);
        writer_member_signed(&writer, "status", row->http_status);
        writer_member_string(&writer, "detail", "none of the signals was taken");
    }
    write_result(&writer, bulk);
    writer_close_object(&writer);
    exchange_answer(bulk->exchange, refused ? 422 : 202,
                    refused ? "application/problem+json" : "application/json", NULL, 0, buffer_text(&out));
    buffer_fini(&out);
}

static void finish(struct bulk *bulk) {
    if (bulk->accepted == 0 && bulk->failure.status != STATUS_OK)
        answer_not_taken(bulk->exchange, &bulk->failure);
    else
        answer_result(bulk);
    exchange_release(bulk->exchange);
    arena_fini(&bulk->arena);
    buffer_fini(&bulk->errors);
    free(bulk);
}

static void on_enqueued(void *arg, const struct enqueue_result *result) {
    struct bulk_item *item = arg;
    struct bulk *bulk = item->bulk;
    trace_enqueued(&item->trace, item->threat_type, result);
    if (result->status == STATUS_OK) {
        bulk->ids[item->index] = result->id;
        bulk->taken[item->index] = true;
        bulk->accepted++;
        metrics_add(METRIC_SIGNALS_ACCEPTED, (int)item->threat_type, 0, 1);
    } else {
        struct faults faults;
        faults_init(&faults, &bulk->arena);
        faults_add(&faults, NULL, "%s: %s", status_row(result->status)->title, not_taken_detail(result));
        add_faults(bulk, item->index, &faults);
        bulk->failure = *result;
    }
    free(item);
    if (--bulk->awaited == 0)
        finish(bulk);
}

static void put_on_stream(struct bulk_item *item, const struct signal *signal, int64_t now_ms) {
    struct bulk *bulk = item->bulk;
    struct uuid id = uuid_next(&bulk->api->ids, now_ms);
    char traceparent[TRACEPARENT_LENGTH];
    trace_signal_of_many(&item->trace, bulk->exchange, &id);
    struct enqueue_order order = {id, signal, now_ms, signal_traceparent(&item->trace, traceparent),
                                  TEXT_LITERAL("")};
    bulk->awaited++;
    admission_count(&bulk->api->admission);
    enqueue_signal(bulk->api->enqueue, &order, on_enqueued, item);
}

static void submit_one(struct bulk *bulk, unsigned index, struct text json, int64_t now_ms) {
    static struct arena arena; /* every signal is copied before the next is read */
    struct faults faults;
    struct signal signal;
    arena_reset(&arena);
    faults_init(&faults, &arena);
    if (json.len > SIGNAL_BODY_MAX) {
        faults_add(&faults, NULL, "must be at most %d bytes", SIGNAL_BODY_MAX);
    } else if (signal_read(json, now_ms, &arena, &signal, &faults) == STATUS_OK) {
        struct bulk_item *item = malloc(sizeof(*item));
        if (item == NULL)
            abort();
        *item = (struct bulk_item){.bulk = bulk, .index = index, .threat_type = signal.threat_type};
        put_on_stream(item, &signal, now_ms);
        return;
    }
    metrics_add(METRIC_SIGNALS_REJECTED, STATUS_INVALID, 0, 1);
    add_faults(bulk, index, &faults);
}

static void submit_all(struct exchange *exchange, const struct text *spans, unsigned count) {
    struct bulk *bulk = calloc(1, sizeof(*bulk));
    int64_t now_ms = clock_wall_ms();
    if (bulk == NULL)
        abort();
    bulk->exchange = exchange;
    bulk->api = exchange->app;
    bulk->count = count;
    bulk->awaited = 1;
    writer_init(&bulk->errors_writer, &bulk->errors);
    writer_open_array(&bulk->errors_writer);
    exchange_hold(exchange);
    for (unsigned i = 0; i < count; i++)
        submit_one(bulk, i, spans[i], now_ms);
    if (--bulk->awaited == 0)
        finish(bulk);
}

void submit_batch(struct exchange *exchange) {
    static struct text spans[BATCH_SPANS_MAX];
    unsigned count;
    if (request_is_acceptable(exchange, batch_content_types, API_BODY_MAX) &&
        split_batch(exchange, "signal", spans, &count))
        submit_all(exchange, spans, count);
}
