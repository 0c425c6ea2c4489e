#include "shared/base/text.h"

static char lowered(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool text_equal_ignoring_case(struct text a, struct text b) {
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lowered(a.at[i]) != lowered(b.at[i]))
            return false;
    return true;
}

bool text_contains_lowered(struct text hay, struct text needle) {
    if (needle.len == 0)
        return true;
    for (size_t i = 0; i + needle.len <= hay.len; i++) {
        size_t k = 0;
        while (k < needle.len && lowered(hay.at[i + k]) == needle.at[k])
            k++;
        if (k == needle.len)
            return true;
    }
    return false;
}

bool text_to_unsigned(struct text text, unsigned long long max, unsigned long long *value) {
    unsigned long long sum = 0;
    if (text.len == 0)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned char)text.at[i] - (unsigned)'0';
        if (digit > 9 || sum > (max - digit) / 10)
            return false;
        sum = sum * 10 + digit;
    }
    if (sum > max)
        return false;
    *value = sum;
    return true;
}

bool text_is_media_type(struct text value, const char *type) {
    size_t len = 0;
    while (len < value.len && value.at[len] != ';' && value.at[len] != ' ')
        len++;
    return text_equal_ignoring_case((struct text){value.at, len}, text_of(type));
}
