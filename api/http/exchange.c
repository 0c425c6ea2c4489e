#include "api/http/exchange.h"

#include <stdlib.h>

#include "api/http/connections.h"
#include "shared/base/clock.h"

static struct exchange *spare;
static unsigned in_progress;
static exchange_observer observe;

void exchange_observe(exchange_observer observer) {
    observe = observer;
}

unsigned exchange_in_progress(void) {
    return in_progress;
}

void exchange_hold(struct exchange *exchange) {
    exchange->references++;
}

void exchange_release(struct exchange *exchange) {
    if (--exchange->references > 0)
        return;
    exchange->next_spare = spare;
    spare = exchange;
}

/* What h2o disposes of with the request's pool: the request is over, answered or not. */
struct request_end {
    struct exchange *exchange;
    h2o_req_t *req;
};

static void on_request_end(void *bytes) {
    struct request_end *end = bytes;
    struct exchange *exchange = end->exchange;
    in_progress--;
    connections_note_end(end->req);
    if (observe != NULL)
        observe(exchange, end->req->res.status, clock_monotonic_ns() - exchange->started_ns);
    exchange->req = NULL;
    exchange_release(exchange);
}

struct exchange *exchange_open(h2o_req_t *req, void *app, int route) {
    struct exchange *exchange = spare;
    if (exchange != NULL)
        spare = exchange->next_spare;
    else if ((exchange = malloc(sizeof(*exchange))) == NULL)
        abort();
    *exchange = (struct exchange){
        .req = req, .app = app, .route = route, .started_ns = clock_monotonic_ns(), .references = 1};
    if (req->query_at != SIZE_MAX)
        exchange->query =
            (struct text){req->path.base + req->query_at + 1, req->path.len - req->query_at - 1};
    struct request_end *end = h2o_mem_alloc_shared(&req->pool, sizeof(*end), on_request_end);
    *end = (struct request_end){exchange, req};
    connections_note_request(req);
    in_progress++;
    return exchange;
}

struct text exchange_header(const struct exchange *exchange, const char *name) {
    ssize_t at = h2o_find_header_by_str(&exchange->req->headers, name, strlen(name), -1);
    if (at == -1)
        return TEXT_NONE;
    h2o_iovec_t value = exchange->req->headers.entries[at].value;
    return (struct text){value.base == NULL ? "" : value.base, value.len};
}

struct text exchange_body(const struct exchange *exchange) {
    h2o_iovec_t entity = exchange->req->entity;
    return (struct text){entity.base == NULL ? "" : entity.base, entity.len};
}

struct reason_row {
    int http_status;
    const char *reason;
};

static const char *reason_of(int http_status) {
    static const struct reason_row rows[] = {
        /* RFC 9110 section 15 and RFC 6585 */
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {400, "Bad Request"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {409, "Conflict"},
        {410, "Gone"},
        {413, "Content Too Large"},
        {415, "Unsupported Media Type"},
        {422, "Unprocessable Content"},
        {426, "Upgrade Required"},
        {500, "Internal Server Error"},
        {503, "Service Unavailable"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].http_status == http_status)
            return rows[i].reason;
    return "Unknown";
}

static void add_header(h2o_req_t *req, const char *name, struct text value) {
    h2o_iovec_t copy = h2o_strdup(&req->pool, value.at, value.len);
    h2o_add_header_by_str(&req->pool, &req->res.headers, name, strlen(name), 1, NULL, copy.base, copy.len);
}

/* The caller's link from its own trace to ours (W3C Trace Context has the header for requests; it is the same
 * for answers). */
static void add_traceparent(h2o_req_t *req, const struct trace_context *trace) {
    char value[TRACEPARENT_LENGTH];
    if (!trace_is_present(trace))
        return;
    traceparent_write(trace, value);
    add_header(req, "traceparent", (struct text){value, TRACEPARENT_LENGTH});
}

void exchange_answer(struct exchange *exchange, int http_status, const char *content_type,
                     const struct header *headers, unsigned header_count, struct text body) {
    h2o_req_t *req = exchange->req;
    if (req == NULL)
        return;
    exchange->req = NULL;
    if (req->conn->ctx->shutdown_requested) /* h2o looked when the request came */
        req->http1_is_persistent = 0;
    req->res.status = http_status;
    req->res.reason = reason_of(http_status);
    req->res.content_length = body.len;
    if (content_type != NULL)
        h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL, content_type,
                       strlen(content_type));
    add_traceparent(req, &exchange->trace);
    for (unsigned i = 0; i < header_count; i++)
        add_header(req, headers[i].name, headers[i].value);
    h2o_send_inline(req, body.at, body.len);
}

void exchange_answer_json(struct exchange *exchange, int http_status, struct text body) {
    exchange_answer(exchange, http_status, "application/json", NULL, 0, body);
}

void exchange_answer_problem(struct exchange *exchange, enum status status, const char *detail) {
    static const struct header retry = {"retry-after", {"1", 1}};
    const struct status_row *row = status_row(status);
    struct buffer out = BUFFER_EMPTY;
    problem_write(&out, row->http_status, row->name, row->title, detail, NULL, NULL);
    exchange_answer(exchange, row->http_status, "application/problem+json", &retry, row->http_status == 503,
                    buffer_text(&out));
    buffer_fini(&out);
}

bool exchange_has_type(const struct exchange *exchange, const char *const *types) {
    struct text value = exchange_header(exchange, "content-type");
    for (; *types != NULL; types++)
        if (text_is_media_type(value, *types))
            return true;
    return false;
}

const char *exchange_type_fault(const struct exchange *exchange) {
    return exchange_header(exchange, "content-type").at == NULL ? "a Content-Type is required" : NULL;
}

const char *const exchange_json_types[] = {"application/json", NULL};

bool exchange_body_is_acceptable(struct exchange *exchange, const char *const *types, size_t body_max,
                                 const char *too_large) {
    if (!exchange_has_type(exchange, types)) {
        exchange_answer_problem(exchange, STATUS_UNSUPPORTED_TYPE, exchange_type_fault(exchange));
        return false;
    }
    if (exchange_body(exchange).len > body_max) {
        exchange_answer_problem(exchange, STATUS_TOO_LARGE, too_large);
        return false;
    }
    return true;
}

void exchange_answer_faults(struct exchange *exchange, const struct faults *faults, const char *member) {
    const struct status_row *row = status_row(STATUS_INVALID);
    struct buffer out = BUFFER_EMPTY;
    problem_write(&out, row->http_status, row->name, row->title, "errors lists what is wrong", faults,
                  member);
    exchange_answer(exchange, row->http_status, "application/problem+json", NULL, 0, buffer_text(&out));
    buffer_fini(&out);
}

void exchange_answer_bad_parameters(struct exchange *exchange, struct faults *faults) {
    for (unsigned i = 0; i < faults->count; i++) {
        struct text *name = &faults->rows[i].pointer;
        if (name->len > 0 && name->at[0] == '/')
            *name = (struct text){name->at + 1, name->len - 1};
    }
    exchange_answer_faults(exchange, faults, "parameter");
}

void exchange_answer_bad_parameter(struct exchange *exchange, const char *parameter, const char *detail) {
    struct arena arena = ARENA_EMPTY;
    struct faults faults;
    struct text name = text_of(parameter);
    faults_init(&faults, &arena);
    faults_add(&faults, &name, "%s", detail);
    exchange_answer_bad_parameters(exchange, &faults);
    arena_fini(&arena);
}
