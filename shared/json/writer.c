#include "shared/json/writer.h"

#include <math.h>

#include "shared/base/rfc3339.h"

enum { DECIMALS_MAX = 6 };

static void begin_value(struct writer *writer) {
    if (writer->separate)
        buffer_append_char(writer->out, ',');
    writer->separate = true;
}

static void open_with(struct writer *writer, char bracket) {
    begin_value(writer);
    buffer_append_char(writer->out, bracket);
    writer->separate = false;
}

static void close_with(struct writer *writer, char bracket) {
    buffer_append_char(writer->out, bracket);
    writer->separate = true;
}

void writer_open_object(struct writer *writer) {
    open_with(writer, '{');
}

void writer_close_object(struct writer *writer) {
    close_with(writer, '}');
}

void writer_open_array(struct writer *writer) {
    open_with(writer, '[');
}

void writer_close_array(struct writer *writer) {
    close_with(writer, ']');
}

void writer_key(struct writer *writer, const char *key) {
    size_t len = strlen(key);
    char *at = buffer_reserve(writer->out, len + 4), *start = at;
    if (writer->separate)
        *at++ = ',';
    *at++ = '"';
    memcpy(at, key, len);
    at += len;
    *at++ = '"';
    *at++ = ':';
    writer->out->len += (size_t)(at - start);
    writer->separate = false;
}

/* 0: as it stands; 'u': \u00XX; else the letter behind the backslash. */
static const char escapes[256] = {
    [0] = 'u',  [1] = 'u',    [2] = 'u',    [3] = 'u',    [4] = 'u',   [5] = 'u',     [6] = 'u',
    [7] = 'u',  ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', [11] = 'u',  ['\f'] = 'f',  ['\r'] = 'r',
    [14] = 'u', [15] = 'u',   [16] = 'u',   [17] = 'u',   [18] = 'u',  [19] = 'u',    [20] = 'u',
    [21] = 'u', [22] = 'u',   [23] = 'u',   [24] = 'u',   [25] = 'u',  [26] = 'u',    [27] = 'u',
    [28] = 'u', [29] = 'u',   [30] = 'u',   [31] = 'u',   ['"'] = '"', ['\\'] = '\\',
};

void writer_escape(struct buffer *out, struct text utf8) {
    static const char hex[] = "0123456789abcdef";
    size_t start = 0;
    if (utf8.len == 0)
        return;
    for (size_t i = 0; i < utf8.len; i++) {
        unsigned char c = (unsigned char)utf8.at[i];
        if (escapes[c] == 0)
            continue;
        buffer_append(out, utf8.at + start, i - start);
        start = i + 1;
        char escaped[6] = {'\\', escapes[c], '0', '0', hex[c >> 4], hex[c & 15]};
        buffer_append(out, escaped, escapes[c] == 'u' ? 6 : 2);
    }
    buffer_append(out, utf8.at + start, utf8.len - start);
}

void writer_text(struct writer *writer, struct text utf8) {
    begin_value(writer);
    buffer_append_char(writer->out, '"');
    writer_escape(writer->out, utf8);
    buffer_append_char(writer->out, '"');
}

void writer_string(struct writer *writer, const char *utf8) {
    writer_text(writer, text_of(utf8));
}

void writer_signed(struct writer *writer, int64_t value) {
    begin_value(writer);
    buffer_append_signed(writer->out, value);
}

void writer_unsigned(struct writer *writer, uint64_t value) {
    begin_value(writer);
    buffer_append_unsigned(writer->out, value);
}

static void append_fraction(struct buffer *out, uint64_t fraction, int decimals) {
    char digits[DECIMALS_MAX];
    for (int i = decimals; i > 0; fraction /= 10)
        digits[--i] = (char)('0' + fraction % 10);
    while (decimals > 0 && digits[decimals - 1] == '0')
        decimals--;
    if (decimals == 0)
        return;
    buffer_append_char(out, '.');
    buffer_append(out, digits, (size_t)decimals);
}

void writer_decimal(struct writer *writer, double value, int decimals) {
    static const double scales[DECIMALS_MAX + 1] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};
    if (!isfinite(value)) {
        writer_null(writer);
        return;
    }
    begin_value(writer);
    decimals = decimals < 0 ? 0 : decimals > DECIMALS_MAX ? DECIMALS_MAX : decimals;
    double scaled = round(fabs(value) * scales[decimals]);
    if (scaled >= 9e18) {
        buffer_printf(writer->out, "%.17g", value);
        return;
    }
    uint64_t whole = (uint64_t)scaled, scale = (uint64_t)scales[decimals];
    if (value < 0 && whole != 0)
        buffer_append_char(writer->out, '-');
    buffer_append_unsigned(writer->out, whole / scale);
    append_fraction(writer->out, whole % scale, decimals);
}

void writer_bool(struct writer *writer, bool value) {
    begin_value(writer);
    buffer_append_string(writer->out, value ? "true" : "false");
}

void writer_null(struct writer *writer) {
    begin_value(writer);
    buffer_append_string(writer->out, "null");
}

void writer_time(struct writer *writer, int64_t ms) {
    begin_value(writer);
    char *at = buffer_reserve(writer->out, RFC3339_LENGTH + 2);
    at[0] = '"';
    rfc3339_write(ms, at + 1);
    at[RFC3339_LENGTH + 1] = '"';
    writer->out->len += RFC3339_LENGTH + 2;
}

void writer_raw(struct writer *writer, struct text json) {
    begin_value(writer);
    buffer_append_text(writer->out, json);
}

void writer_member_text(struct writer *writer, const char *key, struct text value) {
    writer_key(writer, key);
    writer_text(writer, value);
}

void writer_member_string(struct writer *writer, const char *key, const char *value) {
    writer_member_text(writer, key, text_of(value));
}

void writer_member_signed(struct writer *writer, const char *key, int64_t value) {
    writer_key(writer, key);
    writer_signed(writer, value);
}

void writer_member_decimal(struct writer *writer, const char *key, double value, int decimals) {
    writer_key(writer, key);
    writer_decimal(writer, value, decimals);
}

void writer_member_bool(struct writer *writer, const char *key, bool value) {
    writer_key(writer, key);
    writer_bool(writer, value);
}

void writer_member_time(struct writer *writer, const char *key, int64_t ms) {
    writer_key(writer, key);
    writer_time(writer, ms);
}
