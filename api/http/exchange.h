/* One HTTP request and its answer, from route_request to the last byte. The client may leave while an answer
 * is awaited: then `req` is NULL. Whoever keeps an exchange beyond its callback holds it and lets it go. */
#ifndef SOC_API_EXCHANGE_H
#define SOC_API_EXCHANGE_H

#include <h2o.h>

#include "shared/base/buffer.h"
#include "shared/base/status.h"
#include "shared/model/problem.h"
#include "shared/telemetry/trace_context.h"

struct exchange {
    h2o_req_t *req; /* NULL: gone, or answered */
    void *app;      /* what the server was opened with */
    int route;      /* index in the server's table */
    int64_t started_ns;
    struct text id;             /* the {id} of the path, borrowed from req */
    struct trace_context trace; /* of the request's span; none when it is not traced */
    uint8_t trace_parent[SPAN_ID_BYTES];
    bool caller_traces; /* trace and parent are the caller's */
    struct text query;  /* behind the '?', still encoded; at == NULL: none */
    unsigned references;
    struct exchange *next_spare;
};

struct header {
    const char *name; /* lower case */
    struct text value;
};

/* Made by route_request; dies by itself when the request is over and nobody holds it. */
struct exchange *exchange_open(h2o_req_t *req, void *app, int route);
void exchange_hold(struct exchange *exchange);
void exchange_release(struct exchange *exchange);

/* Requests that have no whole answer yet. */
unsigned exchange_in_progress(void);

/* How long an exchange took and what came of it, when it is over: for metrics and traces. */
typedef void (*exchange_observer)(const struct exchange *exchange, int http_status, int64_t duration_ns);
void exchange_observe(exchange_observer observer);

/* Borrowed from the request; TEXT_NONE when absent. `name` in lower case. */
struct text exchange_header(const struct exchange *exchange, const char *name);
struct text exchange_body(const struct exchange *exchange);

/* The answers below do nothing when the client is gone; after one of them `req` is NULL. Bodies are copied.
 */
void exchange_answer(struct exchange *exchange, int http_status, const char *content_type,
                     const struct header *headers, unsigned header_count, struct text body);
void exchange_answer_json(struct exchange *exchange, int http_status, struct text body);

/* RFC 9457 problem from the status table; `detail` may be NULL. 503 carries Retry-After: 1. */
void exchange_answer_problem(struct exchange *exchange, enum status status, const char *detail);

/* Is the content type one of these (NULL at the end), parameters aside? The detail to tell when it is not;
 * may be NULL. */
bool exchange_has_type(const struct exchange *exchange, const char *const *types);
const char *exchange_type_fault(const struct exchange *exchange);

/* Is the body of one of these types, and of no more bytes? Answers and returns false when it is not;
 * `too_large` names the limit, or is NULL. */
extern const char *const exchange_json_types[];
bool exchange_body_is_acceptable(struct exchange *exchange, const char *const *types, size_t body_max,
                                 const char *too_large);

/* 422 with errors[]; `member` is "pointer" for bodies and "parameter" for queries. */
void exchange_answer_faults(struct exchange *exchange, const struct faults *faults, const char *member);

/* The same of parameters: what faults_add made a pointer of is the parameter's name. */
void exchange_answer_bad_parameters(struct exchange *exchange, struct faults *faults);
void exchange_answer_bad_parameter(struct exchange *exchange, const char *parameter, const char *detail);

#endif
