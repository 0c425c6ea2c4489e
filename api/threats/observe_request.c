#include "api/threats/observe_request.h"

#include <stdio.h>

#include "api/http/trace_request.h"
#include "api/threats/api.h"
#include "shared/telemetry/metrics.h"

static char route_texts[METRICS_ROUTES_MAX][64];
static const char *route_names[METRICS_ROUTES_MAX];

static void observe(const struct exchange *exchange, int http_status, int64_t duration_ns) {
    const struct route *route = &api_routes[exchange->route];
    metrics_add(METRIC_HTTP_REQUESTS, exchange->route, metric_status_class(http_status), 1);
    metrics_observe(METRIC_HTTP_SECONDS, exchange->route, (double)duration_ns / 1e9);
    if (route->method != NULL)
        trace_answer(exchange, route_names[exchange->route], route->method, route->pattern, http_status,
                     duration_ns);
    else
        trace_answer(exchange, "HTTP", "_OTHER", NULL, http_status, duration_ns);
}

void observe_requests(void) {
    int count = route_count(api_routes);
    for (int i = 0; i < count; i++) {
        snprintf(route_texts[i], sizeof(route_texts[i]), "%s %s", api_routes[i].method,
                 api_routes[i].pattern);
        route_names[i] = route_texts[i];
    }
    route_names[count] = "unknown";
    metrics_name_routes(route_names, count + 1);
    exchange_observe(observe);
}
