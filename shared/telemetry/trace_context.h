/* W3C Trace Context (level 1, https://www.w3.org/TR/trace-context/): which trace something belongs to, and
 * which span of it is meant. */
#ifndef SOC_TELEMETRY_TRACE_CONTEXT_H
#define SOC_TELEMETRY_TRACE_CONTEXT_H

#include <stdint.h>

#include "shared/base/uuid.h"

enum { TRACE_ID_BYTES = 16, SPAN_ID_BYTES = 8 };
enum { TRACE_ID_LENGTH = 2 * TRACE_ID_BYTES, SPAN_ID_LENGTH = 2 * SPAN_ID_BYTES, TRACEPARENT_LENGTH = 55 };

struct trace_context {
    uint8_t trace_id[TRACE_ID_BYTES]; /* all zero: there is none */
    uint8_t span_id[SPAN_ID_BYTES];   /* all zero: none yet */
    bool sampled;
};

/* Spans are kept of this share of the traces; from 0 to 1. */
struct trace_ratio {
    uint64_t below; /* of the 2^56 values that the last seven bytes of a trace id can have */
};

bool trace_is_present(const struct trace_context *context);
bool span_id_is_present(const uint8_t span_id[SPAN_ID_BYTES]);

/* Strict: lower-case hex, version 00 with nothing behind the flags, any later version by its first four
 * fields, never ff, no id of zeros. False leaves `context` as it was. */
bool traceparent_parse(struct text value, struct trace_context *context);

/* Writes TRACEPARENT_LENGTH bytes of version 00, no NUL. */
void traceparent_write(const struct trace_context *context, char *out);

struct trace_ratio trace_ratio_of(double share);

/* By the trace id alone, so that all who see it decide alike. */
bool trace_ratio_holds(struct trace_ratio ratio, const struct trace_context *context);

/* A threat without a caller's trace has its own: the trace's id is the threat's. Its last seven bytes are
 * random. */
void trace_of_threat(const struct uuid *threat, struct trace_context *context);

/* Span ids that everybody derives alike: the `part`-th child of `parent`, never all zero. */
void span_id_derive(const uint8_t parent[SPAN_ID_BYTES], uint64_t part, uint8_t span_id[SPAN_ID_BYTES]);

/* Ids of chance, from a source that never waits. */
void trace_id_random(uint8_t trace_id[TRACE_ID_BYTES]);
void span_id_random(uint8_t span_id[SPAN_ID_BYTES]);

/* In hex, written to `out`. */
struct text trace_id_text(const uint8_t trace_id[TRACE_ID_BYTES], char out[TRACE_ID_LENGTH]);
struct text span_id_text(const uint8_t span_id[SPAN_ID_BYTES], char out[SPAN_ID_LENGTH]);

#endif
