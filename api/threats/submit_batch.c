#include "api/threats/submit_batch.h"

#include <stdlib.h>

#include "api/threats/validate_signal.h"
#include "shared/base/clock.h"
#include "shared/json/reader.h"
#include "shared/telemetry/metrics.h"

/* The answer grows here while the signals go their way. */
struct bulk {
    struct exchange *exchange;
    struct api *api;
    struct arena arena; /* of the faults */
    struct uuid ids[API_BATCH_SIGNALS_MAX];
    bool taken[API_BATCH_SIGNALS_MAX];
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
};

/* Spans of the single signals; false with a fault when the body cannot be taken apart. */
struct splitter {
    struct text *spans;
    unsigned count;
    bool too_many;
};

static void split_add(struct splitter *splitter, struct text span) {
    if (splitter->count == API_BATCH_SIGNALS_MAX)
        splitter->too_many = true;
    else
        splitter->spans[splitter->count++] = span;
}

static bool is_blank(struct text line) {
    for (size_t i = 0; i < line.len; i++)
        if (strchr(" \t\r", line.at[i]) == NULL || line.at[i] == '\0')
            return false;
    return true;
}

static void split_lines(struct text body, struct splitter *splitter) {
    while (body.len > 0 && !splitter->too_many) {
        const char *end = memchr(body.at, '\n', body.len);
        size_t len = end == NULL ? body.len : (size_t)(end - body.at), used = end == NULL ? len : len + 1;
        struct text line = {body.at, len};
        if (!is_blank(line))
            split_add(splitter, line);
        body = (struct text){body.at + used, body.len - used};
    }
}

static bool split_array(struct text body, struct splitter *splitter, struct faults *faults) {
    struct reader reader;
    struct text span;
    reader_init(&reader, body);
    if (reader_enter_array(&reader))
        while (!splitter->too_many && reader_next_element(&reader) &&
               reader_skip(&reader, READER_DEPTH_MAX - 1, &span))
            split_add(splitter, span);
    if (splitter->too_many || reader_finish(&reader))
        return true;
    faults_add(faults, NULL, "%s (byte %zu)", reader_fault_text(reader.fault), reader_offset(&reader));
    return false;
}

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
    if (result->status == STATUS_OK) {
        bulk->ids[item->index] = result->id;
        bulk->taken[item->index] = true;
        bulk->accepted++;
        metrics_add(METRIC_SIGNALS_ACCEPTED, (int)item->threat_type, 0, 1);
    } else {
        struct faults faults;
        faults_init(&faults, &bulk->arena);
        faults_add(&faults, NULL, "not taken: %s", status_row(result->status)->title);
        add_faults(bulk, item->index, &faults);
        bulk->failure = *result;
    }
    free(item);
    if (--bulk->awaited == 0)
        finish(bulk);
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
        *item = (struct bulk_item){bulk, index, signal.threat_type};
        struct enqueue_order order = {uuid_next(&bulk->api->ids, now_ms), &signal, now_ms, TEXT_LITERAL(""),
                                      TEXT_LITERAL("")};
        bulk->awaited++;
        enqueue_signal(bulk->api->enqueue, &order, on_enqueued, item);
        return;
    }
    metrics_add(METRIC_SIGNALS_REJECTED, STATUS_INVALID, 0, 1);
    add_faults(bulk, index, &faults);
}

static void submit_all(struct exchange *exchange, const struct splitter *splitter) {
    struct bulk *bulk = calloc(1, sizeof(*bulk));
    int64_t now_ms = clock_wall_ms();
    if (bulk == NULL)
        abort();
    bulk->exchange = exchange;
    bulk->api = exchange->app;
    bulk->count = splitter->count;
    bulk->awaited = 1;
    writer_init(&bulk->errors_writer, &bulk->errors);
    writer_open_array(&bulk->errors_writer);
    exchange_hold(exchange);
    for (unsigned i = 0; i < splitter->count; i++)
        submit_one(bulk, i, splitter->spans[i], now_ms);
    if (--bulk->awaited == 0)
        finish(bulk);
}

void submit_batch(struct exchange *exchange) {
    static const char *const types[] = {"application/json", "application/x-ndjson", "application/ndjson",
                                        NULL};
    static struct text spans[API_BATCH_SIGNALS_MAX];
    struct splitter splitter = {spans, 0, false};
    struct arena arena = ARENA_EMPTY;
    struct faults faults;
    if (!request_is_acceptable(exchange, types, API_BODY_MAX))
        return;
    faults_init(&faults, &arena);
    struct text body = exchange_body(exchange), type = exchange_header(exchange, "content-type");
    bool array = type.len >= 16 &&
                 text_equal_ignoring_case((struct text){type.at, 16}, TEXT_LITERAL("application/json"));
    bool split = true;
    if (array)
        split = split_array(body, &splitter, &faults);
    else
        split_lines(body, &splitter);
    if (split && splitter.count == 0)
        faults_add(&faults, NULL, "holds no signal");
    if (splitter.too_many)
        exchange_answer_problem(exchange, STATUS_TOO_LARGE, "a batch holds at most 1000 signals");
    else if (faults.count > 0)
        exchange_answer_faults(exchange, &faults, "pointer");
    else
        submit_all(exchange, &splitter);
    arena_fini(&arena);
}
