/* Removes from the stream what is finished, once a second by one worker of the fleet, and takes back what the
 * group passed over, and sets a lag right that Redis cannot. */
#ifndef SOC_WORKER_TRIM_STREAM_H
#define SOC_WORKER_TRIM_STREAM_H

#include "worker/intake/intake.h"

struct trimming;

/* For link_open. */
const struct script *trim_script(void);

struct trimming *trimming_new(struct intake *intake);
void trimming_free(struct trimming *trimming);
void trimming_tick(struct trimming *trimming, int64_t now_ms);

#endif
