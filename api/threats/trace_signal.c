#include "api/threats/trace_signal.h"

#include "api/http/trace_request.h"
#include "shared/base/clock.h"
#include "shared/telemetry/spans.h"

static void begin_span(struct signal_trace *trace, bool caller_traces) {
    span_id_random(trace->context.span_id);
    trace->started_ns = clock_monotonic_ns();
    trace->carried = caller_traces || trace->context.sampled;
}

static void join_request(struct signal_trace *trace, const struct exchange *exchange) {
    trace->context = exchange->trace;
    memcpy(trace->parent, exchange->trace.span_id, SPAN_ID_BYTES);
    begin_span(trace, exchange->caller_traces);
}

static void pass_on(struct signal_trace *trace, const struct exchange *exchange) {
    trace->carried = trace_caller(exchange, &trace->context);
}

void trace_signal(struct signal_trace *trace, struct exchange *exchange, const struct uuid *id) {
    *trace = (struct signal_trace){.carried = false};
    trace_request_for(exchange, id);
    if (spans_on())
        join_request(trace, exchange);
    else
        pass_on(trace, exchange);
}

void trace_signal_of_many(struct signal_trace *trace, struct exchange *exchange, const struct uuid *id) {
    *trace = (struct signal_trace){.carried = false};
    if (!spans_on()) {
        pass_on(trace, exchange);
    } else if (exchange->caller_traces) {
        join_request(trace, exchange);
    } else {
        trace_of_threat(id, &trace->context);
        trace->context.sampled = spans_keep(&trace->context);
        trace->link = exchange->trace;
        begin_span(trace, false);
    }
}

struct text signal_traceparent(const struct signal_trace *trace, char *out) {
    if (!trace->carried)
        return TEXT_LITERAL("");
    traceparent_write(&trace->context, out);
    return (struct text){out, TRACEPARENT_LENGTH};
}

void trace_enqueued(const struct signal_trace *trace, enum threat_type threat_type,
                    const struct enqueue_result *result) {
    if (!spans_on() || trace->started_ns == 0)
        return;
    int64_t now_ns = clock_monotonic_ns();
    bool failed = result->status != STATUS_OK;
    bool happened = failed || spans_is_slow(now_ns - trace->started_ns);
    if (!trace->context.sampled && !(happened && spans_force(1)))
        return;
    if (!spans_claim(1))
        return;
    struct span *span = span_begin("enqueue", SPAN_PRODUCER, &trace->context, trace->started_ns, now_ns);
    memcpy(span->parent, trace->parent, SPAN_ID_BYTES);
    span->link = trace->link;
    span_add_uuid(span, "threat.id", &result->id);
    span_add_word(span, "threat.type", vocabulary_word(&vocabulary_threat_type, (int)threat_type));
    span_add_word(span, "messaging.system", "redis");
    if (result->earlier)
        span_add_bool(span, "earlier", true);
    if (failed)
        span_fail(span, text_of(status_name(result->status)));
    spans_send();
}
