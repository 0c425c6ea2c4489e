/* Door: an HTTP request with one signal comes in; it is a checked signal with an id when it goes to
 * enqueue_signal.h, and the client's answer goes out when that is done (or when the analysis is there). */
#ifndef SOC_API_VALIDATE_SIGNAL_H
#define SOC_API_VALIDATE_SIGNAL_H

#include "api/threats/api.h"

/* POST /api/threats */
void validate_signal(struct exchange *exchange);

/* POST /api/threats/trigger: fields that are missing are made up */
void trigger_signal(struct exchange *exchange);

/* The checks all three POSTs share: content type, size, readiness. Answers and returns false when one fails.
 */
bool request_is_acceptable(struct exchange *exchange, const char *const *content_types, size_t body_max);

/* The same for calls that bring no signals: 415, 413, or 503 when Redis is away. */
bool request_is_readable(struct exchange *exchange, const char *const *content_types, size_t body_max);

/* Longest wait that Prefer: wait=… is granted. */
enum { WAIT_SECONDS_MAX = 30, TRIGGER_WAIT_SECONDS = 5 };

/* What an enqueue that failed means, a sentence; and the answer that says so. */
const char *not_taken_detail(const struct enqueue_result *result);
void answer_not_taken(struct exchange *exchange, const struct enqueue_result *result);

#endif
