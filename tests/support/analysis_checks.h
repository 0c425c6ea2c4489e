/* What holds for every analysis, whatever the rules weigh: sums, bounds, order, guardrails. */
#ifndef SOC_TESTS_ANALYSIS_CHECKS_H
#define SOC_TESTS_ANALYSIS_CHECKS_H

#include "shared/model/analysis.h"
#include "tests/support/json_nodes.h"

/* NULL, or the first thing that does not hold; lives until the next call. */
const char *analysis_check(const struct analysis *analysis);

/* The same numbers once more, as the body has them: what a reader adds up must be what is written. */
const char *body_check(const struct json_nodes *body);

#endif
