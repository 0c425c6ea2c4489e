#include "api/live/client_messages.h"

#include <inttypes.h>
#include <stdlib.h>

#include "shared/telemetry/log.h"
#include "shared/telemetry/metrics.h"

enum { BATCH_THREATS = 20, PONG_SECONDS = 10, BEHIND_GRACE_MS = 1000 };

struct client *client_next(const struct client *client) {
    return client->next;
}

static void send_buffer(struct client *client, struct buffer *message) {
    if (client->websocket != NULL)
        websocket_send_text(client->websocket, buffer_text(message));
}

/* A batch of the newest threats on its way to a client. */
struct client_batch {
    struct client *client;
    const char *type;
    struct stream_id position; /* what comes behind it comes as events */
};

static void free_if_over(struct client *client) {
    if (client->websocket == NULL && client->fetches == 0)
        free(client);
}

static void write_batch(struct buffer *out, const struct client_batch *batch, const struct fetched *threats,
                        unsigned count) {
    bool first = true;
    buffer_printf(out, "{\"type\":\"%s\",\"data\":[", batch->type);
    for (unsigned i = 0; i < count; i++) {
        if (threats[i].body.at == NULL)
            continue;
        if (!first)
            buffer_append_char(out, ',');
        first = false;
        buffer_append_text(out, threats[i].body);
    }
    buffer_printf(out, "],\"last_id\":\"%" PRIu64 "-%" PRIu64 "\"}", batch->position.ms,
                  batch->position.sequence);
}

/* Sent even when nothing could be fetched: an empty batch beats silence. */
static void on_batch(void *arg, enum status status, const struct fetched *threats, unsigned count) {
    struct client_batch *batch = arg;
    struct client *client = batch->client;
    struct buffer out = BUFFER_EMPTY;
    client->fetches--;
    if (client->websocket != NULL) {
        write_batch(&out, batch, threats, status == STATUS_OK ? count : 0);
        send_buffer(client, &out);
        client->greeted = client->fetches == 0;
        websocket_wake(client->websocket);
    }
    buffer_fini(&out);
    free(batch);
    free_if_over(client);
}

static void send_batch(struct client *client, const char *type) {
    struct hub *hub = client->hub;
    struct query newest;
    struct uuid ids[BATCH_THREATS];
    bool more;
    struct client_batch *batch = malloc(sizeof(*batch));
    if (batch == NULL)
        abort();
    *batch = (struct client_batch){client, type, hub->passed};
    if (client->filtered)
        newest = client->filter;
    else
        query_init(&newest);
    newest.limit = BATCH_THREATS;
    unsigned count = query_run(&newest, hub->options->catalog, ids, &more);
    client->next_sequence = ring_last(hub->ring) + 1;
    client->seen_bytes = hub->pushed_bytes;
    client->greeted = false;
    client->fetches++;
    fetch_threats(&hub->options->source, ids, count, on_batch, batch);
}

void client_reset(struct client *client) {
    if (client->websocket != NULL)
        send_batch(client, "reset");
}

static void on_open(void *owner) {
    send_batch(owner, "initial_batch");
}

static bool is_behind(const struct client *client) {
    return client->hub->pushed_bytes - client->seen_bytes > client->hub->options->queue_bytes;
}

static unsigned on_fill(void *owner, struct websocket_piece *pieces, unsigned max) {
    struct client *client = owner;
    unsigned count = 0;
    size_t bytes = 0;
    while (client->greeted && count < max && bytes < WEBSOCKET_WRITE_BYTES_MAX) {
        struct live_event *event = ring_peek(client->hub->ring, client->next_sequence);
        if (event == NULL)
            break;
        client->next_sequence++;
        client->seen_bytes += event->frame_bytes;
        if (client->filtered && !query_matches(&client->filter, &event->row))
            continue;
        pieces[count++] = (struct websocket_piece){event->frame, event->frame_bytes, live_event_ref(event)};
        bytes += event->frame_bytes;
    }
    if (!is_behind(client))
        client->behind_since_ms = 0;
    metrics_add(METRIC_WS_EVENTS, 0, 0, count);
    return count;
}

static void on_release(void *owner, void *holder) {
    (void)owner;
    live_event_unref(holder);
}

static void on_pong(void *owner) {
    ((struct client *)owner)->pong_due_ms = 0;
}

static void on_gone(void *owner, const char *reason) {
    struct client *client = owner;
    if (strcmp(reason, "closed") != 0)
        metrics_add(METRIC_WS_DROPPED, METRIC_DROP_ERROR, 0, 1);
    client->websocket = NULL;
    if (client->previous != NULL)
        client->previous->next = client->next;
    else
        client->hub->clients = client->next;
    if (client->next != NULL)
        client->next->previous = client->previous;
    client->hub->count--;
    metrics_set(METRIC_WS_CONNECTIONS, client->hub->count);
    free_if_over(client);
}

static const struct websocket_events events = {
    .on_open = on_open,
    .on_text = client_on_text,
    .on_fill = on_fill,
    .on_release = on_release,
    .on_pong = on_pong,
    .on_gone = on_gone,
};

static bool origin_is_host(struct text origin, struct text host) {
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        size_t len = strlen(schemes[i]);
        if (origin.len > len && memcmp(origin.at, schemes[i], len) == 0 &&
            text_equal_ignoring_case((struct text){origin.at + len, origin.len - len}, host))
            return true;
    }
    return false;
}

static bool origin_listed(struct text origin, const char *list) {
    while (*list != '\0') {
        size_t len = strcspn(list, ",");
        if (text_equal_ignoring_case(origin, (struct text){list, len}))
            return true;
        list += len + (list[len] == ',');
    }
    return false;
}

/* Programs send no Origin; browsers always do, and a foreign page must not ride on an analyst's session. */
static bool origin_allowed(const struct hub *hub, const struct exchange *exchange) {
    const char *allowed = hub->options->allowed_origins;
    struct text origin = exchange_header(exchange, "origin");
    if (origin.at == NULL || strcmp(allowed, "*") == 0)
        return true;
    h2o_iovec_t host = exchange->req->input.authority;
    return allowed[0] == '\0' ? origin_is_host(origin, (struct text){host.base, host.len})
                              : origin_listed(origin, allowed);
}

static void refuse(struct exchange *exchange, enum status status, const char *detail) {
    static const struct header version = {"sec-websocket-version", {"13", 2}};
    const struct status_row *row = status_row(status);
    struct buffer out = BUFFER_EMPTY;
    metrics_add(METRIC_WS_DROPPED, METRIC_DROP_REFUSED, 0, 1);
    if (status != STATUS_UPGRADE_REQUIRED) {
        exchange_answer_problem(exchange, status, detail);
        return;
    }
    problem_write(&out, row->http_status, row->name, row->title, detail, NULL, NULL);
    exchange_answer(exchange, row->http_status, "application/problem+json", &version, 1, buffer_text(&out));
    buffer_fini(&out);
}

static int64_t next_ping_ms(const struct hub *hub) {
    int64_t period = hub->options->ping_seconds * 1000;
    return hub->now_ms + period - random() % (period / 8 + 1);
}

void client_open(struct hub *hub, struct exchange *exchange) {
    if (!origin_allowed(hub, exchange)) {
        refuse(exchange, STATUS_FORBIDDEN, "this Origin may not connect");
        return;
    }
    if (hub->count >= hub->options->clients_max) {
        refuse(exchange, STATUS_OVERLOADED, "as many clients as this process takes are connected");
        return;
    }
    struct client *client = calloc(1, sizeof(*client));
    if (client == NULL)
        abort();
    client->hub = hub;
    enum status status = websocket_accept(exchange->req, &events, client, &client->websocket);
    if (status != STATUS_OK) {
        free(client);
        refuse(exchange, status, "the WebSocket handshake is not complete");
        return;
    }
    exchange->req = NULL;
    client->ping_due_ms = next_ping_ms(hub);
    client->next = hub->clients;
    if (hub->clients != NULL)
        hub->clients->previous = client;
    hub->clients = client;
    metrics_set(METRIC_WS_CONNECTIONS, ++hub->count);
}

static void drop(struct client *client, enum metric_drop reason, enum close_code code, const char *word) {
    metrics_add(METRIC_WS_DROPPED, (int)reason, 0, 1);
    log_write(LOG_WEBSOCKET_DROPPED, LOG_STRING("reason", word));
    websocket_close(client->websocket, code, word);
    client->greeted = false;
}

/* A burst may put any client behind for a moment: only one that stays there is too slow. */
static bool is_too_slow(const struct client *client) {
    bool fell_off = client->next_sequence < ring_first(client->hub->ring);
    return fell_off ||
           (client->behind_since_ms != 0 && client->hub->now_ms - client->behind_since_ms > BEHIND_GRACE_MS);
}

void client_wake(struct client *client) {
    if (client->websocket == NULL || !client->greeted)
        return;
    if (client->behind_since_ms == 0 && is_behind(client))
        client->behind_since_ms = client->hub->now_ms;
    if (is_too_slow(client))
        drop(client, METRIC_DROP_SLOW, CLOSE_TRY_LATER, "too slow: resume with the last id");
    else
        websocket_wake(client->websocket);
}

void client_tick(struct client *client) {
    int64_t now_ms = client->hub->now_ms;
    if (client->behind_since_ms != 0)
        client_wake(client);
    if (client->pong_due_ms != 0 && now_ms > client->pong_due_ms) {
        metrics_add(METRIC_WS_DROPPED, METRIC_DROP_NO_PONG, 0, 1);
        client->pong_due_ms = 0;
        websocket_abort(client->websocket);
    } else if (now_ms >= client->ping_due_ms) {
        websocket_ping(client->websocket);
        if (client->pong_due_ms == 0)
            client->pong_due_ms = now_ms + PONG_SECONDS * 1000;
        client->ping_due_ms = next_ping_ms(client->hub);
    }
}

void client_close(struct client *client, enum close_code code, const char *reason) {
    drop(client, code == CLOSE_GOING_AWAY ? METRIC_DROP_SHUTDOWN : METRIC_DROP_SLOW, code, reason);
}
