/* Growing bytes. Allocation failure aborts: whoever lets an outsider pick the size bounds it before. */
#ifndef SOC_BASE_BUFFER_H
#define SOC_BASE_BUFFER_H

#include <stdint.h>

#include "shared/base/text.h"

struct buffer {
    char *at;
    size_t len;
    size_t room;
};

#define BUFFER_EMPTY ((struct buffer){NULL, 0, 0})

void buffer_fini(struct buffer *buffer);

/* Makes room for `more` bytes behind `len` and returns where they start. */
char *buffer_reserve(struct buffer *buffer, size_t more);
void buffer_append(struct buffer *buffer, const void *bytes, size_t len);
void buffer_append_char(struct buffer *buffer, char c);
void buffer_append_unsigned(struct buffer *buffer, uint64_t value);
void buffer_append_signed(struct buffer *buffer, int64_t value);
void buffer_printf(struct buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));

static inline void buffer_append_text(struct buffer *buffer, struct text text) {
    buffer_append(buffer, text.at, text.len);
}

static inline void buffer_append_string(struct buffer *buffer, const char *string) {
    buffer_append(buffer, string, strlen(string));
}

static inline struct text buffer_text(const struct buffer *buffer) {
    return (struct text){buffer->at == NULL ? "" : buffer->at, buffer->len};
}

static inline void buffer_clear(struct buffer *buffer) {
    buffer->len = 0;
}

/* The caller owns the bytes (free); the buffer is empty afterwards. */
char *buffer_take(struct buffer *buffer, size_t *len);

#endif
