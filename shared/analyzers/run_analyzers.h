/* Door: an analysis with its five reports comes in, the finished analysis goes out: false positive, severity
 * and review, response plan, timeline. Next is results/commit_analysis.h. */
#ifndef SOC_RUN_ANALYZERS_H
#define SOC_RUN_ANALYZERS_H

#include "shared/model/analysis.h"
#include "shared/agents/run_agents.h"

/* When the threat passed the stations before: wall clock for what is shown, monotonic for what is measured.
 */
struct journey {
    int64_t received_at_ms; /* API's wall clock, from the entry */
    int64_t taken_at_ms;    /* worker's wall clock when the entry was read */
    int64_t taken_at_ns;    /* the same moment, monotonic */
};

void run_analyzers(const struct journey *journey, const struct run_clock *clock, struct arena *arena,
                   struct analysis *analysis);

#endif
