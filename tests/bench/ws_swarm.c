/* Many WebSocket listeners in one process: for the memory that an idle one costs the server, and for fan-out.
 * Prints one JSON line when all are open, and one with what they received when its input ends.
 *
 *     ws_swarm --port 8000 --clients 1000 */
#include <getopt.h>
#include <sys/epoll.h>

#include "tests/bench/websocket_client.h"

enum { EVENTS_PER_TURN = 256, SPARE_FILES = 64 };

struct swarm {
    const char *host;
    int port, epoll;
    size_t client_count, closed;
    struct websocket_client *clients;
    unsigned first_close_code;
    uint64_t deliveries, bytes;
    int64_t first_ns, last_ns;
};

static struct swarm swarm = {.host = "127.0.0.1", .port = 8000, .client_count = 1000};

static const struct option option_rows[] = {
    {"host", required_argument, NULL, 'h'},
    {"port", required_argument, NULL, 'p'},
    {"clients", required_argument, NULL, 'c'},
    {NULL, 0, NULL, 0},
};

static void read_options(int argc, char **argv) {
    for (int name; (name = getopt_long(argc, argv, "", option_rows, NULL)) != -1;) {
        switch (name) {
        case 'h': swarm.host = optarg; break;
        case 'p': swarm.port = atoi(optarg); break;
        case 'c': swarm.client_count = strtoul(optarg, NULL, 10); break;
        default: exit(2);
        }
    }
}

/* The first batch is a greeting, not a delivery. */
static void on_message(void *data, struct text payload) {
    static const char greeting[] = "{\"type\":\"initial_batch\"";
    (void)data;
    if (payload.len >= sizeof(greeting) - 1 && memcmp(payload.at, greeting, sizeof(greeting) - 1) == 0)
        return;
    swarm.deliveries++;
    swarm.bytes += payload.len;
}

static void on_client(struct websocket_client *client) {
    uint64_t before = swarm.deliveries;
    bool open = websocket_client_read(client);
    websocket_client_parse(client);
    if (swarm.deliveries != before) {
        swarm.last_ns = clock_monotonic_ns();
        if (before == 0)
            swarm.first_ns = swarm.last_ns;
    }
    if (open && client->close_code == 0)
        return;
    if (swarm.closed++ == 0)
        swarm.first_close_code = open ? client->close_code : 1006;
    epoll_ctl(swarm.epoll, EPOLL_CTL_DEL, client->fd, NULL);
}

static void open_clients(void) {
    swarm.epoll = epoll_create1(EPOLL_CLOEXEC);
    swarm.clients = calloc(swarm.client_count, sizeof(*swarm.clients));
    for (size_t i = 0; i < swarm.client_count; i++) {
        struct websocket_client *client = &swarm.clients[i];
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
        client->on_text = on_message;
        websocket_client_open(client, swarm.host, swarm.port);
        websocket_client_parse(client);
        epoll_ctl(swarm.epoll, EPOLL_CTL_ADD, client->fd, &event);
    }
    struct epoll_event input = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(swarm.epoll, EPOLL_CTL_ADD, STDIN_FILENO, &input);
    printf("{\"open\":%zu}\n", swarm.client_count);
    fflush(stdout);
}

static bool input_ended(void) {
    char byte;
    return read(STDIN_FILENO, &byte, 1) <= 0;
}

static void listen_until_input_ends(void) {
    struct epoll_event ready[EVENTS_PER_TURN];
    for (bool more = true; more;) {
        int count = epoll_wait(swarm.epoll, ready, EVENTS_PER_TURN, -1);
        for (int i = 0; i < count; i++) {
            if (ready[i].data.ptr != NULL)
                on_client(ready[i].data.ptr);
            else if (input_ended())
                more = false;
        }
    }
}

int main(int argc, char **argv) {
    read_options(argc, argv);
    bench_raise_file_limit((size_t)swarm.client_count + SPARE_FILES);
    open_clients();
    listen_until_input_ends();
    printf("{\"clients\":%zu,\"closed\":%zu,\"first_close_code\":%u,\"deliveries\":%llu,\"bytes\":%llu,"
           "\"seconds\":%.6f,\"cpu_seconds\":%.3f}\n",
           swarm.client_count, swarm.closed, swarm.first_close_code, (unsigned long long)swarm.deliveries,
           (unsigned long long)swarm.bytes, bench_seconds(swarm.last_ns - swarm.first_ns),
           bench_seconds(bench_cpu_ns()));
    return swarm.closed == 0 ? 0 : 1;
}
