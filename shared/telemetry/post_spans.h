/* One POST to the collector, over a connection that is kept. Used by the exporter's thread alone. */
#ifndef SOC_TELEMETRY_POST_SPANS_H
#define SOC_TELEMETRY_POST_SPANS_H

#include <stdint.h>

#include "shared/base/text.h"

enum post_outcome {
    POST_TAKEN,
    POST_TRY_AGAIN, /* not reached, or it asks for patience: 429, 502, 503, 504 (OTLP/HTTP's retryable codes)
                     */
    POST_REFUSED    /* it will never take this */
};

struct post_result {
    enum post_outcome outcome;
    long http_status;       /* 0: no answer */
    const char *why;        /* a constant; of no answer */
    int64_t retry_after_ms; /* 0: it did not say */
    uint64_t rejected;      /* spans that it did not take although it took the request */
};

struct poster;

/* Before any thread is started. `endpoint` is what /v1/traces is appended to. A request ends early, within a
 * second, once `give_up` says so. */
struct poster *poster_new(const char *endpoint, bool (*give_up)(void *arg), void *arg);
void poster_free(struct poster *poster);

void post_spans(struct poster *poster, struct text body, int64_t timeout_ms, struct post_result *result);

enum post_outcome post_outcome_of(long http_status);

/* `rejectedSpans` of a partial success in the collector's answer; 0 without. */
uint64_t post_rejected(struct text answer);

#endif
