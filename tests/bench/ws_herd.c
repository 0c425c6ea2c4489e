/* A herd of dashboards in one process that keep the id of the last event: for counting that each gets every
 * event exactly once, and for reconnect storms. Some of them may be slow. Commands come on the input, answers
 * go out as one JSON line each:
 *
 *     ws_herd --port 8000 --clients 10000 [--slow 10 --slow-bytes 1024] [--deaf 1]
 *
 *     cut      every connection is reset at once, and all come back with ?last_id=
 *     wait N   until everyone who is not slow or deaf has had N events
 *     tell     what they have had
 *
 * `slow` read so many bytes a second, in tenths of one; `deaf` never read at all. */
#include <getopt.h>
#include <inttypes.h>
#include <sys/epoll.h>

#include "tests/bench/websocket_client.h"

enum {
    EVENTS_PER_TURN = 512,
    SPARE_FILES = 64,
    RETRY_NS = 50 * 1000 * 1000,
    SLOW_TICK_NS = 100 * 1000 * 1000,
    LIMIT_S = 120
};

enum herd_kind { HERD_QUICK, HERD_SLOW, HERD_DEAF };

struct herd_client {
    struct websocket_client web; /* fd -1: waits to connect again */
    enum herd_kind kind;
    bool upgraded, heard;  /* something came on this connection */
    uint64_t ms, sequence; /* of the last id */
    uint64_t events, history;
    uint64_t resets, doubles, cut_offs;
    int64_t retry_ns;
};

struct herd {
    const char *host;
    int port, epoll;
    size_t count, slow, deaf;
    size_t slow_bytes;
    struct herd_client *clients;
    uint64_t awaited;
    int64_t cut_ns, slow_ns;
    bool cutting;
};

static struct herd herd = {.host = "127.0.0.1", .port = 8000, .count = 1000, .slow_bytes = 1024};

static const struct option option_rows[] = {
    {"port", required_argument, NULL, 'p'}, {"clients", required_argument, NULL, 'c'},
    {"slow", required_argument, NULL, 's'}, {"slow-bytes", required_argument, NULL, 'b'},
    {"deaf", required_argument, NULL, 'd'}, {NULL, 0, NULL, 0},
};

static void read_options(int argc, char **argv) {
    for (int name; (name = getopt_long(argc, argv, "", option_rows, NULL)) != -1;) {
        switch (name) {
        case 'p': herd.port = atoi(optarg); break;
        case 'c': herd.count = strtoul(optarg, NULL, 10); break;
        case 's': herd.slow = strtoul(optarg, NULL, 10); break;
        case 'b': herd.slow_bytes = strtoul(optarg, NULL, 10); break;
        case 'd': herd.deaf = strtoul(optarg, NULL, 10); break;
        default: exit(2);
        }
    }
}

/* --- what is heard --- */

static bool id_after(struct text payload, const char *mark, uint64_t *ms, uint64_t *sequence) {
    size_t len = strlen(mark);
    const char *at = payload.len < len ? NULL : memmem(payload.at, payload.len, mark, len);
    return at != NULL && sscanf(at + len, "%" SCNu64 "-%" SCNu64, ms, sequence) == 2;
}

static bool has_type(struct text payload, const char *type) {
    char head[48];
    size_t len = (size_t)snprintf(head, sizeof(head), "{\"type\":\"%s\"", type);
    return payload.len >= len && memcmp(payload.at, head, len) == 0;
}

static void on_event(struct herd_client *client, uint64_t ms, uint64_t sequence) {
    client->doubles += ms < client->ms || (ms == client->ms && sequence <= client->sequence);
    client->events++;
    client->history = (client->history ^ ms * 31 ^ sequence) * 0x100000001b3u;
}

static void on_message(void *data, struct text payload) {
    struct herd_client *client = data;
    uint64_t ms = 0, sequence = 0;
    struct text head = {payload.at, payload.len < 96 ? payload.len : 96};
    struct text tail = {payload.at + payload.len - (payload.len < 96 ? payload.len : 96), head.len};
    client->heard = true;
    if (has_type(head, "initial_batch") || has_type(head, "reset")) {
        client->resets += has_type(head, "reset");
        if (!id_after(tail, "\"last_id\":\"", &ms, &sequence))
            bench_die("a batch without last_id");
    } else if (!id_after(head, "\"id\":\"", &ms, &sequence)) {
        bench_die("a message without id: %.*s", (int)head.len, head.at);
    } else if (!has_type(head, "position")) {
        on_event(client, ms, sequence);
    }
    client->ms = ms;
    client->sequence = sequence;
}

/* --- connections --- */

static void watch(struct herd_client *client, int operation, unsigned wanted) {
    struct epoll_event event = {.events = wanted, .data.ptr = client};
    epoll_ctl(herd.epoll, operation, client->web.fd, &event);
}

static void begin_client(struct herd_client *client) {
    client->web = (struct websocket_client){.fd = -1, .on_text = on_message, .data = client};
}

static void open_client(struct herd_client *client) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)herd.port)};
    inet_pton(AF_INET, herd.host, &address.sin_addr);
    client->web.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (client->web.fd < 0)
        bench_die("socket: %s", strerror(errno));
    if (client->kind != HERD_QUICK) {
        int bytes = 4096;
        setsockopt(client->web.fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
    }
    client->upgraded = client->heard = false;
    if (connect(client->web.fd, (struct sockaddr *)&address, sizeof(address)) != 0 && errno != EINPROGRESS)
        bench_die("connect: %s", strerror(errno));
    watch(client, EPOLL_CTL_ADD, EPOLLOUT);
}

static void close_client(struct herd_client *client) {
    websocket_client_fini(&client->web);
    begin_client(client);
    client->retry_ns = clock_monotonic_ns() + RETRY_NS;
}

static void ask_upgrade(struct herd_client *client) {
    char request[512], resume[64] = "";
    if (client->ms != 0)
        snprintf(resume, sizeof(resume), "?last_id=%" PRIu64 "-%" PRIu64, client->ms, client->sequence);
    int len = snprintf(request, sizeof(request),
                       "GET /ws%s HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                       resume, herd.host, herd.port);
    if (send(client->web.fd, request, (size_t)len, MSG_NOSIGNAL) != len) {
        close_client(client);
        return;
    }
    watch(client, EPOLL_CTL_MOD, client->kind == HERD_QUICK ? EPOLLIN : 0);
}

static void read_client(struct herd_client *client, size_t most) {
    bool open = websocket_client_read_some(&client->web, most);
    if (!client->upgraded) {
        enum websocket_upgrade upgrade = websocket_client_upgraded(&client->web);
        client->upgraded = upgrade == WEBSOCKET_OPEN;
        open = open && upgrade != WEBSOCKET_REFUSED;
    }
    if (client->upgraded)
        websocket_client_parse(&client->web);
    if (open && client->web.close_code == 0)
        return;
    client->cut_offs += client->upgraded;
    close_client(client);
}

/* --- commands --- */

static uint64_t least_events(void) {
    uint64_t least = UINT64_MAX;
    for (size_t i = 0; i < herd.count; i++)
        if (herd.clients[i].kind == HERD_QUICK && herd.clients[i].events < least)
            least = herd.clients[i].events;
    return least;
}

static size_t count_heard(void) {
    size_t heard = 0;
    for (size_t i = 0; i < herd.count; i++)
        heard += herd.clients[i].kind != HERD_QUICK || herd.clients[i].heard;
    return heard;
}

static void answer(const char *format, ...) {
    va_list list;
    va_start(list, format);
    vprintf(format, list);
    va_end(list);
    putchar('\n');
    fflush(stdout);
}

static void tell(void) {
    uint64_t most = 0, resets = 0, doubles = 0, cut_offs = 0, histories = 0, first = 0, quick = 0;
    for (size_t i = 0; i < herd.count; i++) {
        const struct herd_client *client = &herd.clients[i];
        resets += client->resets;
        doubles += client->doubles;
        cut_offs += client->cut_offs;
        if (client->kind != HERD_QUICK)
            continue;
        most = client->events > most ? client->events : most;
        first = quick++ == 0 ? client->history : first;
        histories += client->history != first;
    }
    answer("{\"least\":%" PRIu64 ",\"most\":%" PRIu64 ",\"other_histories\":%" PRIu64 ",\"resets\":%" PRIu64
           ",\"doubles\":%" PRIu64 ",\"cut_offs\":%" PRIu64 "}",
           least_events(), most, histories, resets, doubles, cut_offs);
}

static void cut(void) {
    struct linger at_once = {1, 0};
    for (size_t i = 0; i < herd.count; i++) {
        struct herd_client *client = &herd.clients[i];
        if (client->web.fd < 0)
            continue;
        setsockopt(client->web.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
        websocket_client_fini(&client->web);
        begin_client(client);
    }
    herd.cut_ns = clock_monotonic_ns();
    herd.cutting = true;
    for (size_t i = 0; i < herd.count; i++)
        open_client(&herd.clients[i]);
}

/* False at the end of the input. */
static bool obey(void) {
    char line[64];
    ssize_t got = read(STDIN_FILENO, line, sizeof(line) - 1);
    if (got <= 0)
        return false;
    line[got] = '\0';
    if (strncmp(line, "cut", 3) == 0)
        cut();
    else if (strncmp(line, "tell", 4) == 0)
        tell();
    else if (sscanf(line, "wait %" SCNu64, &herd.awaited) != 1)
        bench_die("no such command: %s", line);
    return true;
}

/* --- the loop --- */

static int64_t ninety_nine_ns;

static void look_at_cut(void) {
    if (!herd.cutting)
        return;
    size_t heard = count_heard();
    int64_t now_ns = clock_monotonic_ns();
    if (ninety_nine_ns == 0 && heard * 100 >= herd.count * 99)
        ninety_nine_ns = now_ns;
    if (now_ns - herd.cut_ns > LIMIT_S * INT64_C(1000000000))
        bench_die("%zu of %zu came back", heard, herd.count);
    if (heard < herd.count)
        return;
    answer("{\"back_99_s\":%.3f,\"back_s\":%.3f}", bench_seconds(ninety_nine_ns - herd.cut_ns),
           bench_seconds(now_ns - herd.cut_ns));
    herd.cutting = false;
    ninety_nine_ns = 0;
}

static void look_at_clients(void) {
    int64_t now_ns = clock_monotonic_ns();
    bool slow_turn = now_ns - herd.slow_ns >= SLOW_TICK_NS;
    if (slow_turn)
        herd.slow_ns = now_ns;
    for (size_t i = 0; i < herd.count; i++) {
        struct herd_client *client = &herd.clients[i];
        if (client->web.fd < 0 && now_ns >= client->retry_ns)
            open_client(client);
        else if (client->web.fd >= 0 && slow_turn && client->kind == HERD_SLOW)
            read_client(client, herd.slow_bytes / 10 + 1);
    }
    if (herd.awaited > 0 && least_events() >= herd.awaited) {
        herd.awaited = 0;
        answer("{}");
    }
    look_at_cut();
}

static void on_ready(struct herd_client *client, unsigned what) {
    if (client->web.fd < 0)
        return;
    if (what & EPOLLOUT)
        ask_upgrade(client);
    else if (client->kind == HERD_QUICK)
        read_client(client, WEBSOCKET_READ_BYTES);
    else if (what & (EPOLLHUP | EPOLLERR)) {
        client->cut_offs++;
        close_client(client);
    }
}

static void run(void) {
    struct epoll_event ready[EVENTS_PER_TURN];
    int64_t looked_ns = 0;
    for (bool more = true; more;) {
        int count = epoll_wait(herd.epoll, ready, EVENTS_PER_TURN, 10);
        for (int i = 0; i < count; i++) {
            if (ready[i].data.ptr != NULL)
                on_ready(ready[i].data.ptr, ready[i].events);
            else if (!obey())
                more = false;
        }
        if (clock_monotonic_ns() - looked_ns < 10 * 1000 * 1000)
            continue;
        looked_ns = clock_monotonic_ns();
        look_at_clients();
    }
}

int main(int argc, char **argv) {
    read_options(argc, argv);
    bench_raise_file_limit((size_t)herd.count + SPARE_FILES);
    herd.epoll = epoll_create1(EPOLL_CLOEXEC);
    herd.clients = calloc(herd.count, sizeof(*herd.clients));
    for (size_t i = 0; i < herd.count; i++) {
        struct herd_client *client = &herd.clients[i];
        begin_client(client);
        client->kind = i < herd.deaf ? HERD_DEAF : i < herd.deaf + herd.slow ? HERD_SLOW : HERD_QUICK;
    }
    struct epoll_event input = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(herd.epoll, EPOLL_CTL_ADD, STDIN_FILENO, &input);
    cut(); /* the first time there is nothing to cut: all come */
    run();
    return 0;
}
