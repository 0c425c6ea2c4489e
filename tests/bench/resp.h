/* Redis commands as bytes (RESP arrays of bulk strings), built without a formatter. */
#ifndef SOC_BENCH_RESP_H
#define SOC_BENCH_RESP_H

#include <stdio.h>

#include "shared/base/buffer.h"

static inline void resp_begin(struct buffer *out, unsigned arguments) {
    buffer_append_char(out, '*');
    buffer_append_unsigned(out, arguments);
    buffer_append(out, "\r\n", 2);
}

static inline void resp_text(struct buffer *out, struct text argument) {
    buffer_append_char(out, '$');
    buffer_append_unsigned(out, argument.len);
    buffer_append(out, "\r\n", 2);
    buffer_append_text(out, argument);
    buffer_append(out, "\r\n", 2);
}

static inline void resp_string(struct buffer *out, const char *argument) {
    resp_text(out, text_of(argument));
}

static inline void resp_signed(struct buffer *out, int64_t argument) {
    char digits[24];
    int len = snprintf(digits, sizeof(digits), "%lld", (long long)argument);
    resp_text(out, (struct text){digits, (size_t)len});
}

#endif
