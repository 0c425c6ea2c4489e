#include "api/http/observe_requests.h"

#include <stdio.h>

#include "api/http/trace_request.h"
#include "shared/telemetry/log.h"
#include "shared/telemetry/metrics.h"

static char texts[METRICS_ROUTES_MAX][64];
static const char *names[METRICS_ROUTES_MAX];
static const struct route *table;
static int probe = -1, unknown;

/* A client that left before its answer has status 0: no fault of anybody. A probe that is told no had its
 * answer. */
static void tell(int route, int http_status, int64_t duration_ns) {
    if (http_status >= 400 && route != probe)
        log_write(http_status >= 500 ? LOG_REQUEST_FAILED : LOG_REQUEST_REFUSED,
                  LOG_STRING("route", names[route]), LOG_NUMBER("status", http_status),
                  LOG_DECIMAL("duration_ms", (double)duration_ns / 1e6));
}

static void trace(const struct exchange *exchange, int http_status, int64_t duration_ns) {
    const struct route *route = &table[exchange->route];
    if (route->method != NULL)
        trace_answer(exchange, names[exchange->route], route->method, route->pattern, http_status,
                     duration_ns);
    else
        trace_answer(exchange, "HTTP", "_OTHER", NULL, http_status, duration_ns);
}

static void observe(const struct exchange *exchange, int http_status, int64_t duration_ns) {
    int route = exchange->route;
    metrics_add(METRIC_HTTP_REQUESTS, route, metric_status_class(http_status), 1);
    metrics_observe(METRIC_HTTP_SECONDS, route, (double)duration_ns / 1e9);
    tell(route, http_status, duration_ns);
    trace(exchange, http_status, duration_ns);
}

void observe_requests(const struct route *routes) {
    int count = route_count(routes);
    table = routes;
    unknown = count;
    for (int i = 0; i < count; i++) {
        snprintf(texts[i], sizeof(texts[i]), "%s %s", routes[i].method, routes[i].pattern);
        probe = strcmp(routes[i].pattern, "/ready") == 0 ? i : probe;
    }
    snprintf(texts[count], sizeof(texts[count]), "unknown");
    for (int i = 0; i <= count; i++)
        names[i] = texts[i];
    metrics_name_routes(names, count + 1);
    exchange_observe(observe);
}

void observe_bare_refusal(void) {
    metrics_add(METRIC_HTTP_REQUESTS, unknown, METRIC_4XX, 1);
    log_write(LOG_REQUEST_REFUSED, LOG_STRING("route", names[unknown]), LOG_NUMBER("status", 400));
}
