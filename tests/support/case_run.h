/* A case: a signal as it is POSTed, facts as an analysis carries them, and a part of the analysis that must
 * come out. `clock_step_ms`, which may be absent, is how far the clock moves at each reading. */
#ifndef SOC_TESTS_CASE_RUN_H
#define SOC_TESTS_CASE_RUN_H

#include "shared/model/analysis.h"
#include "tests/support/case_match.h"

/* Runs the case, compares, and gives its body (caller owns); NULL when the case itself is wrong, which is a
 * fault. `analysis` borrows from the arena. */
json_t *case_run(const json_t *row, struct arena *arena, struct analysis *analysis,
                 struct case_report *report);

/* What all cases together must have shown. */
struct case_coverage {
    bool templates[THREAT_TYPE_COUNT][SEVERITY_CRITICAL + 1];
    json_t *texts; /* pointer of `must`: {text: true} */
    json_t *words; /* name of a member: {word: true} */
};

/* `must` is coverage.json: pointers into an analysis, and the texts (regular expressions) that some case must
 * show somewhere below. */
void case_coverage_init(struct case_coverage *coverage, const json_t *must);
void case_coverage_fini(struct case_coverage *coverage);
void case_coverage_add(struct case_coverage *coverage, const struct analysis *analysis, const json_t *body);

/* A fault for each template, word and text that no case showed. */
void case_coverage_check(const struct case_coverage *coverage, const json_t *must,
                         struct case_report *report);

#endif
