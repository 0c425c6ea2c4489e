/* The detection system of the fault tests: posts signals on schedule, each with an Idempotency-Key of its
 * own, and does not give one up. A 5xx, a broken connection or silence means: the same signal with the same
 * key again, to the next API. Batches have no key: one of unknown fate is not sent again. Ends at --count, or
 * when its input ends; then what is under way is still finished, for at most --patience-ms.
 *
 *     produce_signals --api 127.0.0.1:8000 [--api …] --log FILE [--count N] [--rate N] [--connections 16]
 *                     [--swing PERCENT] [--batch N] [--key PREFIX] [--bytes N] [--timeout-ms N]
 *                     [--patience-ms N]
 *
 * With a swing each second has a rate of its own, evenly spread so far around --rate.
 * The log has a line for each answer: wall clock in ms, number of the order, its attempt, status (0: nobody
 * knows), ms since the attempt began, ids. Its standard output tells every 100 ms how far it is. */
#include <getopt.h>
#include <sys/epoll.h>

#include "tests/bench/bench_util.h"

enum {
    APIS_MAX = 16,
    SLOTS_MAX = 512,
    SWING_MS = 1000,
    EVENTS_PER_TURN = 256,
    TURN_MS = 5,
    TELL_EVERY_MS = 100,
    PAUSE_REFUSED_MS = 100,
    PAUSE_BROKEN_MS = 50,
    CUSTOMERS = 50,
    ID_LENGTH = 36
};

/* Which of these a slot is in says what it waits for. */
enum slot_state {
    SLOT_FREE,      /* an order */
    SLOT_PAUSING,   /* until_ms, then it sends its order again */
    SLOT_ANSWERING, /* the answer to its order */
};

struct slot {
    enum slot_state state;
    int fd; /* -1: not connected */
    unsigned api;
    struct buffer request, answer;
    size_t unsent_at;
    long number, attempt;
    int64_t began_ms, until_ms;
};

struct producer {
    const char *hosts[APIS_MAX];
    int ports[APIS_MAX];
    unsigned api_count;
    long count, rate, swing, batch, bytes;
    double due; /* signals, by the schedule */
    int connections;
    int64_t timeout_ms, patience_ms;
    const char *key;
    FILE *log;
    struct slot slots[SLOTS_MAX];
    int epoll;
    double swung_rate;
    int64_t due_ms, swung_ms, told_ms, stopped_ms; /* stopped_ms: 0 while new orders are made */
    long orders, signals, accepted, refused, unknown, odd, abandoned;
};

static struct producer producer = {
    .connections = 16, .batch = 1, .key = "p", .timeout_ms = 15000, .patience_ms = 60000};

static const struct option option_rows[] = {
    {"api", required_argument, NULL, 'a'},         {"log", required_argument, NULL, 'l'},
    {"count", required_argument, NULL, 'n'},       {"rate", required_argument, NULL, 'r'},
    {"swing", required_argument, NULL, 's'},       {"connections", required_argument, NULL, 'c'},
    {"batch", required_argument, NULL, 'b'},       {"key", required_argument, NULL, 'k'},
    {"bytes", required_argument, NULL, 'y'},       {"timeout-ms", required_argument, NULL, 't'},
    {"patience-ms", required_argument, NULL, 'p'}, {NULL, 0, NULL, 0},
};

static void add_api(char *address) {
    char *colon = strrchr(address, ':');
    if (colon == NULL || producer.api_count == APIS_MAX)
        bench_die("--api %s: HOST:PORT, at most %d", address, APIS_MAX);
    *colon = '\0';
    producer.hosts[producer.api_count] = address;
    producer.ports[producer.api_count++] = atoi(colon + 1);
}

static void read_options(int argc, char **argv) {
    for (int name; (name = getopt_long(argc, argv, "", option_rows, NULL)) != -1;) {
        switch (name) {
        case 'a': add_api(optarg); break;
        case 'l': producer.log = fopen(optarg, "w"); break;
        case 'n': producer.count = atol(optarg); break;
        case 'r': producer.rate = atol(optarg); break;
        case 's': producer.swing = atol(optarg); break;
        case 'c': producer.connections = atoi(optarg); break;
        case 'b': producer.batch = atol(optarg); break;
        case 'k': producer.key = optarg; break;
        case 'y': producer.bytes = atol(optarg); break;
        case 't': producer.timeout_ms = atol(optarg); break;
        case 'p': producer.patience_ms = atol(optarg); break;
        default: exit(2);
        }
    }
    if (producer.api_count == 0 || producer.log == NULL || producer.connections < 1 ||
        producer.connections > SLOTS_MAX || producer.batch < 1)
        bench_die("produce_signals: --api and --log are needed, 1 to %d connections", SLOTS_MAX);
}

/* --- orders --- */

static void write_signal(struct buffer *out, long number) {
    static const char *const types[] = {"bot_traffic",      "credential_stuffing", "account_takeover",
                                        "data_scraping",    "geo_anomaly",         "rate_limit_breach",
                                        "brute_force",      "proxy_network",       "device_compromise",
                                        "anomaly_detection"};
    buffer_printf(
        out,
        "{\"threat_type\":\"%s\",\"customer_id\":\"customer-%ld\",\"customer_name\":\"Customer %ld\","
        "\"source_ip\":\"45.83.%ld.%ld\",\"user_agent\":\"python-requests/2.31.0\",\"request_count\":%ld,"
        "\"time_window_minutes\":5,\"raw_data\":{\"number\":%ld",
        types[number % 10], number % CUSTOMERS, number % CUSTOMERS, number / 250 % 250, number % 250,
        100 + number % 9000, number);
    if (producer.bytes > 0)
        buffer_printf(out, ",\"filler\":\"%0*d\"", (int)producer.bytes, 0);
    buffer_append_text(out, text_of("}}"));
}

static void write_request(struct slot *slot) {
    struct buffer body = BUFFER_EMPTY;
    buffer_clear(&slot->request);
    for (long i = 0; i < producer.batch; i++) {
        write_signal(&body, slot->number * producer.batch + i);
        if (producer.batch > 1)
            buffer_append_char(&body, '\n');
    }
    if (producer.batch > 1)
        buffer_printf(
            &slot->request,
            "POST /api/threats/batch HTTP/1.1\r\nHost: soc\r\nContent-Type: application/x-ndjson\r\n");
    else
        buffer_printf(&slot->request,
                      "POST /api/threats HTTP/1.1\r\nHost: soc\r\nContent-Type: application/json\r\n"
                      "Idempotency-Key: %s-%ld\r\n",
                      producer.key, slot->number);
    buffer_printf(&slot->request, "Content-Length: %zu\r\n\r\n", body.len);
    buffer_append_text(&slot->request, buffer_text(&body));
    buffer_fini(&body);
}

static void keep_schedule(int64_t now_ms) {
    if (now_ms - producer.swung_ms >= SWING_MS) {
        producer.swung_ms = now_ms;
        producer.swung_rate =
            (double)(producer.rate * (100 + random() % (2 * producer.swing + 1) - producer.swing)) / 100;
    }
    producer.due += (double)(now_ms - producer.due_ms) * producer.swung_rate / 1000;
    producer.due_ms = now_ms;
}

static bool may_order(void) {
    if (producer.stopped_ms != 0 || (producer.count > 0 && producer.signals >= producer.count))
        return false;
    return producer.rate == 0 || (double)producer.signals <= producer.due;
}

static void log_answer(const struct slot *slot, int status, struct text ids) {
    fprintf(producer.log, "%lld %ld %ld %d %lld %.*s\n", (long long)clock_wall_ms(), slot->number,
            slot->attempt, status, (long long)(clock_monotonic_ms() - slot->began_ms), (int)ids.len,
            ids.at == NULL ? "" : ids.at);
}

/* --- slots --- */

static void disconnect(struct slot *slot) {
    if (slot->fd >= 0)
        close(slot->fd);
    slot->fd = -1;
    slot->api = (slot->api + 1) % producer.api_count;
}

static void watch(struct slot *slot, uint32_t events, int operation) {
    struct epoll_event event = {.events = events, .data.ptr = slot};
    epoll_ctl(producer.epoll, operation, slot->fd, &event);
}

static bool connect_slot(struct slot *slot) {
    struct sockaddr_in address = bench_address(producer.hosts[slot->api], producer.ports[slot->api]);
    int one = 1;
    slot->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(slot->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (connect(slot->fd, (struct sockaddr *)&address, sizeof(address)) != 0 && errno != EINPROGRESS)
        return false;
    watch(slot, EPOLLIN | EPOLLOUT, EPOLL_CTL_ADD);
    return true;
}

static void pause_slot(struct slot *slot, int64_t pause_ms) {
    slot->state = SLOT_PAUSING;
    slot->until_ms = clock_monotonic_ms() + pause_ms / 2 + random() % pause_ms;
}

/* Nobody knows what became of the order. */
static void lose_answer(struct slot *slot) {
    producer.unknown++;
    log_answer(slot, 0, TEXT_NONE);
    disconnect(slot);
    if (producer.batch > 1)
        slot->state = SLOT_FREE;
    else
        pause_slot(slot, PAUSE_BROKEN_MS);
}

static void write_on(struct slot *slot) {
    while (slot->unsent_at < slot->request.len) {
        ssize_t sent = send(slot->fd, slot->request.at + slot->unsent_at, slot->request.len - slot->unsent_at,
                            MSG_NOSIGNAL);
        if (sent < 0 && (errno == EAGAIN || errno == ENOTCONN))
            return;
        if (sent < 0) {
            lose_answer(slot);
            return;
        }
        slot->unsent_at += (size_t)sent;
    }
    watch(slot, EPOLLIN, EPOLL_CTL_MOD);
}

static void send_order(struct slot *slot) {
    slot->state = SLOT_ANSWERING;
    slot->attempt++;
    slot->began_ms = clock_monotonic_ms();
    slot->unsent_at = 0;
    buffer_clear(&slot->answer);
    if (slot->fd < 0 && !connect_slot(slot))
        lose_answer(slot);
    else
        write_on(slot);
}

static void take_order(struct slot *slot) {
    slot->number = producer.orders++;
    slot->attempt = 0;
    producer.signals += producer.batch;
    write_request(slot);
    send_order(slot);
}

/* Appends every UUID of the body, commas between; returns how many. */
static long gather_ids(struct buffer *out, struct text body) {
    const char *at = body.at, *end = body.at + body.len;
    long count = 0;
    while ((at = memchr(at, '"', (size_t)(end - at))) != NULL) {
        at++;
        const char *stop = memchr(at, '"', (size_t)(end - at));
        if (stop == NULL)
            break;
        if (stop - at == ID_LENGTH && at[8] == '-' && at[23] == '-') {
            if (count++ > 0)
                buffer_append_char(out, ',');
            buffer_append(out, at, ID_LENGTH);
        }
        at = stop + 1;
    }
    return count;
}

static void take_answer(struct slot *slot, int status, struct text body) {
    struct buffer ids = BUFFER_EMPTY;
    long count = status == 202 ? gather_ids(&ids, body) : 0;
    log_answer(slot, status, buffer_text(&ids));
    buffer_fini(&ids);
    producer.accepted += count;
    if (status >= 500) {
        producer.refused++;
        disconnect(slot);
        pause_slot(slot, PAUSE_REFUSED_MS);
        return;
    }
    producer.odd += status != 202;
    slot->state = SLOT_FREE;
}

/* True when a whole answer has come. */
static bool read_answer(struct slot *slot) {
    static const char name[] = "\r\ncontent-length:";
    const char *end = slot->answer.len == 0 ? NULL : memmem(slot->answer.at, slot->answer.len, "\r\n\r\n", 4);
    if (end == NULL)
        return false;
    *(char *)end = '\0';
    const char *length = strcasestr(slot->answer.at, name);
    *(char *)end = '\r';
    size_t head = (size_t)(end + 4 - slot->answer.at),
           bytes = length == NULL ? 0 : strtoul(length + sizeof(name) - 1, NULL, 10);
    if (slot->answer.len < head + bytes)
        return false;
    take_answer(slot, atoi(slot->answer.at + sizeof("HTTP/1.1")),
                (struct text){slot->answer.at + head, bytes});
    return true;
}

static void on_readable(struct slot *slot) {
    enum { PIECE = 1 << 16 };
    ssize_t got = recv(slot->fd, buffer_reserve(&slot->answer, PIECE + 1), PIECE, 0);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0) {
        if (slot->state == SLOT_ANSWERING)
            lose_answer(slot);
        else
            disconnect(slot);
        return;
    }
    slot->answer.len += (size_t)got;
    slot->answer.at[slot->answer.len] = '\0';
    if (slot->state == SLOT_ANSWERING)
        read_answer(slot);
}

static void on_ready(const struct epoll_event *event) {
    struct slot *slot = event->data.ptr;
    if (slot == NULL) {
        char byte;
        if (read(STDIN_FILENO, &byte, 1) <= 0) {
            epoll_ctl(producer.epoll, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
            producer.stopped_ms = clock_monotonic_ms();
        }
        return;
    }
    if (slot->fd >= 0 && event->events & EPOLLOUT && slot->state == SLOT_ANSWERING)
        write_on(slot);
    if (slot->fd >= 0 && event->events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        on_readable(slot);
}

/* Gives every slot its turn; true while something is left to do. */
static bool tend_slots(void) {
    int64_t now_ms = clock_monotonic_ms();
    bool busy = false;
    keep_schedule(now_ms);
    for (int i = 0; i < producer.connections; i++) {
        struct slot *slot = &producer.slots[i];
        if (slot->state == SLOT_FREE && may_order())
            take_order(slot);
        else if (slot->state == SLOT_PAUSING && now_ms >= slot->until_ms)
            send_order(slot);
        else if (slot->state == SLOT_ANSWERING && now_ms - slot->began_ms > producer.timeout_ms)
            lose_answer(slot);
        busy |= slot->state != SLOT_FREE;
    }
    if (producer.stopped_ms == 0)
        return busy || producer.count == 0 || producer.signals < producer.count;
    return busy && now_ms - producer.stopped_ms < producer.patience_ms;
}

static void tell(void) {
    printf("{\"sent\":%ld,\"accepted\":%ld,\"refused\":%ld,\"unknown\":%ld,\"odd\":%ld,\"abandoned\":%ld}\n",
           producer.signals, producer.accepted, producer.refused, producer.unknown, producer.odd,
           producer.abandoned);
    fflush(stdout);
    fflush(producer.log);
    producer.told_ms = clock_monotonic_ms();
}

static void run(void) {
    struct epoll_event ready[EVENTS_PER_TURN], input = {.events = EPOLLIN, .data.ptr = NULL};
    producer.epoll = epoll_create1(EPOLL_CLOEXEC);
    epoll_ctl(producer.epoll, EPOLL_CTL_ADD, STDIN_FILENO, &input);
    producer.due_ms = clock_monotonic_ms();
    while (tend_slots()) {
        int count = epoll_wait(producer.epoll, ready, EVENTS_PER_TURN, TURN_MS);
        for (int i = 0; i < count; i++)
            on_ready(&ready[i]);
        if (clock_monotonic_ms() - producer.told_ms >= TELL_EVERY_MS)
            tell();
    }
}

int main(int argc, char **argv) {
    read_options(argc, argv);
    for (int i = 0; i < producer.connections; i++) {
        producer.slots[i].fd = -1;
        producer.slots[i].api = (unsigned)i % producer.api_count;
    }
    run();
    for (int i = 0; i < producer.connections; i++)
        producer.abandoned += producer.slots[i].state != SLOT_FREE;
    tell();
    return fclose(producer.log) == 0 ? 0 : 1;
}
