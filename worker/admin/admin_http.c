#include "worker/admin/admin_http.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <stdlib.h>

#include "shared/base/clock.h"
#include "shared/base/socket_port.h"
#include "shared/telemetry/log_level.h"
#include "worker/admin/admin_calls.h"

enum { HEAD_MAX = 16 * 1024, REQUEST_TIMEOUT_S = 10 };

struct admin_http {
    struct evhttp *http;
    struct admin_calls calls;
    int port;
};

struct admin_route {
    const char *path;
    enum evhttp_cmd_type method;
    void (*handle)(const struct admin_calls *calls, const struct admin_request *request,
                   struct admin_answer *answer);
};

static const struct admin_route routes[] = {
    {"/health", EVHTTP_REQ_GET, admin_health},
    {"/ready", EVHTTP_REQ_GET, admin_ready},
    {"/metrics", EVHTTP_REQ_GET, admin_metrics},
    {"/api/admin/log-level", EVHTTP_REQ_GET, admin_get_log_level},
    {"/api/admin/log-level", EVHTTP_REQ_PUT, admin_put_log_level},
};
enum { ROUTE_COUNT = sizeof(routes) / sizeof(routes[0]) };

static void send_answer(struct evhttp_request *request, struct admin_answer *answer) {
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    struct evbuffer *out = evbuffer_new();
    if (out == NULL)
        abort();
    evbuffer_add(out, answer->body.at, answer->body.len);
    evhttp_add_header(headers, "Content-Type", answer->content_type);
    if (answer->allow != NULL)
        evhttp_add_header(headers, "Allow", answer->allow);
    evhttp_send_reply(request, answer->http_status, NULL, out);
    evbuffer_free(out);
    buffer_fini(&answer->body);
}

static const struct admin_route *find_route(const char *path, enum evhttp_cmd_type method, bool *known) {
    *known = false;
    for (int i = 0; i < ROUTE_COUNT; i++) {
        if (path == NULL || strcmp(path, routes[i].path) != 0)
            continue;
        *known = true;
        if (routes[i].method == method)
            return &routes[i];
    }
    return NULL;
}

static bool takes_put(const char *path) {
    bool known;
    return find_route(path, EVHTTP_REQ_PUT, &known) != NULL;
}

static struct admin_request read_request(struct evhttp_request *request) {
    struct evbuffer *body = evhttp_request_get_input_buffer(request);
    size_t len = evbuffer_get_length(body);
    const char *type = evhttp_find_header(evhttp_request_get_input_headers(request), "Content-Type");
    return (struct admin_request){
        .content_type = text_of(type),
        .body = {len == 0 ? "" : (const char *)evbuffer_pullup(body, -1), len},
    };
}

static void on_request(struct evhttp_request *request, void *arg) {
    const struct admin_http *admin = arg;
    const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));
    enum evhttp_cmd_type method = evhttp_request_get_command(request);
    struct admin_request read = read_request(request);
    struct admin_answer answer = {.body = BUFFER_EMPTY};
    bool known;
    const struct admin_route *route =
        find_route(path, method == EVHTTP_REQ_HEAD ? EVHTTP_REQ_GET : method, &known);
    if (route != NULL) {
        route->handle(&admin->calls, &read, &answer);
    } else if (known) {
        admin_problem(&answer, STATUS_METHOD_NOT_ALLOWED, NULL);
        answer.allow = takes_put(path) ? "GET, HEAD, PUT" : "GET, HEAD";
    } else {
        admin_problem(&answer, STATUS_NOT_FOUND, "no such path");
    }
    send_answer(request, &answer);
}

struct admin_http *admin_http_open(struct event_base *base, const struct intake *intake, const char *host,
                                   int port) {
    struct admin_http *admin = calloc(1, sizeof(*admin));
    if (admin == NULL || (admin->http = evhttp_new(base)) == NULL)
        abort();
    admin->calls = (struct admin_calls){intake, clock_monotonic_ms()};
    evhttp_set_allowed_methods(admin->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT |
                                                EVHTTP_REQ_POST | EVHTTP_REQ_DELETE | EVHTTP_REQ_PATCH |
                                                EVHTTP_REQ_OPTIONS);
    evhttp_set_max_headers_size(admin->http, HEAD_MAX);
    evhttp_set_max_body_size(admin->http, LOG_LEVEL_BODY_MAX);
    evhttp_set_timeout(admin->http, REQUEST_TIMEOUT_S);
    evhttp_set_gencb(admin->http, on_request, admin);
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
