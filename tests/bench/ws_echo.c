/* A WebSocket server around api/live/websocket.h alone, for protocol tests and conformance suites:
 *
 *     ws_echo [port [message_bytes_max]]      port 0, the default, takes a free one; prints "port N" when it
 * listens
 *
 * /ws sends back every text and binary message. /text takes text only and obeys: "close", "abort", "ping"
 * (the pong is told as "pong"), "pieces N" (N frames written by on_fill, told apart by a number); the rest it
 * sends back. SIGTERM aborts every connection and prints how many there were and how many ended, by reason.
 */
#include "tests/bench/ws_server.h"

enum { REASONS_MAX = 8 };

struct client {
    struct websocket *websocket;
    struct client *previous, *next;
    bool speaks_of_pongs;
    unsigned pieces_left, pieces_sent;
};

static struct {
    struct client clients; /* head of a ring */
    unsigned opened, gone, held;
    const char *reasons[REASONS_MAX];
    unsigned reason_counts[REASONS_MAX];
} echo = {.clients = {.previous = &echo.clients, .next = &echo.clients}};

static void on_open(void *owner) {
    (void)owner;
}

static void on_echo_text(void *owner, struct text message) {
    struct client *client = owner;
    websocket_send_text(client->websocket, message);
}

static void on_echo_binary(void *owner, struct text message) {
    struct client *client = owner;
    websocket_send_binary(client->websocket, message);
}

static void on_order(void *owner, struct text message) {
    struct client *client = owner;
    unsigned long long count;
    if (text_is(message, "close")) {
        websocket_close(client->websocket, CLOSE_GOING_AWAY, "as you wish");
    } else if (text_is(message, "abort")) {
        websocket_abort(client->websocket);
    } else if (text_is(message, "ping")) {
        client->speaks_of_pongs = true;
        websocket_ping(client->websocket);
    } else if (message.len > 7 && memcmp(message.at, "pieces ", 7) == 0 &&
               text_to_unsigned((struct text){message.at + 7, message.len - 7}, 1000000, &count)) {
        client->pieces_left += (unsigned)count;
        websocket_wake(client->websocket);
    } else {
        websocket_send_text(client->websocket, message);
    }
}

static void on_pong(void *owner) {
    struct client *client = owner;
    if (client->speaks_of_pongs)
        websocket_send_text(client->websocket, TEXT_LITERAL("pong"));
}

static unsigned on_fill(void *owner, struct websocket_piece *pieces, unsigned max) {
    struct client *client = owner;
    unsigned count = 0;
    for (; count < max && client->pieces_left > 0; count++, client->pieces_left--) {
        struct buffer frame = BUFFER_EMPTY;
        char digits[16];
        int len = snprintf(digits, sizeof(digits), "piece %u", client->pieces_sent++);
        frame_append(&frame, FRAME_TEXT, (struct text){digits, (size_t)len});
        pieces[count].holder = buffer_take(&frame, &pieces[count].len);
        pieces[count].bytes = pieces[count].holder;
        echo.held++;
    }
    return count;
}

static void on_release(void *owner, void *holder) {
    (void)owner;
    echo.held--;
    free(holder);
}

static void count_reason(const char *reason) {
    unsigned i = 0;
    while (echo.reasons[i] != NULL && strcmp(echo.reasons[i], reason) != 0)
        i++;
    echo.reasons[i] = reason;
    echo.reason_counts[i]++;
}

static void on_gone(void *owner, const char *reason) {
    struct client *client = owner;
    echo.gone++;
    count_reason(reason);
    client->previous->next = client->next;
    client->next->previous = client->previous;
    free(client);
}

static struct websocket_events echo_events = {
    .on_open = on_open, .on_text = on_echo_text, .on_binary = on_echo_binary, .on_gone = on_gone};
static struct websocket_events order_events = {.on_open = on_open,
                                               .on_text = on_order,
                                               .on_fill = on_fill,
                                               .on_release = on_release,
                                               .on_pong = on_pong,
                                               .on_gone = on_gone};

static int accept_with(h2o_req_t *req, const struct websocket_events *events) {
    struct client *client = calloc(1, sizeof(*client));
    if (client == NULL)
        abort();
    enum status status = websocket_accept(req, events, client, &client->websocket);
    if (status != STATUS_OK) {
        free(client);
        return ws_server_refuse(req, status);
    }
    client->next = &echo.clients;
    client->previous = echo.clients.previous;
    client->previous->next = client;
    echo.clients.previous = client;
    echo.opened++;
    return 0;
}

static int on_ws(h2o_handler_t *handler, h2o_req_t *req) {
    (void)handler;
    return accept_with(req, &echo_events);
}

static int on_text_only(h2o_handler_t *handler, h2o_req_t *req) {
    (void)handler;
    return accept_with(req, &order_events);
}

static void drain(void) {
    h2o_socket_close(ws_server.listener);
    for (struct client *client = echo.clients.next; client != &echo.clients; client = client->next)
        websocket_abort(client->websocket);
    while (echo.gone < echo.opened)
        ws_server_run_turn();
    printf("opened %u gone %u held %u", echo.opened, echo.gone, echo.held);
    for (unsigned i = 0; i < REASONS_MAX && echo.reasons[i] != NULL; i++)
        printf(" %s %u", echo.reasons[i], echo.reason_counts[i]);
    printf("\n");
}

int main(int argc, char **argv) {
    h2o_hostconf_t *host = ws_server_configure();
    ws_server_add_path(host, "/ws", on_ws);
    ws_server_add_path(host, "/text", on_text_only);
    if (argc > 2)
        echo_events.message_bytes_max = strtoul(argv[2], NULL, 10);
    if (argc > 3)
        ws_server_use_tls(argv[3]);
    ws_server_listen((uint16_t)(argc > 1 ? atoi(argv[1]) : 0));
    while (!ws_server_stopped)
        ws_server_run_turn();
    drain();
    return 0;
}
