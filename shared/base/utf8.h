/* UTF-8 as RFC 3629 has it: no surrogates, no overlong forms, nothing above U+10FFFF. */
#ifndef SOC_BASE_UTF8_H
#define SOC_BASE_UTF8_H

#include <stdint.h>

#include "shared/base/text.h"

/* Length of the well-formed sequence at `at`, or 0. */
size_t utf8_sequence(const char *at, size_t len);
bool utf8_valid(struct text text);

/* Code points of valid text. */
size_t utf8_count(struct text text);

/* The longest prefix of at most `max` bytes that does not split a sequence of valid text. */
struct text utf8_cut(struct text text, size_t max);

/* Writes 1 to 4 bytes; `code` must be a scalar value. */
size_t utf8_write(uint32_t code, char *out);

#endif
