/* A signal's way from its request to the stream, and what the stream entry says of its trace. A threat is in
 * its caller's trace; without one it has its own, whose id is the threat's, so that it need not be carried.
 */
#ifndef SOC_API_TRACE_SIGNAL_H
#define SOC_API_TRACE_SIGNAL_H

#include "api/http/exchange.h"
#include "api/threats/enqueue_signal.h"
#include "shared/model/vocabulary.h"

struct signal_trace {
    struct trace_context context; /* of the span "enqueue"; with traces off the caller's */
    uint8_t parent[SPAN_ID_BYTES];
    struct trace_context link; /* to the request that brought many */
    int64_t started_ns;
    bool carried; /* the entry carries it */
};

/* `id` is that of the threat. The request's own trace becomes that of the one signal that it brings. */
void trace_signal(struct signal_trace *trace, struct exchange *exchange, const struct uuid *id);
void trace_signal_of_many(struct signal_trace *trace, struct exchange *exchange, const struct uuid *id);

/* For the order: written to `out`, TRACEPARENT_LENGTH bytes; empty when nothing is carried. */
struct text signal_traceparent(const struct signal_trace *trace, char *out);

/* Redis has answered. */
void trace_enqueued(const struct signal_trace *trace, enum threat_type threat_type,
                    const struct enqueue_result *result);

#endif
