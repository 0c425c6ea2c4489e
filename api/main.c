/* soc-api: takes signals over HTTP, puts them on the stream, shows what became of them. One loop, one
 * thread; more cores means more processes. */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "api/context/context_order.h"
#include "api/dead_letters/letter_calls.h"
#include "api/drain.h"
#include "api/http/observe_requests.h"
#include "api/http/server.h"
#include "api/threats/api.h"
#include "api/threats/judge_case.h"
#include "shared/base/clock.h"
#include "shared/model/print_model.h"
#include "shared/redis/follow_master.h"
#include "shared/telemetry/log_events.h"
#include "shared/telemetry/log_level.h"
#include "shared/telemetry/metrics.h"
#include "shared/telemetry/spans.h"

enum { TURN_MS = 20, LARGE_BYTES = 1024 * 1024, KEPT_BYTES = 4 * 1024 * 1024 };

/* Above the largest that any call takes: room to answer 413 in peace. */
enum { BODY_MAX = IMPORT_TEXT_BODY_MAX / 4 * 5 };

static volatile sig_atomic_t stop_signals;

static void on_stop_signal(int number) {
    (void)number;
    stop_signals++;
}

static void catch_signals(void) {
    struct sigaction stop = {.sa_handler = on_stop_signal};
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* As many sockets as the system lets us have: every WebSocket is one. */
static void raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* glibc takes the size of each large block that is freed for its new measure of what is large, and so keeps
 * tens of MiB for good once a few great bodies were read. With fixed measures they go back at once. */
static void fix_allocator(void) {
    mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
    mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
}

static void on_row(void *arg, struct stream_id position, const struct log_row *row, enum row_age age) {
    struct api *api = arg;
    catalog_apply(api->catalog, row);
    if (age == ROW_NEW)
        push_event(api->live, position, row);
    else if (age == ROW_REPEATED)
        live_pass(api->live, position);
    else
        live_skip(api->live, position);
}

static void on_log_reset(void *arg, const char *why) {
    struct api *api = arg;
    (void)why;
    catalog_clear(api->catalog);
    upkeep_forget(api->upkeep);
    live_hold(api->live);
}

static void on_log_read(void *arg) {
    struct api *api = arg;
    struct catalog_size size = catalog_size(api->catalog);
    log_write(LOG_CATALOG_READY, LOG_NUMBER("rows", size.rows),
              LOG_NUMBER("duration_ms", clock_monotonic_ms() - api->started_ms));
    live_go_on(api->live);
}

static void on_log_link_up(void *owner) {
    follower_link_up(((struct api *)owner)->follower);
}

static bool analysis_wanted(void *arg, const struct uuid *id) {
    return waiters_want(((struct api *)arg)->waiters, id);
}

static void on_analysis(void *arg, const struct uuid *id, struct text analysis) {
    waiters_complete(((struct api *)arg)->waiters, id, analysis);
}

static void open_links(struct api *api, const struct reactor *reactor, const struct redis_url *url) {
    enum { OWN_SCRIPTS = 4 };
    static const struct script *scripts[OWN_SCRIPTS + CONTEXT_SCRIPTS_MAX + UPKEEP_SCRIPTS];
    static const struct link_hooks command_hooks = {NULL, NULL};
    static const struct link_hooks log_hooks = {on_log_link_up, NULL};
    static const struct script *log_scripts[1];
    scripts[0] = enqueue_script();
    scripts[1] = judge_script();
    scripts[2] = backlog_script();
    scripts[3] = replay_script();
    int count = OWN_SCRIPTS + context_scripts(scripts + OWN_SCRIPTS);
    for (int i = 0; i < UPKEEP_SCRIPTS; i++)
        scripts[count++] = upkeep_scripts()[i];
    api->master = master_open(reactor, url);
    const struct endpoint *master = master_endpoint(api->master);
    api->commands = link_open(reactor, master, "soc-api-commands", scripts, count, &command_hooks, api);
    log_scripts[0] = follower_script();
    api->log_link = link_open(reactor, master, "soc-api-log", log_scripts, 1, &log_hooks, api);
    if (api->settings->wait_replicas > 0)
        api->enqueue_link = link_open(reactor, master, "soc-api-enqueue", scripts, 1, &command_hooks, api);
}

static void open_parts(struct api *api) {
    static const struct follower_hooks hooks = {on_row, on_log_reset, on_log_read};
    struct live_options options = {.source = {.link = &api->commands, .keyspace = &api->keyspace},
                                   .allowed_origins = api->settings->allowed_origins,
                                   .queue_bytes = (size_t)api->settings->ws_queue_bytes,
                                   .ping_seconds = api->settings->ws_ping_seconds,
                                   .clients_max = (unsigned)api->settings->ws_clients_max,
                                   .resume_rows = (unsigned)api->settings->ws_resume_events,
                                   .wanted = analysis_wanted,
                                   .on_analysis = on_analysis,
                                   .arg = api};
    uuid_source_init(&api->ids);
    api->catalog = catalog_new();
    options.catalog = api->catalog;
    api->live = live_new(&options);
    api->waiters = waiters_new();
    struct enqueue_options enqueue = {
        .link = api->settings->wait_replicas > 0 ? &api->enqueue_link : &api->commands,
        .keyspace = &api->keyspace,
        .wait_replicas = api->settings->wait_replicas,
        .wait_timeout_ms = api->settings->wait_timeout_ms,
    };
    api->enqueue = enqueue_new(&enqueue);
    api->imports = imports_new(&api->commands, &api->keyspace, &api->ids);
    admission_init(&api->admission, api->settings->outstanding_limit, api->settings->memory_limit_percent);
    struct upkeep_options upkeep = {.link = &api->commands,
                                    .keyspace = &api->keyspace,
                                    .catalog = api->catalog,
                                    .threats_max = (uint64_t)api->settings->retention_threats,
                                    .retention_days = api->settings->retention_days};
    api->upkeep = upkeep_new(&upkeep);
    struct required_workers required;
    required_workers_init(&required, api->settings->worker_rate, api->settings->drain_backlog_seconds);
    api->backlog = backlog_new(&api->commands, &api->keyspace, &api->admission, &required);
    api->follower = follower_new(&api->log_link, &api->keyspace, &hooks, api);
}

static void close_parts(struct api *api) {
    link_close(api->log_link); /* tells whoever still awaits a reply, so before all others */
    link_close(api->enqueue_link);
    link_close(api->commands);
    master_close(api->master);
    waiters_free(api->waiters);
    follower_free(api->follower);
    imports_free(api->imports);
    backlog_free(api->backlog);
    upkeep_free(api->upkeep);
    enqueue_free(api->enqueue);
    live_free(api->live);
    catalog_free(api->catalog);
}

static void tick(struct api *api, int64_t now_ms) {
    master_tick(api->master, now_ms);
    link_tick(api->commands, now_ms);
    link_tick(api->log_link, now_ms);
    follower_tick(api->follower, now_ms);
    if (api->enqueue_link != NULL)
        link_tick(api->enqueue_link, now_ms);
    backlog_tick(api->backlog, now_ms);
    waiters_tick(api->waiters, now_ms, api->stage == API_CLOSING);
    live_tick(api->live, now_ms);
    log_level_tick(now_ms);
    log_tick(now_ms);
    spans_tick();
}

/* What came together in one turn goes out in one write each. */
static void turn(struct api *api, struct server *server, int64_t *ticked_ms) {
    bool busy = imports_step(api->imports);
    server_turn(server, busy ? 0 : TURN_MS);
    enqueue_flush(api->enqueue);
    live_flush(api->live);
    int64_t now_ms = clock_monotonic_ms();
    upkeep_turn(api->upkeep, now_ms, api_is_ready(api) && api->stage == API_RUNNING);
    link_flush(api->commands);
    link_flush(api->log_link);
    if (api->enqueue_link != NULL)
        link_flush(api->enqueue_link);
    if (now_ms - *ticked_ms >= TURN_MS) {
        *ticked_ms = now_ms;
        tick(api, now_ms);
    }
}

/* The second signal ends it at once. */
static void serve(struct api *api, struct server *server) {
    struct drain drain;
    int64_t ticked_ms = 0;
    while (api->stage != API_DONE && stop_signals < 2) {
        turn(api, server, &ticked_ms);
        if (stop_signals > 0 && api->stage == API_RUNNING)
            drain_begin(&drain, api, server);
        if (api->stage != API_RUNNING)
            drain_advance(&drain, api, server);
    }
}

static int run(const struct settings *settings, const struct redis_url *url) {
    struct api api = {.settings = settings, .started_ms = clock_monotonic_ms()};
    char why[256] = "";
    struct server_options options = {.host = settings->http_host,
                                     .port = (int)settings->http_port,
                                     .tls_certificate = settings->tls_certificate,
                                     .tls_key = settings->tls_key,
                                     .routes = api_routes,
                                     .body_max = BODY_MAX,
                                     .app = &api};
    metrics_init(PROGRAM_API);
    observe_requests(api_routes);
    struct server *server = server_open(&options, why, sizeof(why));
    if (server == NULL) {
        fprintf(stderr, "soc-api: %s\n", why);
        return 1;
    }
    spans_open(settings);
    struct reactor reactor = server_reactor(server);
    keyspace_init(&api.keyspace, settings->key_prefix);
    open_parts(&api);
    open_links(&api, &reactor, url);
    struct buffer redis = BUFFER_EMPTY;
    redis_url_describe(url, &redis);
    log_write(LOG_STARTED, LOG_STRING("version", SOC_VERSION), LOG_NUMBER("pid", getpid()),
              LOG_NUMBER("port", server_port(server)), LOG_TEXT("redis", buffer_text(&redis)));
    buffer_fini(&redis);
    serve(&api, server);
    close_parts(&api);
    log_tick(INT64_MAX);
    spans_close();
    log_write(LOG_STOPPED);
    return 0;
}

static int usage(void) {
    puts("soc-api [--help | --version | --routes | --vocabulary | --log-events]\n"
         "Takes threat signals over HTTP and shows what became of them. Settings come from the "
         "environment:\n");
    settings_print(PROGRAM_API, stdout);
    return 0;
}

static int print_routes(void) {
    for (const struct route *route = api_routes; route->method != NULL; route++)
        printf("%s %s\n", route->method, route->pattern);
    return 0;
}

static int print_log_events(void) {
    log_events_print(PROGRAM_API, stdout);
    return 0;
}

static int print_instead(const char *option) {
    if (strcmp(option, "--help") == 0)
        return usage();
    if (strcmp(option, "--version") == 0)
        return puts(SOC_VERSION) < 0;
    if (strcmp(option, "--routes") == 0)
        return print_routes();
    if (strcmp(option, "--vocabulary") == 0)
        return print_model(stdout) ? 0 : 1;
    if (strcmp(option, "--log-events") == 0)
        return print_log_events();
    fprintf(stderr, "soc-api: %s is not an option; see --help\n", option);
    return 2;
}

int main(int argc, char **argv) {
    struct settings settings;
    struct redis_url url;
    const char *why;
    if (argc > 1)
        return print_instead(argv[1]);
    if (!settings_read(PROGRAM_API, &settings, stderr))
        return 2;
    if (!redis_url_parse(settings.redis_url, &url, &why))
        abort(); /* settings_read has judged it */
    log_init(settings.service_name, settings.log_level);
    log_level_init();
    srandom((unsigned)clock_monotonic_ns() ^ (unsigned)getpid()); /* jitter differs by process */
    catch_signals();
    raise_descriptor_limit();
    fix_allocator();
    return run(&settings, &url);
}
