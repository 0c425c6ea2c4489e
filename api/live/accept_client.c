#include <stdlib.h>

#include "api/http/url_query.h"
#include "api/live/client.h"
#include "api/live/origin.h"
#include "shared/telemetry/metrics.h"

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

/* ?last_id=: false when its value is none. */
static bool read_last_id(const struct exchange *exchange, struct client *client) {
    struct arena arena = ARENA_EMPTY;
    struct text rest = exchange->query, name, value;
    bool good = true;
    while (url_query_next(&rest, &arena, &name, &value)) {
        if (!text_is(name, "last_id"))
            continue;
        good = value.at != NULL && stream_id_parse(value, &client->resume_from);
        client->has_resume = good;
    }
    arena_fini(&arena);
    return good;
}

static void list_client(struct hub *hub, struct client *client) {
    client->next = hub->clients;
    if (hub->clients != NULL)
        hub->clients->previous = client;
    hub->clients = client;
    metrics_set(METRIC_WS_CONNECTIONS, ++hub->count);
}

void client_open(struct hub *hub, struct exchange *exchange) {
    if (!origin_allowed(hub->options->allowed_origins, exchange)) {
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
    if (!read_last_id(exchange, client)) {
        free(client);
        metrics_add(METRIC_WS_DROPPED, METRIC_DROP_REFUSED, 0, 1);
        exchange_answer_bad_parameter(exchange, "last_id", "must be the id of an event");
        return;
    }
    enum status status = websocket_accept(exchange->req, &client_events, client, &client->websocket);
    if (status != STATUS_OK) {
        free(client);
        refuse(exchange, status, "the WebSocket handshake is not complete");
        return;
    }
    exchange->req = NULL;
    client->ping_due_ms = client_next_ping_ms(hub);
    list_client(hub, client);
}
