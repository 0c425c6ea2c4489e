#include "api/http/trace_request.h"

#include "shared/telemetry/spans.h"

bool trace_caller(const struct exchange *exchange, struct trace_context *caller) {
    return traceparent_parse(exchange_header(exchange, "traceparent"), caller);
}

void trace_request(struct exchange *exchange) {
    struct trace_context caller;
    if (!spans_on())
        return;
    if (trace_caller(exchange, &caller)) {
        exchange->trace = caller;
        memcpy(exchange->trace_parent, caller.span_id, SPAN_ID_BYTES);
        exchange->caller_traces = true;
    } else {
        trace_id_random(exchange->trace.trace_id);
        exchange->trace.sampled = spans_keep(&exchange->trace);
    }
    span_id_random(exchange->trace.span_id);
}

void trace_request_for(struct exchange *exchange, const struct uuid *threat) {
    struct trace_context of_threat;
    if (exchange->caller_traces || !trace_is_present(&exchange->trace))
        return;
    trace_of_threat(threat, &of_threat);
    memcpy(of_threat.span_id, exchange->trace.span_id, SPAN_ID_BYTES);
    of_threat.sampled = spans_keep(&of_threat);
    exchange->trace = of_threat;
}

void trace_answer(const struct exchange *exchange, const char *name, const char *method, const char *pattern,
                  int http_status, int64_t duration_ns) {
    bool chosen = exchange->trace.sampled;
    if (!trace_is_present(&exchange->trace) || !spans_on())
        return;
    if (!chosen && !((http_status >= 500 || spans_is_slow(duration_ns)) && spans_force(1)))
        return;
    if (!spans_claim(1))
        return;
    struct span *span = span_begin(name, SPAN_SERVER, &exchange->trace, exchange->started_ns,
                                   exchange->started_ns + duration_ns);
    memcpy(span->parent, exchange->trace_parent, SPAN_ID_BYTES);
    span_add_word(span, "http.request.method", method);
    if (pattern != NULL)
        span_add_word(span, "http.route", pattern);
    span_add_number(span, "http.response.status_code", http_status);
    if (http_status >= 500)
        span_fail(span, TEXT_LITERAL(""));
    spans_send();
}
