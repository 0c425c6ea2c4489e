#include "api/http/url_query.h"

#include "shared/base/buffer.h"
#include "shared/base/utf8.h"

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static struct text decode(struct arena *arena, struct text raw) {
    char *out = arena_take(arena, raw.len + 1), *write = out;
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.at[i];
        if (c == '%' && i + 2 < raw.len && hex_digit(raw.at[i + 1]) >= 0 && hex_digit(raw.at[i + 2]) >= 0) {
            *write++ = (char)(hex_digit(raw.at[i + 1]) * 16 + hex_digit(raw.at[i + 2]));
            i += 2;
        } else {
            *write++ = c == '+' ? ' ' : c;
        }
    }
    struct text decoded = {out, (size_t)(write - out)};
    return utf8_valid(decoded) ? decoded : TEXT_NONE;
}

static struct text split_off(struct text *rest, char separator) {
    const char *at = rest->len == 0 ? NULL : memchr(rest->at, separator, rest->len);
    struct text first = {rest->at, at == NULL ? rest->len : (size_t)(at - rest->at)};
    size_t used = at == NULL ? rest->len : first.len + 1;
    rest->at += used;
    rest->len -= used;
    return first;
}

bool url_query_next(struct text *query, struct arena *arena, struct text *name, struct text *value) {
    while (query->len > 0) {
        struct text pair = split_off(query, '&');
        if (pair.len == 0)
            continue;
        struct text raw_name = split_off(&pair, '=');
        *name = decode(arena, raw_name);
        *value = decode(arena, pair);
        if (name->at == NULL) {
            *name = TEXT_LITERAL("");
            *value = TEXT_NONE;
        }
        return true;
    }
    return false;
}

void url_query_encode(struct buffer *out, struct text text) {
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     strchr("-._~,:", c) != NULL;
        if (plain && c != 0) {
            buffer_append_char(out, (char)c);
        } else {
            char escaped[3] = {'%', hex[c >> 4], hex[c & 15]};
            buffer_append(out, escaped, sizeof(escaped));
        }
    }
}
