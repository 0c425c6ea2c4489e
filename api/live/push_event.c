#include "api/live/push_event.h"

#include <stdlib.h>

#include "api/live/client.h"
#include "api/live/farewell.h"
#include "api/live/logged_row.h"
#include "api/live/newest_batch.h"
#include "api/live/resume_client.h"
#include "shared/base/clock.h"
#include "shared/telemetry/spans.h"

enum { CHUNK_ROWS = 128, WAITING_ROWS_MAX = 65536, TICK_CLIENTS_EVERY_MS = 250 };

struct live {
    struct live_options options;
    struct hub hub;
    struct logged_row *oldest, *newest;
    unsigned waiting;
    struct logged_row *chunk[CHUNK_ROWS]; /* rows whose bodies are being fetched */
    unsigned chunk_count;
    int fetched_at[CHUNK_ROWS]; /* index of the chunk row's body in the fetch, -1: needs none */
    bool fetching;
    bool chunk_is_stale;       /* of a log that was reset while it was fetched: not to be pushed */
    bool chunk_is_for_clients; /* there were some when it was fetched */
    uint64_t lost_rows;        /* given up between the chunk and the oldest that waits */
    struct stream_id lost_through;
    bool pushed; /* since the last flush */
    int64_t ticked_ms;
    struct farewell farewell;
};

struct live *live_new(const struct live_options *options) {
    struct live *live = calloc(1, sizeof(*live));
    if (live == NULL)
        abort();
    live->options = *options;
    hub_init(&live->hub, &live->options);
    return live;
}

static void forget_waiting(struct live *live) {
    while (live->oldest != NULL) {
        struct logged_row *row = live->oldest;
        live->oldest = row->next;
        free(row);
    }
    live->newest = NULL;
    live->waiting = 0;
}

void live_free(struct live *live) {
    if (live == NULL)
        return;
    while (live->chunk_count > 0)
        free(live->chunk[--live->chunk_count]);
    forget_waiting(live);
    hub_fini(&live->hub);
    free(live);
}

unsigned live_clients(const struct live *live) {
    return live->hub.count;
}

void live_accept(struct live *live, struct exchange *exchange) {
    client_open(&live->hub, exchange);
}

static bool wanted(const struct live *live, const struct log_row *row) {
    return live->hub.count > 0 ||
           (row->kind != EVENT_CREATED && live->options.wanted(live->options.arg, &row->id));
}

/* From the log's row to the clients' ring. */
static void trace_push(const struct live *live, const struct logged_row *waiting,
                       const struct trace_context *enqueued) {
    struct trace_context context = *enqueued;
    if (!trace_is_present(enqueued) || !spans_on() || !spans_claim(1))
        return;
    span_id_random(context.span_id);
    struct span *span =
        span_begin("websocket_event", SPAN_PRODUCER, &context, waiting->arrived_ns, clock_monotonic_ns());
    memcpy(span->parent, enqueued->span_id, SPAN_ID_BYTES);
    span_add_uuid(span, "threat.id", &waiting->row.id);
    span_add_word(span, "event", vocabulary_word(&vocabulary_event_kind, (int)waiting->row.kind));
    span_add_number(span, "websocket.clients", live->hub.count);
    spans_send();
}

/* `body` has no bytes when the row needs none, or when the record is gone already. */
static void push_row(struct live *live, const struct logged_row *waiting, struct fetched fetched) {
    const struct log_row *row = &waiting->row;
    bool finished = row->kind == EVENT_COMPLETED || row->kind == EVENT_FAILED;
    struct text body = finished && fetched.finished ? fetched.body : TEXT_NONE;
    if (body.at != NULL)
        live->options.on_analysis(live->options.arg, &row->id, body);
    if (!live_event_is_due(row)) {
        hub_pass(&live->hub, waiting->position);
    } else if (live->hub.count == 0) {
        hub_pass_by(&live->hub, waiting->position);
    } else {
        hub_push(&live->hub, live_event_of_row(waiting->position, row, body));
        live->pushed = true;
        trace_push(live, waiting, &fetched.trace);
    }
}

static void drop_chunk(struct live *live) {
    while (live->chunk_count > 0)
        free(live->chunk[--live->chunk_count]);
    live->chunk_is_stale = false;
}

static void fetch_chunk(struct live *live);

/* A client that came while the bodies for nobody were on their way may have none of them missing. */
static void on_bodies(void *arg, enum status status, const struct fetched *threats, unsigned count) {
    static const struct fetched none;
    struct live *live = arg;
    (void)count;
    live->fetching = false;
    if (live->chunk_is_stale) {
        drop_chunk(live);
        return;
    }
    if (status != STATUS_OK)
        return; /* the chunk stays; live_tick asks again */
    if (live->hub.count > 0 && !live->chunk_is_for_clients) {
        fetch_chunk(live);
        return;
    }
    for (unsigned i = 0; i < live->chunk_count; i++)
        push_row(live, live->chunk[i], live->fetched_at[i] < 0 ? none : threats[live->fetched_at[i]]);
    drop_chunk(live);
}

static void fetch_chunk(struct live *live) {
    struct uuid ids[CHUNK_ROWS];
    unsigned count = 0;
    for (unsigned i = 0; i < live->chunk_count; i++) {
        const struct log_row *row = &live->chunk[i]->row;
        bool body = (row->kind == EVENT_COMPLETED || row->kind == EVENT_FAILED) && wanted(live, row);
        live->fetched_at[i] = body ? (int)count : -1;
        if (body)
            ids[count++] = row->id;
    }
    live->chunk_is_for_clients = live->hub.count > 0;
    live->fetching = true;
    struct fetch_source source = live->options.source;
    source.traces = spans_on();
    fetch_threats(&source, ids, count, on_bodies, live);
}

static void take_chunk(struct live *live) {
    if (live->lost_rows > 0)
        hub_lose(&live->hub, live->lost_rows, live->lost_through);
    live->lost_rows = 0;
    while (live->oldest != NULL && live->chunk_count < CHUNK_ROWS) {
        struct logged_row *row = live->oldest;
        live->oldest = row->next;
        live->chunk[live->chunk_count++] = row;
        live->waiting--;
    }
    if (live->oldest == NULL)
        live->newest = NULL;
}

/* One chunk is under way at a time: that keeps the events in the log's order. A chunk without bodies to
 * fetch is done when fetch_chunk returns. */
static void pump(struct live *live) {
    while (live->chunk_count == 0 && live->oldest != NULL) {
        take_chunk(live);
        fetch_chunk(live);
    }
}

static void close_some(struct live *live, unsigned count, enum close_code code, const char *reason) {
    for (struct client *client = live->hub.clients; client != NULL && count > 0; client = client->next) {
        if (client->stage == CLIENT_CLOSING)
            continue;
        client_close(client, code, reason);
        count--;
    }
}

/* Redis gives rows but no bodies: the rows that wait are given up. Nobody may have a silent hole. */
static void lose_waiting(struct live *live) {
    live->lost_rows += live->waiting;
    live->lost_through = live->newest->position;
    forget_waiting(live);
    close_some(live, live->hub.count, CLOSE_TRY_LATER, "events were lost: resume with the last id");
}

void push_event(struct live *live, struct stream_id position, const struct log_row *row) {
    bool idle = live->oldest == NULL && live->chunk_count == 0;
    live->hub.catalog_rows++;
    if (idle && !live_event_is_due(row)) {
        hub_pass(&live->hub, position);
        return;
    }
    if (idle && !wanted(live, row)) {
        hub_pass_by(&live->hub, position);
        return;
    }
    if (live->waiting == WAITING_ROWS_MAX)
        lose_waiting(live);
    struct logged_row *copy = logged_row_copy(position, row);
    copy->arrived_ns = spans_on() ? clock_monotonic_ns() : 0;
    if (live->newest == NULL)
        live->oldest = copy;
    else
        live->newest->next = copy;
    live->newest = copy;
    live->waiting++;
}

void live_pass(struct live *live, struct stream_id position) {
    static const struct log_row no_event = {.kind = EVENT_EXPIRED};
    push_event(live, position, &no_event);
}

void live_skip(struct live *live, struct stream_id position) {
    live->hub.catalog_rows++;
    hub_pass_by(&live->hub, position);
}

void live_flush(struct live *live) {
    pump(live);
    if (!live->pushed)
        return;
    live->pushed = false;
    for (struct client *client = live->hub.clients; client != NULL; client = client->next)
        client_wake(client);
}

void live_tick(struct live *live, int64_t now_ms) {
    live->hub.now_ms = now_ms;
    close_some(live, farewell_due(&live->farewell, now_ms), CLOSE_GOING_AWAY, "the server is going away");
    if (live->chunk_count > 0 && !live->fetching)
        fetch_chunk(live);
    if (now_ms - live->ticked_ms < TICK_CLIENTS_EVERY_MS)
        return;
    live->ticked_ms = now_ms;
    for (struct client *client = live->hub.clients; client != NULL; client = client->next)
        client_tick(client);
    log_pages_tick(live->hub.pages, now_ms);
    newest_batch_retry(&live->hub);
    resume_retry(&live->hub);
}

void live_hold(struct live *live) {
    forget_waiting(live);
    live->lost_rows = 0;
    if (live->fetching)
        live->chunk_is_stale = true;
    else
        drop_chunk(live);
    hub_restart(&live->hub);
    for (struct client *client = live->hub.clients; client != NULL; client = client->next)
        client_hold(client);
}

void live_go_on(struct live *live) {
    live->hub.ready = true;
    newest_batch_retry(&live->hub);
}

void live_stop(struct live *live, int64_t now_ms) {
    farewell_begin(&live->farewell, live->hub.count, now_ms);
}
