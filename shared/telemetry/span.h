/* A span: what was done, for which trace, from when to when. Fixed in size; texts are copied into it and cut
 * at what is left of its room. Names, keys and words are constants. */
#ifndef SOC_TELEMETRY_SPAN_H
#define SOC_TELEMETRY_SPAN_H

#include "shared/telemetry/trace_context.h"

enum { SPAN_ATTRIBUTES_MAX = 12, SPAN_TEXT_BYTES = 176 };

/* OTLP's numbers (opentelemetry-proto, trace.proto). */
enum span_kind { SPAN_INTERNAL = 1, SPAN_SERVER = 2, SPAN_CLIENT = 3, SPAN_PRODUCER = 4, SPAN_CONSUMER = 5 };

struct span_text {
    uint16_t at, len; /* in the span's room */
};

struct span_attribute {
    const char *key;
    enum { SPAN_TEXT, SPAN_WORD, SPAN_NUMBER, SPAN_DECIMAL, SPAN_BOOL } kind;
    union {
        struct span_text text;
        const char *word;
        int64_t number;
        double decimal;
        bool flag;
    };
};

struct span {
    struct trace_context context;  /* its own */
    uint8_t parent[SPAN_ID_BYTES]; /* all zero: none */
    struct trace_context link;     /* without a trace: none */
    const char *name;
    enum span_kind kind;
    bool failed;
    struct span_text why;     /* it failed; may be empty */
    int64_t start_ns, end_ns; /* since 1970 */
    unsigned attribute_count;
    unsigned room_used;
    struct span_attribute attributes[SPAN_ATTRIBUTES_MAX];
    char room[SPAN_TEXT_BYTES];
};

/* Empty, with ids and times. An end before the start (a clock of another machine) counts as the start. */
void span_init(struct span *span, const char *name, enum span_kind kind, const struct trace_context *context,
               int64_t start_ns, int64_t end_ns);

/* Attributes beyond SPAN_ATTRIBUTES_MAX abort: they are ours to count. */
void span_add_text(struct span *span, const char *key, struct text text);
void span_add_word(struct span *span, const char *key, const char *word);
void span_add_number(struct span *span, const char *key, int64_t number);
void span_add_decimal(struct span *span, const char *key, double decimal);
void span_add_bool(struct span *span, const char *key, bool flag);
void span_add_uuid(struct span *span, const char *key, const struct uuid *id);
void span_fail(struct span *span, struct text why);

static inline struct text span_text(const struct span *span, struct span_text text) {
    return (struct text){span->room + text.at, text.len};
}

#endif
