/* The load generator: posts signals over keep-alive connections, one request at a time on each, in a closed
 * loop (as fast as answers come) or an open one (--rate: on schedule, latency counted from the scheduled
 * instant, so that a stall costs everyone who had to wait). With --websocket it follows /ws too and measures
 * from there to each threat's new_threat event. One JSON object on stdout.
 *
 *     load_gen --port 8000 --file bodies.ndjson [--connections 64] [--count N | --seconds S]
 *              [--rate N [--burst N]] [--websocket [--window N]] [--get PATH] */
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include "tests/bench/http_client.h"
#include "tests/bench/id_times.h"
#include "tests/bench/load_options.h"
#include "tests/bench/websocket_client.h"

enum { EVENTS_PER_TURN = 256, QUIET_LIMIT_MS = 10000 };

struct slot { /* what one connection is doing */
    struct http_client client;
    int64_t due_ns;
    bool waits_for_room;
};

struct generator {
    struct load_options options;
    struct text *requests;
    size_t request_count;
    struct slot *slots;
    struct slot **free_slots; /* a ring, longest free first: none idles until the server drops it */
    int first_free, free_count;
    int epoll, timer;
    struct websocket_client websocket;
    struct id_times times;
    struct bench_sample answers, events, late;
    int64_t begin_ns, last_answer_ns, last_event_ns, progress_ns;
    long sent, answered, accepted, arrived;
    int first_bad_status;
    bool starved; /* no connection was free when the schedule was due: the server's delay, not ours */
};

static struct generator generator;

static void build_post(struct buffer *out, struct text body) {
    buffer_printf(out,
                  "POST /api/threats HTTP/1.1\r\nHost: %s:%d\r\nContent-Type: application/json\r\n"
                  "Content-Length: %zu\r\n\r\n",
                  generator.options.host, generator.options.port, body.len);
    buffer_append_text(out, body);
}

static void build_requests(void) {
    const struct load_options *options = &generator.options;
    struct bench_lines bodies = {.count = 1};
    if (options->get == NULL)
        bench_lines_read(&bodies, options->file);
    generator.request_count = bodies.count;
    generator.requests = calloc(bodies.count, sizeof(*generator.requests));
    for (size_t i = 0; i < bodies.count; i++) {
        struct buffer request = BUFFER_EMPTY;
        if (options->get == NULL)
            build_post(&request, bodies.lines[i]);
        else
            buffer_printf(&request, "GET %s HTTP/1.1\r\nHost: %s:%d\r\n\r\n", options->get, options->host,
                          options->port);
        generator.requests[i].at = buffer_take(&request, &generator.requests[i].len);
    }
    bench_lines_fini(&bodies);
}

static void watch(int fd, void *data, uint32_t events, int operation) {
    struct epoll_event event = {.events = events, .data.ptr = data};
    if (epoll_ctl(generator.epoll, operation, fd, &event) != 0)
        bench_die("epoll: %s", strerror(errno));
}

/* A request that found no room in its socket goes on when there is some. */
static void watch_slot(struct slot *slot) {
    bool waits = slot->client.unsent.len > 0;
    if (waits != slot->waits_for_room)
        watch(slot->client.fd, slot, waits ? EPOLLIN | EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
    slot->waits_for_room = waits;
}

static bool schedule_allows(int64_t now_ns, int64_t *due_ns) {
    const struct load_options *options = &generator.options;
    *due_ns = now_ns;
    if (generator.sent >= options->count)
        return false;
    if (options->rate > 0) {
        long burst = generator.sent / options->burst;
        *due_ns = generator.begin_ns + (int64_t)((double)(burst * options->burst) * 1e9 / options->rate);
        return *due_ns <= now_ns;
    }
    if (options->seconds > 0 && now_ns - generator.begin_ns >= (int64_t)(options->seconds * 1e9))
        return false;
    return options->window == 0 || generator.sent - generator.arrived < options->window;
}

static void give_free_slot(struct slot *slot) {
    int at = (generator.first_free + generator.free_count++) % generator.options.connections;
    generator.free_slots[at] = slot;
}

static struct slot *take_free_slot(void) {
    struct slot *slot = generator.free_slots[generator.first_free];
    generator.first_free = (generator.first_free + 1) % generator.options.connections;
    generator.free_count--;
    return slot;
}

static void send_one(int64_t now_ns, int64_t due_ns) {
    struct slot *slot = take_free_slot();
    slot->due_ns = due_ns;
    if (!generator.starved)
        bench_sample_add(&generator.late, now_ns - due_ns);
    http_client_send(&slot->client, generator.requests[(size_t)generator.sent % generator.request_count]);
    watch_slot(slot);
    generator.sent++;
}

static void pump(void) {
    int64_t due_ns = 0, now_ns = clock_monotonic_ns();
    while (schedule_allows(now_ns, &due_ns)) {
        if (generator.free_count == 0) {
            generator.starved = generator.options.rate > 0;
            return;
        }
        send_one(now_ns, due_ns);
        now_ns = clock_monotonic_ns();
    }
    generator.starved = false;
    if (generator.options.rate <= 0 || generator.sent >= generator.options.count)
        return;
    struct itimerspec wake = {.it_value = {due_ns / 1000000000, due_ns % 1000000000}};
    timerfd_settime(generator.timer, TFD_TIMER_ABSTIME, &wake, NULL);
}

static void note_pair(const struct id_time *time) {
    if (time->sent_ns != 0 && time->arrived_ns != 0)
        bench_sample_add(&generator.events, time->arrived_ns - time->sent_ns);
}

static void on_accepted(const struct slot *slot, struct text body) {
    static const char before[] = "{\"id\":\"";
    if (body.len < sizeof(before) - 1 + UUID_LENGTH)
        bench_die("no id in %.*s", (int)body.len, body.at);
    struct id_time *time =
        id_times_find(&generator.times, (struct text){body.at + sizeof(before) - 1, UUID_LENGTH});
    if (time == NULL)
        bench_die("no id in %.*s", (int)body.len, body.at);
    time->sent_ns = slot->due_ns;
    note_pair(time);
}

static void on_answer(struct slot *slot, const struct http_answer *answer) {
    int64_t now_ns = clock_monotonic_ns();
    int wanted = generator.options.get == NULL ? 202 : 200;
    generator.answered++;
    generator.last_answer_ns = generator.progress_ns = now_ns;
    bench_sample_add(&generator.answers, now_ns - slot->due_ns);
    if (answer->status == wanted)
        generator.accepted++;
    else if (generator.first_bad_status == 0)
        generator.first_bad_status = answer->status;
    if (generator.options.websocket && answer->status == wanted)
        on_accepted(slot, answer->body);
    http_client_next(&slot->client);
    give_free_slot(slot);
}

static void on_message(void *data, struct text payload) {
    static const char type[] = "{\"type\":\"new_threat\"", id[] = "\"data\":{\"id\":\"";
    (void)data;
    if (payload.len < sizeof(type) - 1 || memcmp(payload.at, type, sizeof(type) - 1) != 0)
        return;
    const char *at = memmem(payload.at, payload.len < 256 ? payload.len : 256, id, sizeof(id) - 1);
    if (at == NULL)
        bench_die("a new_threat without id: %.*s", 200, payload.at);
    struct id_time *time = id_times_find(&generator.times, (struct text){at + sizeof(id) - 1, UUID_LENGTH});
    if (time == NULL || time->arrived_ns != 0)
        return;
    generator.arrived++;
    time->arrived_ns = generator.last_event_ns = generator.progress_ns = clock_monotonic_ns();
    note_pair(time);
}

static void on_slot(struct slot *slot, uint32_t events) {
    struct http_answer answer;
    if (events & EPOLLOUT) {
        http_client_send(&slot->client, slot->client.unsent);
        watch_slot(slot);
    }
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR) && http_client_read(&slot->client, &answer))
        on_answer(slot, &answer);
}

static void on_ready(const struct epoll_event *event) {
    uint64_t expirations;
    if (event->data.ptr == &generator.timer) {
        if (read(generator.timer, &expirations, sizeof(expirations)) < 0 && errno != EAGAIN)
            bench_die("timer: %s", strerror(errno));
    } else if (event->data.ptr == &generator.websocket) {
        if (!websocket_client_read(&generator.websocket))
            bench_die("the server ended the WebSocket after %ld events", generator.arrived);
        websocket_client_parse(&generator.websocket);
        if (generator.websocket.close_code != 0)
            bench_die("the server closed the WebSocket with %u after %ld events",
                      generator.websocket.close_code, generator.arrived);
    } else {
        on_slot(event->data.ptr, event->events);
    }
}

static bool is_done(void) {
    const struct load_options *options = &generator.options;
    int64_t due_ns, now_ns = clock_monotonic_ns();
    if (now_ns - generator.progress_ns > (int64_t)QUIET_LIMIT_MS * 1000000)
        bench_die("nothing came for %d s: %ld sent, %ld answered, %ld events", QUIET_LIMIT_MS / 1000,
                  generator.sent, generator.answered, generator.arrived);
    bool may_send =
        generator.sent < options->count && (options->rate > 0 || schedule_allows(now_ns, &due_ns));
    if (may_send || generator.answered < generator.sent)
        return false;
    return !options->websocket || generator.arrived >= generator.accepted;
}

static void open_connections(void) {
    const struct load_options *options = &generator.options;
    size_t count = (size_t)options->connections;
    generator.epoll = epoll_create1(EPOLL_CLOEXEC);
    generator.timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    watch(generator.timer, &generator.timer, EPOLLIN, EPOLL_CTL_ADD);
    if (options->websocket) {
        generator.websocket.on_text = on_message;
        websocket_client_open(&generator.websocket, options->host, options->port);
        watch(generator.websocket.fd, &generator.websocket, EPOLLIN, EPOLL_CTL_ADD);
    }
    generator.slots = calloc(count, sizeof(*generator.slots));
    generator.free_slots = calloc(count, sizeof(*generator.free_slots));
    for (size_t i = 0; i < count; i++) {
        generator.slots[i].client.fd = bench_connect(options->host, options->port);
        watch(generator.slots[i].client.fd, &generator.slots[i], EPOLLIN, EPOLL_CTL_ADD);
        give_free_slot(&generator.slots[i]);
    }
}

static void run(void) {
    struct epoll_event ready[EVENTS_PER_TURN];
    generator.begin_ns = generator.progress_ns = clock_monotonic_ns();
    for (pump(); !is_done(); pump()) {
        int count = epoll_wait(generator.epoll, ready, EVENTS_PER_TURN, 100);
        for (int i = 0; i < count; i++)
            on_ready(&ready[i]);
    }
}

static void print_quantiles(const char *name, struct bench_sample *sample) {
    printf(",\"%s_p50_ms\":%.4f,\"%s_p99_ms\":%.4f,\"%s_p999_ms\":%.4f", name, bench_sample_ms(sample, 0.5),
           name, bench_sample_ms(sample, 0.99), name, bench_sample_ms(sample, 0.999));
}

/* Saturated: the generator used up its core, or sent late although a connection was free. */
static void print_result(double cpu_fraction) {
    const struct load_options *options = &generator.options;
    double answer_seconds = bench_seconds(generator.last_answer_ns - generator.begin_ns);
    double seconds =
        options->websocket ? bench_seconds(generator.last_event_ns - generator.begin_ns) : answer_seconds;
    long done = options->websocket ? generator.arrived : generator.accepted;
    bool behind = options->rate > 0 && bench_sample_ms(&generator.late, 0.99) > 1000.0 / options->rate;
    printf("{\"requests\":%ld,\"errors\":%ld,\"first_bad_status\":%d,\"events\":%ld,\"seconds\":%.6f",
           generator.answered, generator.answered - generator.accepted, generator.first_bad_status,
           generator.arrived, seconds);
    printf(",\"rate\":%.1f,\"accept_rate\":%.1f", (double)done / seconds,
           (double)generator.accepted / answer_seconds);
    print_quantiles("answer", &generator.answers);
    if (options->websocket)
        print_quantiles("event", &generator.events);
    if (options->rate > 0)
        print_quantiles("late", &generator.late);
    printf(",\"cpu_fraction\":%.3f,\"saturated\":%s}\n", cpu_fraction,
           cpu_fraction > 0.9 || behind ? "true" : "false");
}

int main(int argc, char **argv) {
    load_options_read(&generator.options, argc, argv);
    build_requests();
    open_connections();
    int64_t cpu_ns = bench_cpu_ns(), begin_ns = clock_monotonic_ns();
    run();
    print_result((double)(bench_cpu_ns() - cpu_ns) / (double)(clock_monotonic_ns() - begin_ns));
    return generator.answered == generator.accepted ? 0 : 1;
}
