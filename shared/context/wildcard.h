/* Patterns in which * stands for any run of bytes, also an empty one. Linear in pattern and text. */
#ifndef SOC_CONTEXT_WILDCARD_H
#define SOC_CONTEXT_WILDCARD_H

#include "shared/base/text.h"

/* Writes text.len bytes with ASCII letters in lower case. */
void wildcard_lower(struct text text, char *out);

/* Does the whole text fit the pattern? Both must have gone through wildcard_lower. */
bool wildcard_matches(struct text pattern, struct text text);

#endif
