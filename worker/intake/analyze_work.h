/* From facts to a result that can be committed: context, agents, analyzers, JSON. No I/O, but for a
 * suspect, whose record is told how far it came. */
#ifndef SOC_WORKER_ANALYZE_WORK_H
#define SOC_WORKER_ANALYZE_WORK_H

#include "worker/intake/intake.h"

/* The history is in work->facts already, or marked as not available. Hands the work to the commit. */
void analyze_work(struct intake *intake, struct work *work);

#endif
