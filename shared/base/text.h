/* A borrowed run of bytes: neither owned nor ended by NUL. `at` is NULL only for "absent". */
#ifndef SOC_BASE_TEXT_H
#define SOC_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct text {
    const char *at;
    size_t len;
};

#define TEXT_NONE ((struct text){NULL, 0})
#define TEXT_LITERAL(s) ((struct text){"" s, sizeof(s) - 1})

static inline struct text text_of(const char *s) {
    return (struct text){s, s == NULL ? 0 : strlen(s)};
}

static inline bool text_equal(struct text a, struct text b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static inline bool text_is(struct text a, const char *literal) {
    return text_equal(a, text_of(literal));
}

/* ASCII letters only; other bytes must match exactly. */
bool text_equal_ignoring_case(struct text a, struct text b);

/* True when `needle`, which must already be in lower case, occurs in `hay` read in lower case (ASCII). */
bool text_contains_lowered(struct text hay, struct text needle);

/* Is the Content-Type `value` this media type, its parameters aside? */
bool text_is_media_type(struct text value, const char *type);

/* Digits only, no sign, no blank, at most `max`. */
bool text_to_unsigned(struct text text, unsigned long long max, unsigned long long *value);

#endif
