/* Sweeps acknowledged entries out of the stream that an old pending one keeps from being trimmed: window by
 * window, while there are many. */
#ifndef SOC_WORKER_SWEEP_STREAM_H
#define SOC_WORKER_SWEEP_STREAM_H

#include "worker/intake/intake.h"

struct sweeper;

struct sweeper *sweeper_new(struct intake *intake);
void sweeper_free(struct sweeper *sweeper);

/* For link_open. */
const struct script *sweep_script(void);

void sweeper_tick(struct sweeper *sweeper, int64_t now_ms);

#endif
