/* What the metrics learn of a threat: once it is analysed, and once its result is stored. */
#ifndef SOC_WORKER_OBSERVE_WORK_H
#define SOC_WORKER_OBSERVE_WORK_H

#include "shared/model/analysis.h"
#include "worker/results/work.h"

/* Tells the log of agents that were not available, too. */
void observe_analysis(struct work *work, const struct analysis *analysis);

/* `now_ns` of the monotonic clock. */
void observe_result(const struct work *work, int64_t now_ns);

#endif
