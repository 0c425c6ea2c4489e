/* A request's place in a trace: in the caller's when it sends a traceparent (W3C), else in one of its own. */
#ifndef SOC_API_TRACE_REQUEST_H
#define SOC_API_TRACE_REQUEST_H

#include "api/http/exchange.h"

/* Sets exchange->trace, if traces are on. */
void trace_request(struct exchange *exchange);

/* The caller's context, whether traces are on or not; false when it sent none that is valid. */
bool trace_caller(const struct exchange *exchange, struct trace_context *caller);

/* A request that brings one threat is part of that threat's trace, unless the caller has one already. */
void trace_request_for(struct exchange *exchange, const struct uuid *threat);

/* The span of an answered request, when it is to be kept. `name` and `pattern` (NULL: no route) are
 * constants. */
void trace_answer(const struct exchange *exchange, const char *name, const char *method, const char *pattern,
                  int http_status, int64_t duration_ns);

#endif
