#include <stdlib.h>

#include "api/catalog/stats.h"
#include "api/threats/api.h"
#include "api/threats/read_calls.h"
#include "api/threats/stored_threat.h"
#include "shared/base/clock.h"
#include "shared/telemetry/metrics.h"
#include "shared/telemetry/probes.h"

static void on_threat(void *arg, enum status status, const struct fetched *threats, unsigned count) {
    struct exchange *exchange = arg;
    if (status != STATUS_OK)
        exchange_answer_problem(exchange, status, NULL);
    else if (count == 0 || threats[0].body.at == NULL)
        exchange_answer_problem(exchange, STATUS_NOT_FOUND, "no threat has this id");
    else
        exchange_answer_json(exchange, 200, threats[0].body);
    exchange_release(exchange);
}

void get_threat(struct exchange *exchange) {
    struct api *api = exchange->app;
    struct uuid id;
    if (!threat_id_of(exchange, &id))
        return;
    struct fetch_source source = {.link = &api->commands, .keyspace = &api->keyspace};
    exchange_hold(exchange);
    fetch_threats(&source, &id, 1, on_threat, exchange);
}

void get_stats(struct exchange *exchange) {
    const struct api *api = exchange->app;
    struct buffer out = BUFFER_EMPTY;
    struct writer writer;
    if (!api_is_ready(api)) {
        exchange_answer_problem(exchange, STATUS_UNAVAILABLE, "the catalog is being read");
        return;
    }
    writer_init(&writer, &out);
    stats_write(&writer, catalog_stats(api->catalog), clock_wall_ms());
    exchange_answer_json(exchange, 200, buffer_text(&out));
    buffer_fini(&out);
}

static void on_backlog(void *arg, enum status status, struct text json) {
    struct exchange *exchange = arg;
    if (status == STATUS_OK)
        exchange_answer_json(exchange, 200, json);
    else
        exchange_answer_problem(exchange, status, NULL);
    exchange_release(exchange);
}

void get_backlog(struct exchange *exchange) {
    struct api *api = exchange->app;
    exchange_hold(exchange);
    backlog_ask(api->backlog, on_backlog, exchange);
}

void get_health(struct exchange *exchange) {
    const struct api *api = exchange->app;
    struct buffer out = BUFFER_EMPTY;
    probe_write_health(&out, clock_monotonic_ms() - api->started_ms);
    exchange_answer_json(exchange, 200, buffer_text(&out));
    buffer_fini(&out);
}

bool api_is_ready(const struct api *api) {
    return follower_ready(api->follower);
}

static bool redis_is_up(const struct api *api) {
    return link_is_up(api->commands) && link_is_up(api->log_link) && enqueue_is_up(api->enqueue);
}

void get_ready(struct exchange *exchange) {
    const struct api *api = exchange->app;
    enum status intake = admission_judge(&api->admission);
    const struct probe_component components[] = {
        {"redis", redis_is_up(api), "up", "down"},
        {"catalog", api_is_ready(api), "ready", "loading"},
        {"intake", true, intake == STATUS_OK ? "open" : status_name(intake), NULL}, /* reading goes on */
    };
    struct buffer out = BUFFER_EMPTY;
    bool ready = probe_write_ready(&out, components, 3, api->stage != API_RUNNING);
    exchange_answer_json(exchange, ready ? 200 : 503, buffer_text(&out));
    buffer_fini(&out);
}

void get_metrics(struct exchange *exchange) {
    const struct api *api = exchange->app;
    struct catalog_size size = catalog_size(api->catalog);
    struct buffer out = BUFFER_EMPTY;
    metrics_set(METRIC_CATALOG_ROWS, (double)size.rows);
    metrics_set(METRIC_CATALOG_BYTES, (double)size.bytes);
    metrics_set(METRIC_HTTP_IN_PROGRESS, exchange_in_progress());
    metrics_set(METRIC_REDIS_UP, redis_is_up(api));
    metrics_write(&out);
    exchange_answer(exchange, 200, "text/plain; version=0.0.4; charset=utf-8", NULL, 0, buffer_text(&out));
    buffer_fini(&out);
}

void open_websocket(struct exchange *exchange) {
    struct api *api = exchange->app;
    if (!api_is_ready(api))
        exchange_answer_problem(exchange, STATUS_UNAVAILABLE, "the catalog is being read");
    else if (api->stage == API_CLOSING)
        exchange_answer_problem(exchange, STATUS_UNAVAILABLE, "this process is ending");
    else
        live_accept(api->live, exchange);
}
