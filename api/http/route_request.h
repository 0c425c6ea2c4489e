/* Door: a parsed HTTP request comes in, the handler of its route goes on with an exchange; unknown paths and
 * wrong methods are answered here. For POST /api/threats the next door is threats/validate_signal.h. */
#ifndef SOC_API_ROUTE_REQUEST_H
#define SOC_API_ROUTE_REQUEST_H

#include "api/http/exchange.h"

struct route {
    const char *method;
    const char *pattern; /* exact path, or one with {id}, a segment without '/' */
    void (*handle)(struct exchange *exchange);
    bool untraced; /* asked for often, or not over when it is answered */
};

/* The table ends with a row whose method is NULL. Its index is the metrics' label; requests without a
 * route count under the index of the NULL row. */
void route_request(const struct route *routes, void *app, h2o_req_t *req);

int route_count(const struct route *routes);

#endif
