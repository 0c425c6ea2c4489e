#include "shared/context/wildcard.h"

void wildcard_lower(struct text text, char *out) {
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        out[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
}

static struct text skip(struct text text, size_t bytes) {
    return (struct text){text.at + bytes, text.len - bytes};
}

static bool begins_with(struct text text, struct text head) {
    return text.len >= head.len && memcmp(text.at, head.at, head.len) == 0;
}

/* Taking the leftmost place for each piece leaves the most room for those behind it: nothing to take back. */
static bool pieces_stand_in_order(struct text pieces, struct text text) {
    while (pieces.len > 0) {
        const char *star = memchr(pieces.at, '*', pieces.len);
        size_t len = star == NULL ? pieces.len : (size_t)(star - pieces.at);
        const char *place = memmem(text.at, text.len, pieces.at, len);
        if (place == NULL)
            return false;
        text = skip(text, (size_t)(place - text.at) + len);
        pieces = skip(pieces, star == NULL ? len : len + 1);
    }
    return true;
}

bool wildcard_matches(struct text pattern, struct text text) {
    const char *star = pattern.len == 0 ? NULL : memchr(pattern.at, '*', pattern.len);
    if (star == NULL)
        return text_equal(pattern, text);
    struct text head = {pattern.at, (size_t)(star - pattern.at)};
    const char *last = memrchr(pattern.at, '*', pattern.len);
    struct text tail = skip(pattern, (size_t)(last - pattern.at) + 1);
    struct text pieces = {star, (size_t)(last - star)};
    if (text.at == NULL)
        text.at = "";
    if (text.len < head.len + tail.len || !begins_with(text, head) ||
        !begins_with(skip(text, text.len - tail.len), tail))
        return false;
    return pieces_stand_in_order(pieces, (struct text){text.at + head.len, text.len - head.len - tail.len});
}
