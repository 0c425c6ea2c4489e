/* soc-worker: takes signals from the stream, analyses them, commits the results. Stateless: any number of
 * them, killed at any time. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "shared/base/clock.h"
#include "shared/redis/customer_ids.h"
#include "shared/redis/follow_master.h"
#include "shared/telemetry/log_events.h"
#include "shared/telemetry/log_level.h"
#include "shared/telemetry/log_threat.h"
#include "shared/telemetry/metrics.h"
#include "shared/telemetry/spans.h"
#include "worker/admin/admin_http.h"
#include "worker/intake/claim_entries.h"
#include "worker/intake/follow_context.h"
#include "worker/intake/gather_history.h"
#include "worker/intake/libevent_reactor.h"
#include "worker/intake/read_signals.h"
#include "worker/intake/recover_entries.h"
#include "worker/intake/release_entries.h"
#include "worker/intake/sweep_stream.h"
#include "worker/intake/trim_stream.h"
#include "worker/intake/watch_peers.h"
#include "worker/results/observe_work.h"
#include "worker/results/trace_work.h"

enum { TICK_MS = 20, COMMAND_SCRIPTS = WATCH_SCRIPTS + 7, RETRY_COMMITS_MS = 200 };

/* The stages of the end; each is left when its condition holds, or all of them at the drain's deadline. */
enum stop_stage {
    STOP_NOT,      /* taking work */
    STOP_DRAINING, /* what was read is finished and acknowledged, a late read is handed back */
    STOP_LEAVING,  /* our consumer is being removed from the group */
    STOP_DONE
};

struct worker {
    struct settings settings;
    struct redis_url url;
    struct intake intake;
    struct event_base *base;
    struct reactor reactor;
    struct master *master;
    struct event *tick, *on_term, *on_int;
    struct admin_http *admin;
    enum stop_stage stage;
    int64_t stop_by_ms, committed_ms;
};

static void bury_refused(struct intake *intake, const struct work *work) {
    struct burial burial = {.threat = &work->id,
                            .customer_name = work->signal.customer_name,
                            .entry = text_of(work->entry),
                            .deliveries = work->deliveries,
                            .reason = DEAD_REFUSED,
                            .stage = DEAD_AT_COMMIT,
                            .readable = true,
                            .trace = &work->trace};
    bury_entry(&intake->burial, &burial);
}

/* What analyze_work noted of a suspect that did no harm. */
static void forget_stage(const struct intake *intake, const struct work *work) {
    struct command command = COMMAND_EMPTY;
    struct buffer key = BUFFER_EMPTY;
    keyspace_threat(&intake->keyspace, &work->id, &key);
    command_begin(&command, "HDEL");
    command_text(&command, buffer_text(&key));
    command_string(&command, "stage");
    link_send(intake->commands, command_finish(&command), LINK_DEADLINE_MS, NULL, NULL);
    command_fini(&command);
    buffer_fini(&key);
}

static void on_committed(void *arg, struct work *work, enum status status) {
    struct worker *worker = arg;
    trace_work(work, status);
    if (status == STATUS_OK) {
        observe_result(work, clock_monotonic_ns());
        if (work->alone)
            forget_stage(&worker->intake, work);
        log_write(LOG_THREAT_COMPLETED, LOG_THREAT(&work->id, &work->trace, work->signal.customer_name),
                  LOG_STRING("severity", vocabulary_word(&vocabulary_severity, (int)work->severity)),
                  LOG_DECIMAL("duration_ms", (double)(clock_monotonic_ns() - work->taken_at_ns) / 1e6));
    } else if (status_row(status)->entry_action == ENTRY_ACKNOWLEDGE) {
        metrics_add(status == STATUS_FENCED ? METRIC_FENCED : METRIC_FINISHED_BEFORE, 0, 0, 1);
        log_write(LOG_ENTRY_FENCED, LOG_THREAT(&work->id, &work->trace, work->signal.customer_name),
                  LOG_STRING("entry", work->entry), LOG_STRING("reason", status_name(status)));
    } else {
        bury_refused(&worker->intake, work);
    }
    bool claimed = work->claimed;
    work_give_back(worker->intake.pool, work);
    rescue_entry_done(worker->intake.rescue, claimed);
    read_signals(worker->intake.reading);
}

static void on_context_up(void *owner) {
    context_link_up(((struct worker *)owner)->intake.context);
}

static void on_reader_up(void *owner) {
    recovery_begin(((struct worker *)owner)->intake.recovery);
}

static void on_commands_up(void *owner) {
    ((struct worker *)owner)->intake.group_ready = false; /* the tick makes sure of it */
}

/* No text of an entry of ours comes near it: what is longer stays in Redis, is found lost, and buried there.
 */
enum { TEXT_MAX_BYTES = 1024 * 1024 };

static void open_links(struct worker *worker) {
    static const struct script *scripts[COMMAND_SCRIPTS], *context_scripts[1];
    static const struct link_hooks reader = {on_reader_up, NULL}, commands = {on_commands_up, NULL},
                                   context = {on_context_up, NULL};
    struct intake *intake = &worker->intake;
    for (int i = 0; i < WATCH_SCRIPTS; i++)
        scripts[i] = watch_scripts()[i];
    scripts[WATCH_SCRIPTS] = commit_script();
    scripts[WATCH_SCRIPTS + 1] = bury_script();
    scripts[WATCH_SCRIPTS + 2] = claim_script();
    scripts[WATCH_SCRIPTS + 3] = release_script();
    scripts[WATCH_SCRIPTS + 4] = create_group_script();
    scripts[WATCH_SCRIPTS + 5] = trim_script();
    scripts[WATCH_SCRIPTS + 6] = sweep_script();
    worker->reactor = libevent_reactor(worker->base);
    worker->master = master_open(&worker->reactor, &worker->url);
    const struct endpoint *master = master_endpoint(worker->master);
    intake->reader = link_open(&worker->reactor, master, "soc-worker-reader", NULL, 0, &reader, worker);
    link_bound_texts(intake->reader, TEXT_MAX_BYTES);
    intake->commands = link_open(&worker->reactor, master, "soc-worker-commands", scripts, COMMAND_SCRIPTS,
                                 &commands, worker);
    context_scripts[0] = customer_ids_script();
    intake->context_link =
        link_open(&worker->reactor, master, "soc-worker-context", context_scripts, 1, &context, worker);
}

static void open_parts(struct worker *worker) {
    struct intake *intake = &worker->intake;
    struct commit_options commit = {.link = &intake->commands,
                                    .keyspace = &intake->keyspace,
                                    .consumer = intake->consumer,
                                    .publish = worker->settings.publish_events != 0,
                                    .attempts_max = (unsigned)worker->settings.delivery_limit,
                                    .done = on_committed,
                                    .arg = worker};
    intake->settings = &worker->settings;
    keyspace_init(&intake->keyspace, worker->settings.key_prefix);
    intake->burial = (struct burial_options){&intake->commands, &intake->keyspace, intake->consumer};
    intake->pool = work_pool_new((unsigned)worker->settings.in_flight);
    intake->commit = commit_new(&commit);
    intake->reading = reading_new(intake);
    intake->gatherer = gatherer_new(intake);
    intake->recovery = recovery_new(intake);
    intake->watch = watch_new(intake);
    intake->rescue = rescue_new(intake);
    intake->trimming = trimming_new(intake);
    intake->sweeper = sweeper_new(intake);
    intake->context = context_follower_new(intake);
}

static void close_parts(struct worker *worker) {
    struct intake *intake = &worker->intake;
    admin_http_close(worker->admin);
    link_close(intake->reader);
    link_close(intake->commands);
    link_close(intake->context_link);
    master_close(worker->master);
    reading_free(intake->reading);
    gatherer_free(intake->gatherer);
    recovery_free(intake->recovery);
    rescue_free(intake->rescue);
    watch_free(intake->watch);
    trimming_free(intake->trimming);
    sweeper_free(intake->sweeper);
    context_follower_free(intake->context);
    commit_free(intake->commit);
    work_pool_free(intake->pool);
    event_free(worker->tick);
    event_free(worker->on_term);
    event_free(worker->on_int);
    event_base_free(worker->base);
}

/* Unique for every start: host, pid and chance. */
static void name_consumer(char *name, size_t size) {
    char host[64] = "";
    unsigned chance = 0;
    gethostname(host, sizeof(host) - 1);
    if (getrandom(&chance, sizeof(chance), 0) != sizeof(chance))
        abort();
    snprintf(name, size, "%.60s-%d-%08x", host, (int)getpid(), chance);
}

/* --- the end --- */

static void on_left(void *arg) {
    ((struct worker *)arg)->stage = STOP_DONE;
}

/* What Redis still has of ours in its hands, a read perhaps, is soon found without a heartbeat. */
static void give_up(struct worker *worker) {
    release_all(&worker->intake);
    watch_leave(worker->intake.watch, on_left, worker);
    link_flush(worker->intake.commands);
    worker->stage = STOP_DONE;
}

static void on_stop_signal(evutil_socket_t number, short what, void *arg) {
    struct worker *worker = arg;
    (void)what;
    if (worker->stage != STOP_NOT) { /* the second one: what is unfinished is for others */
        give_up(worker);
        return;
    }
    log_write(LOG_STOPPING, LOG_STRING("reason", strsignal((int)number)));
    worker->stage = STOP_DRAINING;
    worker->stop_by_ms = clock_monotonic_ms() + worker->settings.drain_deadline_seconds * 1000;
    worker->intake.stopping = true;
    reading_stop(worker->intake.reading);
}

static void advance_stop(struct worker *worker, int64_t now_ms) {
    struct intake *intake = &worker->intake;
    if (worker->stage == STOP_DRAINING && !reading_is_asking(intake->reading) &&
        !rescue_is_claiming(intake->rescue) && work_pool_in_use(intake->pool) == 0) {
        worker->stage = STOP_LEAVING;
        watch_leave(intake->watch, on_left, worker);
    }
    if (worker->stage != STOP_NOT && worker->stage != STOP_DONE && now_ms > worker->stop_by_ms)
        give_up(worker);
}

/* --- the loop --- */

static void on_tick(evutil_socket_t fd, short what, void *arg) {
    struct worker *worker = arg;
    struct intake *intake = &worker->intake;
    int64_t now_ms = clock_monotonic_ms();
    (void)fd;
    (void)what;
    master_tick(worker->master, now_ms);
    link_tick(intake->reader, now_ms);
    link_tick(intake->commands, now_ms);
    link_tick(intake->context_link, now_ms);
    reading_tick(intake->reading, now_ms);
    watch_tick(intake->watch, now_ms);
    rescue_tick(intake->rescue, now_ms);
    trimming_tick(intake->trimming, now_ms);
    sweeper_tick(intake->sweeper, now_ms);
    if (now_ms - worker->committed_ms >= RETRY_COMMITS_MS) {
        worker->committed_ms = now_ms;
        commit_tick(intake->commit);
    }
    spans_tick();
    advance_stop(worker, now_ms);
    log_level_tick(now_ms);
    log_tick(now_ms);
}

/* What came together in one turn goes out in one write each. */
static void turn(struct worker *worker) {
    event_base_loop(worker->base, EVLOOP_ONCE);
    commit_flush(worker->intake.commit);
    link_flush(worker->intake.reader);
    link_flush(worker->intake.commands);
    link_flush(worker->intake.context_link);
    if (worker->stage == STOP_DRAINING)
        advance_stop(worker, clock_monotonic_ms());
}

static struct event *every_tick(struct worker *worker) {
    static const struct timeval period = {0, TICK_MS * 1000};
    struct event *tick = event_new(worker->base, -1, EV_PERSIST, on_tick, worker);
    event_add(tick, &period);
    return tick;
}

static struct event *on_signal(struct worker *worker, int number) {
    struct event *event = evsignal_new(worker->base, number, on_stop_signal, worker);
    event_add(event, NULL);
    return event;
}

static int run(struct worker *worker) {
    struct buffer redis = BUFFER_EMPTY;
    worker->base = event_base_new();
    if (worker->base == NULL)
        abort();
    metrics_init(PROGRAM_WORKER);
    name_consumer(worker->intake.consumer, sizeof(worker->intake.consumer));
    worker->tick = every_tick(worker);
    worker->on_term = on_signal(worker, SIGTERM);
    worker->on_int = on_signal(worker, SIGINT);
    worker->admin = admin_http_open(worker->base, &worker->intake, worker->settings.admin_host,
                                    (int)worker->settings.admin_port);
    if (worker->admin == NULL) {
        fprintf(stderr, "soc-worker: cannot listen on %s port %d (SOC_ADMIN_HOST, SOC_ADMIN_PORT)\n",
                worker->settings.admin_host, (int)worker->settings.admin_port);
        return 1;
    }
    spans_open(&worker->settings);
    open_parts(worker);
    open_links(worker);
    redis_url_describe(&worker->url, &redis);
    log_write(LOG_STARTED, LOG_STRING("version", SOC_VERSION), LOG_NUMBER("pid", getpid()),
              LOG_NUMBER("port", admin_http_port(worker->admin)),
              LOG_STRING("consumer", worker->intake.consumer), LOG_TEXT("redis", buffer_text(&redis)));
    buffer_fini(&redis);
    while (worker->stage != STOP_DONE)
        turn(worker);
    close_parts(worker);
    log_tick(INT64_MAX);
    spans_close();
    log_write(LOG_STOPPED);
    return 0;
}

static int print_instead(const char *option) {
    if (strcmp(option, "--help") == 0) {
        puts("soc-worker [--help | --version | --log-events]\n"
             "Takes signals from the stream and analyses them. Settings come from the environment:\n");
        settings_print(PROGRAM_WORKER, stdout);
        return 0;
    }
    if (strcmp(option, "--version") == 0)
        return puts(SOC_VERSION) < 0;
    if (strcmp(option, "--log-events") == 0) {
        log_events_print(PROGRAM_WORKER, stdout);
        return 0;
    }
    fprintf(stderr, "soc-worker: %s is not an option; see --help\n", option);
    return 2;
}

int main(int argc, char **argv) {
    static struct worker worker;
    const char *why;
    if (argc > 1)
        return print_instead(argv[1]);
    if (!settings_read(PROGRAM_WORKER, &worker.settings, stderr))
        return 2;
    if (!redis_url_parse(worker.settings.redis_url, &worker.url, &why))
        abort();                                                  /* settings_read has judged it */
    srandom((unsigned)clock_monotonic_ns() ^ (unsigned)getpid()); /* jitter differs by process */
    signal(SIGPIPE, SIG_IGN);
    log_init(worker.settings.service_name, worker.settings.log_level);
    log_level_init();
    return run(&worker);
}
