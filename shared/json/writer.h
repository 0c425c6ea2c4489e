/* Writes compact JSON into a buffer. Commas are put by the writer; the caller sees to the nesting. */
#ifndef SOC_JSON_WRITER_H
#define SOC_JSON_WRITER_H

#include "shared/base/buffer.h"

struct writer {
    struct buffer *out;
    bool separate; /* a comma is due before the next value or key */
};

static inline void writer_init(struct writer *writer, struct buffer *out) {
    *writer = (struct writer){out, false};
}

void writer_open_object(struct writer *writer);
void writer_close_object(struct writer *writer);
void writer_open_array(struct writer *writer);
void writer_close_array(struct writer *writer);

/* A key of ours: ASCII without anything to escape. */
void writer_key(struct writer *writer, const char *key);

void writer_text(struct writer *writer, struct text utf8);
void writer_string(struct writer *writer, const char *utf8);
void writer_signed(struct writer *writer, int64_t value);
void writer_unsigned(struct writer *writer, uint64_t value);

/* Rounds half away from zero to 0…6 decimals and drops trailing zeros; NaN and infinities become null. */
void writer_decimal(struct writer *writer, double value, int decimals);
void writer_bool(struct writer *writer, bool value);
void writer_null(struct writer *writer);
void writer_time(struct writer *writer, int64_t ms);

/* Valid JSON as it stands. */
void writer_raw(struct writer *writer, struct text json);

/* Key and value in one call, for the common kinds. */
void writer_member_text(struct writer *writer, const char *key, struct text value);
void writer_member_string(struct writer *writer, const char *key, const char *value);
void writer_member_signed(struct writer *writer, const char *key, int64_t value);
void writer_member_decimal(struct writer *writer, const char *key, double value, int decimals);
void writer_member_bool(struct writer *writer, const char *key, bool value);
void writer_member_time(struct writer *writer, const char *key, int64_t ms);

/* The bytes of `utf8` with JSON's escapes and without quotes: for callers that glue strings themselves. */
void writer_escape(struct buffer *out, struct text utf8);

#endif
