#include "shared/base/utf8.h"

static bool continues(char c) {
    return ((unsigned char)c & 0xc0) == 0x80;
}

size_t utf8_sequence(const char *at, size_t len) {
    unsigned char first = (unsigned char)at[0];
    if (first < 0x80)
        return 1;
    size_t need = first >= 0xc2 && first <= 0xdf   ? 2
                  : (first & 0xf0) == 0xe0         ? 3
                  : first >= 0xf0 && first <= 0xf4 ? 4
                                                   : 0;
    if (need == 0 || need > len)
        return 0;
    for (size_t i = 1; i < need; i++)
        if (!continues(at[i]))
            return 0;
    unsigned char second = (unsigned char)at[1];
    bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
    bool surrogate = first == 0xed && second > 0x9f;
    bool too_high = first == 0xf4 && second > 0x8f;
    return overlong || surrogate || too_high ? 0 : need;
}

bool utf8_valid(struct text text) {
    for (size_t i = 0; i < text.len;) {
        size_t step = utf8_sequence(text.at + i, text.len - i);
        if (step == 0)
            return false;
        i += step;
    }
    return true;
}

size_t utf8_count(struct text text) {
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += !continues(text.at[i]);
    return count;
}

struct text utf8_cut(struct text text, size_t max) {
    if (text.len <= max)
        return text;
    while (max > 0 && continues(text.at[max]))
        max--;
    return (struct text){text.at, max};
}

size_t utf8_write(uint32_t code, char *out) {
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}
