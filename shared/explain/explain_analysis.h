/* Repeats a stored analysis from what it carries: signal, facts and measured times. Under the same rules that
 * gives the same bytes; under others, or from a body that somebody changed, the differences are told. */
#ifndef SOC_EXPLAIN_EXPLAIN_ANALYSIS_H
#define SOC_EXPLAIN_EXPLAIN_ANALYSIS_H

#include "shared/base/arena.h"
#include "shared/base/buffer.h"
#include "shared/base/status.h"

enum { EXPLAIN_DIFFERENCES_MAX = 200 };

/* `body` is the stored analysis, without a verdict. STATUS_OK: `same` says whether the bytes came out again;
 * when not, `differences` is one JSON object: {"id","rules_version":{"analysis","now"},"differences":[
 * {"pointer","analysis","now"}]}, where a side that has no such member lacks it, at most
 * EXPLAIN_DIFFERENCES_MAX of them. STATUS_INVALID: the body carries no facts that can be read; `why` lives in
 * the arena. */
enum status explain_analysis(struct text body, struct arena *arena, bool *same, struct buffer *differences,
                             const char **why);

#endif
