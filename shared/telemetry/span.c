#include "shared/telemetry/span.h"

#include <stddef.h>
#include <stdlib.h>

#include "shared/base/utf8.h"

void span_init(struct span *span, const char *name, enum span_kind kind, const struct trace_context *context,
               int64_t start_ns, int64_t end_ns) {
    memset(span, 0, offsetof(struct span, attributes));
    span->name = name;
    span->kind = kind;
    span->context = *context;
    span->start_ns = start_ns;
    span->end_ns = end_ns > start_ns ? end_ns : start_ns;
}

/* Cut at a character; what is not UTF-8 ends it. */
static struct span_text keep_text(struct span *span, struct text text) {
    struct span_text kept = {(uint16_t)span->room_used, 0};
    size_t room = SPAN_TEXT_BYTES - span->room_used, len = 0;
    while (len < text.len) {
        size_t more = utf8_sequence(text.at + len, text.len - len);
        if (more == 0 || len + more > room)
            break;
        len += more;
    }
    if (len > 0)
        memcpy(span->room + span->room_used, text.at, len);
    kept.len = (uint16_t)len;
    span->room_used += (unsigned)len;
    return kept;
}

static struct span_attribute *add(struct span *span, const char *key, int kind) {
    if (span->attribute_count == SPAN_ATTRIBUTES_MAX)
        abort();
    struct span_attribute *attribute = &span->attributes[span->attribute_count++];
    attribute->key = key;
    attribute->kind = kind;
    return attribute;
}

void span_add_text(struct span *span, const char *key, struct text text) {
    add(span, key, SPAN_TEXT)->text = keep_text(span, text);
}

void span_add_word(struct span *span, const char *key, const char *word) {
    add(span, key, SPAN_WORD)->word = word;
}

void span_add_number(struct span *span, const char *key, int64_t number) {
    add(span, key, SPAN_NUMBER)->number = number;
}

void span_add_decimal(struct span *span, const char *key, double decimal) {
    add(span, key, SPAN_DECIMAL)->decimal = decimal;
}

void span_add_bool(struct span *span, const char *key, bool flag) {
    add(span, key, SPAN_BOOL)->flag = flag;
}

void span_add_uuid(struct span *span, const char *key, const struct uuid *id) {
    char text[UUID_LENGTH];
    uuid_write(id, text);
    span_add_text(span, key, (struct text){text, UUID_LENGTH});
}

void span_fail(struct span *span, struct text why) {
    span->failed = true;
    span->why = keep_text(span, why);
}
