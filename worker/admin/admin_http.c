#include "worker/admin/admin_http.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <stdlib.h>

#include "shared/base/clock.h"
#include "shared/base/socket_port.h"
#include "shared/telemetry/metrics.h"
#include "shared/telemetry/probes.h"
#include "worker/intake/recover_entries.h"

struct admin_http {
    struct evhttp *http;
    const struct intake *intake;
    int port;
    int64_t started_ms;
};

static void answer(struct evhttp_request *request, int status, const char *content_type,
                   struct buffer *body) {
    struct evbuffer *out = evbuffer_new();
    if (out == NULL)
        abort();
    evbuffer_add(out, body->at, body->len);
    evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type", content_type);
    evhttp_send_reply(request, status, NULL, out);
    evbuffer_free(out);
    buffer_fini(body);
}

static void on_health(struct evhttp_request *request, void *arg) {
    const struct admin_http *admin = arg;
    struct buffer body = BUFFER_EMPTY;
    probe_write_health(&body, clock_monotonic_ms() - admin->started_ms);
    answer(request, HTTP_OK, "application/json", &body);
}

static bool redis_is_up(const struct intake *intake) {
    return link_is_up(intake->reader) && link_is_up(intake->commands) && link_is_up(intake->context_link);
}

static void on_ready(struct evhttp_request *request, void *arg) {
    const struct intake *intake = ((const struct admin_http *)arg)->intake;
    bool group = intake->group_ready && recovery_is_done(intake->recovery);
    const struct probe_component components[] = {
        {"redis", redis_is_up(intake), "up", "down"},
        {"group", group, "ready", "missing"},
        {"context", intake->snapshot != NULL, "ready", "loading"},
    };
    struct buffer body = BUFFER_EMPTY;
    bool ready = probe_write_ready(&body, components, 3, intake->stopping);
    answer(request, ready ? HTTP_OK : HTTP_SERVUNAVAIL, "application/json", &body);
}

static void on_metrics(struct evhttp_request *request, void *arg) {
    const struct intake *intake = ((const struct admin_http *)arg)->intake;
    struct buffer body = BUFFER_EMPTY;
    metrics_set(METRIC_REDIS_UP, redis_is_up(intake));
    metrics_set(METRIC_IN_FLIGHT, work_pool_in_use(intake->pool));
    metrics_set(METRIC_IN_FLIGHT_MAX, work_pool_slots(intake->pool));
    metrics_write(&body);
    answer(request, HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", &body);
}

struct admin_http *admin_http_open(struct event_base *base, const struct intake *intake, const char *host,
                                   int port) {
    struct admin_http *admin = calloc(1, sizeof(*admin));
    if (admin == NULL || (admin->http = evhttp_new(base)) == NULL)
        abort();
    admin->intake = intake;
    admin->started_ms = clock_monotonic_ms();
    evhttp_set_allowed_methods(admin->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
    evhttp_set_max_body_size(admin->http, 0);
    evhttp_set_cb(admin->http, "/health", on_health, admin);
    evhttp_set_cb(admin->http, "/ready", on_ready, admin);
    evhttp_set_cb(admin->http, "/metrics", on_metrics, admin);
    struct evhttp_bound_socket *bound = evhttp_bind_socket_with_handle(admin->http, host, (ev_uint16_t)port);
    if (bound == NULL) {
        admin_http_close(admin);
        return NULL;
    }
    admin->port = socket_port(evhttp_bound_socket_get_fd(bound));
    return admin;
}

int admin_http_port(const struct admin_http *admin) {
    return admin->port;
}

void admin_http_close(struct admin_http *admin) {
    if (admin == NULL)
        return;
    evhttp_free(admin->http);
    free(admin);
}
