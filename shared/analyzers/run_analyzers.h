/* Door: an analysis with its five reports comes in, the finished analysis goes out: false positive, severity
 * and review, response plan, timeline. Next is results/commit_analysis.h. */
#ifndef SOC_RUN_ANALYZERS_H
#define SOC_RUN_ANALYZERS_H

#include "shared/agents/run_agents.h"
#include "shared/model/analysis.h"

void run_analyzers(const struct run_clock *clock, struct arena *arena, struct analysis *analysis);

#endif
