#include "shared/base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST_ROOM = 256, DIGITS_MAX = 20 };

void buffer_fini(struct buffer *buffer) {
    free(buffer->at);
    *buffer = BUFFER_EMPTY;
}

char *buffer_reserve(struct buffer *buffer, size_t more) {
    if (buffer->room - buffer->len < more) {
        size_t room = buffer->room == 0 ? FIRST_ROOM : buffer->room;
        while (room - buffer->len < more)
            room *= 2;
        char *at = realloc(buffer->at, room);
        if (at == NULL)
            abort();
        buffer->at = at;
        buffer->room = room;
    }
    return buffer->at + buffer->len;
}

void buffer_append(struct buffer *buffer, const void *bytes, size_t len) {
    if (len == 0)
        return;
    memcpy(buffer_reserve(buffer, len), bytes, len);
    buffer->len += len;
}

void buffer_append_char(struct buffer *buffer, char c) {
    *buffer_reserve(buffer, 1) = c;
    buffer->len++;
}

void buffer_append_unsigned(struct buffer *buffer, uint64_t value) {
    char digits[DIGITS_MAX];
    size_t n = 0;
    do {
        digits[DIGITS_MAX - ++n] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    buffer_append(buffer, digits + DIGITS_MAX - n, n);
}

void buffer_append_signed(struct buffer *buffer, int64_t value) {
    if (value < 0)
        buffer_append_char(buffer, '-');
    buffer_append_unsigned(buffer, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void buffer_printf(struct buffer *buffer, const char *format, ...) {
    va_list list;
    va_start(list, format);
    int need = vsnprintf(NULL, 0, format, list);
    va_end(list);
    if (need < 0)
        abort();
    char *at = buffer_reserve(buffer, (size_t)need + 1);
    va_start(list, format);
    vsnprintf(at, (size_t)need + 1, format, list);
    va_end(list);
    buffer->len += (size_t)need;
}

char *buffer_take(struct buffer *buffer, size_t *len) {
    char *at = buffer->at;
    *len = buffer->len;
    *buffer = BUFFER_EMPTY;
    return at;
}
