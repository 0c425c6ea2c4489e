/* Fan-out alone: waits for CLIENTS listeners on /ws (ws_swarm), then pushes EVENTS through a ring to all of
 * them, BATCH at a time, and prints one JSON line with the deliveries that one core of this process carries.
 *
 *     ws_fanout [port [clients [events [batch [payload_bytes]]]]] */
#include "api/live/ring.h"
#include "tests/bench/ws_server.h"

enum { RING_BYTES = 8 * 1024 * 1024, PAYLOAD_MAX = 60000, NOTE_BYTES = 64 };

struct listener {
    struct websocket *websocket;
    uint64_t cursor; /* sequence of the next event */
};

static struct {
    struct ring *ring;
    struct listener **listeners;
    unsigned wanted, open;
    uint64_t deliveries;
} fanout;

static void on_open(void *owner) {
    if (fanout.open == fanout.wanted)
        bench_die("more listeners than announced");
    fanout.listeners[fanout.open++] = owner;
}

static void on_text(void *owner, struct text message) {
    (void)owner, (void)message;
}

static unsigned on_fill(void *owner, struct websocket_piece *pieces, unsigned max) {
    struct listener *listener = owner;
    struct live_event *event;
    unsigned count = 0;
    for (size_t bytes = 0; count < max && bytes < WEBSOCKET_WRITE_BYTES_MAX; count++) {
        if ((event = ring_peek(fanout.ring, listener->cursor)) == NULL)
            break;
        pieces[count] = (struct websocket_piece){event->frame, event->frame_bytes, live_event_ref(event)};
        bytes += event->frame_bytes;
        listener->cursor++;
    }
    return count;
}

static void on_release(void *owner, void *holder) {
    (void)owner;
    live_event_unref(holder);
    fanout.deliveries++;
}

static void on_gone(void *owner, const char *reason) {
    (void)owner;
    bench_die("a listener is gone: %s", reason);
}

static const struct websocket_events events = {
    .on_open = on_open, .on_text = on_text, .on_fill = on_fill, .on_release = on_release, .on_gone = on_gone};

static int on_ws(h2o_handler_t *handler, h2o_req_t *req) {
    (void)handler;
    struct listener *listener = calloc(1, sizeof(*listener));
    listener->cursor = 1;
    enum status status = websocket_accept(req, &events, listener, &listener->websocket);
    return status == STATUS_OK ? 0 : ws_server_refuse(req, status);
}

static void push_batch(unsigned batch, struct text data) {
    struct log_row row = {.customer_id = TEXT_LITERAL("acme"), .customer_name = TEXT_LITERAL("Acme Inc")};
    for (unsigned i = 0; i < batch; i++)
        ring_push(fanout.ring,
                  live_event_new(LIVE_NEW_THREAT, 1763696000000, ring_last(fanout.ring) + 1, &row, data));
    for (unsigned i = 0; i < fanout.open; i++)
        websocket_wake(fanout.listeners[i]->websocket);
}

static unsigned long argument(int argc, char **argv, int at, unsigned long otherwise) {
    return at < argc ? strtoul(argv[at], NULL, 10) : otherwise;
}

/* Pushes all and returns when the kernel has taken everything: ns of CPU time. */
static int64_t run(uint64_t events_wanted, unsigned batch, struct text data) {
    int64_t cpu_ns = bench_cpu_ns();
    while (ring_last(fanout.ring) < events_wanted) {
        push_batch(batch, data);
        while (fanout.deliveries < ring_last(fanout.ring) * fanout.open)
            ws_server_run_turn();
    }
    return bench_cpu_ns() - cpu_ns;
}

static struct text make_payload(size_t bytes) {
    static char payload[PAYLOAD_MAX];
    size_t filling = bytes > NOTE_BYTES + 2 ? bytes - NOTE_BYTES : 2;
    if (filling > sizeof(payload))
        bench_die("payload_bytes is at most %d", PAYLOAD_MAX);
    memset(payload, 'x', filling);
    payload[0] = payload[filling - 1] = '"';
    return (struct text){payload, filling};
}

int main(int argc, char **argv) {
    fanout.wanted = (unsigned)argument(argc, argv, 2, 500);
    unsigned batch = (unsigned)argument(argc, argv, 4, 10);
    struct text data = make_payload(argument(argc, argv, 5, 300));
    fanout.ring = ring_new(RING_BYTES);
    fanout.listeners = calloc(fanout.wanted, sizeof(*fanout.listeners));
    ws_server_add_path(ws_server_configure(), "/ws", on_ws);
    ws_server_listen((uint16_t)argument(argc, argv, 1, 0));
    while (fanout.open < fanout.wanted)
        ws_server_run_turn();
    double cpu_seconds = bench_seconds(run(argument(argc, argv, 3, 20000), batch, data));
    printf("{\"fanout_clients\":%u,\"events\":%llu,\"batch\":%u,\"frame_bytes\":%zu,\"deliveries\":%llu,"
           "\"cpu_seconds\":%.3f,\"fanout_deliveries_per_core_s\":%.0f}\n",
           fanout.open, (unsigned long long)ring_last(fanout.ring), batch,
           ring_peek(fanout.ring, ring_last(fanout.ring))->frame_bytes, (unsigned long long)fanout.deliveries,
           cpu_seconds, (double)fanout.deliveries / cpu_seconds);
    return 0;
}
