#include "api/http/route_request.h"

#include "api/http/trace_request.h"
#include "shared/json/writer.h"

int route_count(const struct route *routes) {
    int count = 0;
    while (routes[count].method != NULL)
        count++;
    return count;
}

/* A path that stands in the table as it is belongs to no pattern with {id}. */
static bool is_fixed_path(const struct route *routes, struct text path) {
    for (; routes->method != NULL; routes++)
        if (text_is(path, routes->pattern))
            return true;
    return false;
}

static bool path_matches(const char *pattern, struct text path, bool fixed_path, struct text *id) {
    const char *brace = strchr(pattern, '{');
    if (brace == NULL || fixed_path)
        return text_is(path, pattern);
    struct text before = {pattern, (size_t)(brace - pattern)}, behind = text_of(strchr(brace, '}') + 1);
    if (path.len <= before.len + behind.len || memcmp(path.at, before.at, before.len) != 0 ||
        memcmp(path.at + path.len - behind.len, behind.at, behind.len) != 0)
        return false;
    struct text segment = {path.at + before.len, path.len - before.len - behind.len};
    if (memchr(segment.at, '/', segment.len) != NULL)
        return false;
    *id = segment;
    return true;
}

static struct text path_of(const h2o_req_t *req) {
    size_t len = req->query_at == SIZE_MAX ? req->path.len : req->query_at;
    return (struct text){req->path.base, len};
}

static void answer_wrong_method(struct exchange *exchange, const struct route *routes, struct text path) {
    struct buffer allow = BUFFER_EMPTY, out = BUFFER_EMPTY;
    struct text ignored;
    bool fixed_path = is_fixed_path(routes, path);
    for (const struct route *route = routes; route->method != NULL; route++) {
        if (!path_matches(route->pattern, path, fixed_path, &ignored))
            continue;
        if (allow.len > 0)
            buffer_append_string(&allow, ", ");
        buffer_append_string(&allow, route->method);
        if (strcmp(route->method, "GET") == 0)
            buffer_append_string(&allow, ", HEAD");
    }
    const struct status_row *row = status_row(STATUS_METHOD_NOT_ALLOWED);
    problem_write(&out, row->http_status, row->name, row->title, NULL, NULL, NULL);
    struct header header = {"allow", buffer_text(&allow)};
    exchange_answer(exchange, row->http_status, "application/problem+json", &header, 1, buffer_text(&out));
    buffer_fini(&allow);
    buffer_fini(&out);
}

void route_request(const struct route *routes, void *app, h2o_req_t *req) {
    struct text path = path_of(req), id = TEXT_NONE;
    struct text method = {req->method.base, req->method.len};
    if (text_is(method, "HEAD"))
        method = TEXT_LITERAL("GET"); /* answered without its body */
    bool known = false, fixed_path = is_fixed_path(routes, path);
    const struct route *route = routes;
    for (; route->method != NULL; route++) {
        if (!path_matches(route->pattern, path, fixed_path, &id))
            continue;
        known = true;
        if (text_is(method, route->method))
            break;
    }
    struct exchange *exchange = exchange_open(req, app, (int)(route - routes));
    exchange->id = id;
    if (!route->untraced)
        trace_request(exchange);
    if (route->method != NULL)
        route->handle(exchange);
    else if (known)
        answer_wrong_method(exchange, routes, path);
    else
        exchange_answer_problem(exchange, STATUS_NOT_FOUND, "no such path");
}
