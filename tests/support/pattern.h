/* The regular expressions that the schemas use, matched without taking memory: anchors, characters, classes,
 * groups without alternatives, and ? * + {n} {n,m}. Bytes, not code points. */
#ifndef SOC_TESTS_PATTERN_H
#define SOC_TESTS_PATTERN_H

#include "shared/base/arena.h"

struct pattern;

/* NULL, with what is wrong in `why`, for what this does not know. Lives in the arena. */
const struct pattern *pattern_compile(struct arena *arena, struct text source, const char **why);
bool pattern_matches(const struct pattern *pattern, struct text text);

#endif
