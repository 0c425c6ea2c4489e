#include "shared/telemetry/encode_spans.h"

#include <inttypes.h>
#include <stdio.h>

#include "shared/json/writer.h"

enum { DECIMALS = 6, STATUS_ERROR = 2 };

static void write_int64(struct writer *writer, const char *key, int64_t value) {
    char digits[24];
    int len = snprintf(digits, sizeof(digits), "%" PRId64, value);
    writer_member_text(writer, key, (struct text){digits, (size_t)len});
}

static void write_span_id(struct writer *writer, const char *key, const uint8_t span_id[SPAN_ID_BYTES]) {
    char hex[SPAN_ID_LENGTH];
    writer_member_text(writer, key, span_id_text(span_id, hex));
}

static void write_context(struct writer *writer, const struct trace_context *context) {
    char hex[TRACE_ID_LENGTH];
    writer_member_text(writer, "traceId", trace_id_text(context->trace_id, hex));
    write_span_id(writer, "spanId", context->span_id);
}

static void write_string_attribute(struct writer *writer, const char *key, struct text value) {
    writer_open_object(writer);
    writer_member_string(writer, "key", key);
    writer_key(writer, "value");
    writer_open_object(writer);
    writer_member_text(writer, "stringValue", value);
    writer_close_object(writer);
    writer_close_object(writer);
}

static void write_other_value(struct writer *writer, const struct span_attribute *attribute) {
    switch (attribute->kind) {
    case SPAN_NUMBER: write_int64(writer, "intValue", attribute->number); break;
    case SPAN_DECIMAL: writer_member_decimal(writer, "doubleValue", attribute->decimal, DECIMALS); break;
    case SPAN_BOOL: writer_member_bool(writer, "boolValue", attribute->flag); break;
    case SPAN_TEXT:
    case SPAN_WORD: break;
    }
}

static void write_attribute(struct writer *writer, const struct span *span,
                            const struct span_attribute *attribute) {
    if (attribute->kind == SPAN_TEXT) {
        write_string_attribute(writer, attribute->key, span_text(span, attribute->text));
        return;
    }
    if (attribute->kind == SPAN_WORD) {
        write_string_attribute(writer, attribute->key, text_of(attribute->word));
        return;
    }
    writer_open_object(writer);
    writer_member_string(writer, "key", attribute->key);
    writer_key(writer, "value");
    writer_open_object(writer);
    write_other_value(writer, attribute);
    writer_close_object(writer);
    writer_close_object(writer);
}

static void write_links(struct writer *writer, const struct span *span) {
    if (!trace_is_present(&span->link))
        return;
    writer_key(writer, "links");
    writer_open_array(writer);
    writer_open_object(writer);
    write_context(writer, &span->link);
    writer_close_object(writer);
    writer_close_array(writer);
}

static void write_status(struct writer *writer, const struct span *span) {
    if (!span->failed)
        return;
    writer_key(writer, "status");
    writer_open_object(writer);
    writer_member_signed(writer, "code", STATUS_ERROR);
    if (span->why.len > 0)
        writer_member_text(writer, "message", span_text(span, span->why));
    writer_close_object(writer);
}

static void write_ids(struct writer *writer, const struct span *span) {
    write_context(writer, &span->context);
    if (span_id_is_present(span->parent))
        write_span_id(writer, "parentSpanId", span->parent);
}

static void write_span(struct writer *writer, const struct span *span) {
    writer_open_object(writer);
    write_ids(writer, span);
    writer_member_string(writer, "name", span->name);
    writer_member_signed(writer, "kind", (int64_t)span->kind);
    write_int64(writer, "startTimeUnixNano", span->start_ns);
    write_int64(writer, "endTimeUnixNano", span->end_ns);
    writer_key(writer, "attributes");
    writer_open_array(writer);
    for (unsigned i = 0; i < span->attribute_count; i++)
        write_attribute(writer, span, &span->attributes[i]);
    writer_close_array(writer);
    write_links(writer, span);
    write_status(writer, span);
    writer_close_object(writer);
}

static void write_resource(struct writer *writer, const struct span_resource *resource) {
    writer_key(writer, "resource");
    writer_open_object(writer);
    writer_key(writer, "attributes");
    writer_open_array(writer);
    write_string_attribute(writer, "service.name", text_of(resource->service_name));
    write_string_attribute(writer, "service.version", text_of(resource->service_version));
    write_string_attribute(writer, "service.instance.id", text_of(resource->service_instance));
    writer_close_array(writer);
    writer_close_object(writer);
}

static void write_scope_spans(struct writer *writer, const struct span_ring *ring, uint64_t count) {
    writer_key(writer, "scopeSpans");
    writer_open_array(writer);
    writer_open_object(writer);
    writer_key(writer, "scope");
    writer_open_object(writer);
    writer_member_string(writer, "name", "soc-agent-system");
    writer_close_object(writer);
    writer_key(writer, "spans");
    writer_open_array(writer);
    for (uint64_t i = 0; i < count; i++)
        write_span(writer, span_ring_peek(ring, i));
    writer_close_array(writer);
    writer_close_object(writer);
    writer_close_array(writer);
}

void encode_spans(struct buffer *out, const struct span_resource *resource, const struct span_ring *ring,
                  uint64_t count) {
    struct writer writer;
    writer_init(&writer, out);
    writer_open_object(&writer);
    writer_key(&writer, "resourceSpans");
    writer_open_array(&writer);
    writer_open_object(&writer);
    write_resource(&writer, resource);
    write_scope_spans(&writer, ring, count);
    writer_close_object(&writer);
    writer_close_array(&writer);
    writer_close_object(&writer);
}
