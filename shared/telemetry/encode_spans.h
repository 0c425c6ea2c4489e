/* Spans as OTLP/HTTP's JSON (opentelemetry-proto, ExportTraceServiceRequest): ids in hex, enums as numbers,
 * 64-bit integers as strings. */
#ifndef SOC_TELEMETRY_ENCODE_SPANS_H
#define SOC_TELEMETRY_ENCODE_SPANS_H

#include "shared/base/buffer.h"
#include "shared/telemetry/span_ring.h"

/* Who speaks: attributes of the resource. */
struct span_resource {
    const char *service_name, *service_version, *service_instance;
};

/* Appends one request with the first `count` spans of the ring. */
void encode_spans(struct buffer *out, const struct span_resource *resource, const struct span_ring *ring,
                  uint64_t count);

#endif
