/* The WebSocket clients of the fault tests, which come back when their connection ends and ask for what they
 * missed. What they heard stands in the log, for the auditor. Ends when its input ends.
 *
 *     watch_events --log FILE [--each N] 127.0.0.1:8000 …
 *
 * There are N (1) of them for each API, numbered from 0, API after API; of events only the first of each
 * writes. A line is the number, wall clock in ms, and: `open`; `initial ID`; `resume ID`, which it asked for;
 * `reset ID`; `event ID TYPE`; `early ID TYPE`, come between opening and the answer to `resume`; `closed
 * CODE`, 1006 when nothing was said. */
#include <getopt.h>
#include <sys/epoll.h>

#include "tests/bench/websocket_client.h"

enum {
    EVENTS_PER_TURN = 256,
    TURN_MS = 20,
    AGAIN_MS = 100,      /* doubled by each failure in a row */
    AGAIN_DOUBLINGS = 3, /* at most so often */
    ID_MAX = 48,
    UPGRADE_MS = 20000, /* of all of a crowd that comes at once */
    SPARE_FILES = 64
};

enum watcher_state {
    WATCHER_AWAY,    /* connects at again_ms */
    WATCHER_OPENING, /* the upgrade was asked for */
    WATCHER_FOLLOWING,
};

struct watcher {
    struct websocket_client client;
    enum watcher_state state;
    const char *host;
    int port, number;
    int failures;
    bool loud;    /* writes its events down */
    bool waiting; /* for its connection */
    int64_t again_ms, opened_ms;
    char position[ID_MAX]; /* the last event known; "" before the first connection */
};

static struct {
    struct watcher *watchers;
    int count, each, epoll;
    FILE *log;
} swarm = {.each = 1};

__attribute__((format(printf, 2, 3))) static void note(const struct watcher *watcher, const char *format,
                                                       ...) {
    va_list list;
    va_start(list, format);
    fprintf(swarm.log, "%d %lld ", watcher->number, (long long)clock_wall_ms());
    vfprintf(swarm.log, format, list);
    fputc('\n', swarm.log);
    va_end(list);
}

/* Copies the text that follows `name` in the payload; "" when it is not there. */
static void find_text(struct text payload, const char *name, char out[ID_MAX]) {
    const char *at = memmem(payload.at, payload.len, name, strlen(name)), *end = payload.at + payload.len;
    size_t len = 0;
    out[0] = '\0';
    if (at == NULL)
        return;
    for (at += strlen(name); at + len < end && at[len] != '"' && len < ID_MAX - 1; len++)
        out[len] = at[len];
    out[len] = '\0';
}

static void on_batch(struct watcher *watcher, struct text payload, const char *word) {
    size_t tail = payload.len < 80 ? payload.len : 80;
    find_text((struct text){payload.at + payload.len - tail, tail}, "\"last_id\":\"", watcher->position);
    note(watcher, "%s %s", word, watcher->position);
}

static void on_event(struct watcher *watcher, struct text payload, const char *type) {
    find_text((struct text){payload.at, payload.len < 160 ? payload.len : 160}, "\"id\":\"",
              watcher->position);
    if (watcher->loud)
        note(watcher, "event %s %s", watcher->position, type);
}

static void on_position(struct watcher *watcher, struct text payload) {
    find_text(payload, "\"id\":\"", watcher->position);
    if (watcher->loud)
        note(watcher, "position %s", watcher->position);
}

static void on_text(void *data, struct text payload) {
    char type[ID_MAX];
    find_text((struct text){payload.at, payload.len < 64 ? payload.len : 64}, "{\"type\":\"", type);
    if (strcmp(type, "initial_batch") == 0)
        on_batch(data, payload, "initial");
    else if (strcmp(type, "reset") == 0)
        on_batch(data, payload, "reset");
    else if (strcmp(type, "position") == 0)
        on_position(data, payload);
    else if (strcmp(type, "threat_created") == 0 || strcmp(type, "new_threat") == 0 ||
             strcmp(type, "threat_updated") == 0)
        on_event(data, payload, type);
}

static void leave(struct watcher *watcher) {
    if (watcher->state == WATCHER_OPENING)
        watcher->failures += watcher->failures < AGAIN_DOUBLINGS;
    else
        note(watcher, "closed %u", watcher->client.close_code == 0 ? 1006 : watcher->client.close_code);
    websocket_client_fini(&watcher->client);
    watcher->client = (struct websocket_client){.fd = -1, .on_text = on_text, .data = watcher};
    watcher->state = WATCHER_AWAY;
    watcher->again_ms = clock_monotonic_ms() + (AGAIN_MS << watcher->failures);
}

static void watch(struct watcher *watcher, uint32_t events, int operation) {
    struct epoll_event event = {.events = events, .data.ptr = watcher};
    epoll_ctl(swarm.epoll, operation, watcher->client.fd, &event);
}

static void open_again(struct watcher *watcher) {
    struct sockaddr_in address = bench_address(watcher->host, watcher->port);
    watcher->opened_ms = clock_monotonic_ms();
    watcher->client.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    watcher->state = WATCHER_OPENING;
    watcher->waiting = true;
    if (connect(watcher->client.fd, (struct sockaddr *)&address, sizeof(address)) != 0 &&
        errno != EINPROGRESS)
        leave(watcher);
    else
        watch(watcher, EPOLLOUT, EPOLL_CTL_ADD);
}

static void ask_for_upgrade(struct watcher *watcher) {
    char form[512];
    bool again = watcher->position[0] != '\0';
    int len = snprintf(form, sizeof(form),
                       "GET /ws%s%s HTTP/1.1\r\nHost: soc\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                       again ? "?last_id=" : "", watcher->position);
    watcher->waiting = false;
    if (send(watcher->client.fd, form, (size_t)len, MSG_NOSIGNAL) < 0)
        leave(watcher);
    else
        watch(watcher, EPOLLIN, EPOLL_CTL_MOD);
}

/* The answer to the upgrade; false when it is a refusal. */
static bool take_upgrade(struct watcher *watcher) {
    enum websocket_upgrade upgrade = websocket_client_upgraded(&watcher->client);
    if (upgrade != WEBSOCKET_OPEN)
        return upgrade == WEBSOCKET_AWAITED;
    watcher->state = WATCHER_FOLLOWING;
    watcher->failures = 0;
    note(watcher, "open");
    if (watcher->position[0] != '\0')
        note(watcher, "resume %s", watcher->position);
    return true;
}

static void on_readable(struct watcher *watcher) {
    bool open = websocket_client_read(&watcher->client);
    if (watcher->state == WATCHER_OPENING)
        open = take_upgrade(watcher) && open;
    if (watcher->state != WATCHER_OPENING)
        websocket_client_parse(&watcher->client);
    if (!open || watcher->client.close_code != 0)
        leave(watcher);
}

static void tend(void) {
    int64_t now_ms = clock_monotonic_ms();
    for (int i = 0; i < swarm.count; i++) {
        struct watcher *watcher = &swarm.watchers[i];
        if (watcher->state == WATCHER_AWAY && now_ms >= watcher->again_ms)
            open_again(watcher);
        else if (watcher->state == WATCHER_OPENING && now_ms - watcher->opened_ms > UPGRADE_MS)
            leave(watcher);
    }
}

static bool input_ended(void) {
    char byte;
    return read(STDIN_FILENO, &byte, 1) <= 0;
}

static void run(void) {
    struct epoll_event ready[EVENTS_PER_TURN], input = {.events = EPOLLIN, .data.ptr = NULL};
    swarm.epoll = epoll_create1(EPOLL_CLOEXEC);
    epoll_ctl(swarm.epoll, EPOLL_CTL_ADD, STDIN_FILENO, &input);
    for (bool more = true; more;) {
        tend();
        int count = epoll_wait(swarm.epoll, ready, EVENTS_PER_TURN, TURN_MS);
        for (int i = 0; i < count; i++) {
            struct watcher *watcher = ready[i].data.ptr;
            if (watcher != NULL && watcher->waiting)
                ask_for_upgrade(watcher);
            else if (watcher != NULL)
                on_readable(watcher);
            else if (input_ended())
                more = false;
        }
        fflush(swarm.log);
    }
}

static void read_options(int argc, char **argv) {
    static const struct option rows[] = {
        {"log", required_argument, NULL, 'l'}, {"each", required_argument, NULL, 'e'}, {NULL, 0, NULL, 0}};
    for (int name; (name = getopt_long(argc, argv, "", rows, NULL)) != -1;) {
        switch (name) {
        case 'l': swarm.log = fopen(optarg, "w"); break;
        case 'e': swarm.each = atoi(optarg); break;
        default: exit(2);
        }
    }
    if (swarm.log == NULL || optind == argc || swarm.each < 1)
        bench_die("watch_events --log FILE [--each N] HOST:PORT …");
}

static void make_watchers(char *api) {
    char *colon = strrchr(api, ':');
    if (colon == NULL)
        bench_die("%s is not HOST:PORT", api);
    *colon = '\0';
    for (int i = 0; i < swarm.each; i++) {
        struct watcher *watcher = &swarm.watchers[swarm.count];
        *watcher =
            (struct watcher){.host = api, .port = atoi(colon + 1), .number = swarm.count++, .loud = i == 0};
        watcher->client = (struct websocket_client){.fd = -1, .on_text = on_text, .data = watcher};
    }
}

int main(int argc, char **argv) {
    read_options(argc, argv);
    swarm.watchers = calloc((size_t)(argc - optind) * (size_t)swarm.each, sizeof(*swarm.watchers));
    if (swarm.watchers == NULL)
        abort();
    for (int i = optind; i < argc; i++)
        make_watchers(argv[i]);
    bench_raise_file_limit((size_t)swarm.count + SPARE_FILES);
    run();
    return fclose(swarm.log) == 0 ? 0 : 1;
}
