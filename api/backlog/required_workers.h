/* How many workers the fleet needs, for whoever scales it: enough to clear what is outstanding in time, and
 * enough to keep up with what arrives at 70 % of their rate. */
#ifndef SOC_API_REQUIRED_WORKERS_H
#define SOC_API_REQUIRED_WORKERS_H

#include "api/backlog/sample.h"

struct required_workers {
    int64_t worker_rate; /* threats a second that one worker does */
    int64_t drain_seconds;
    double arrivals_per_s;   /* smoothed over about ten seconds */
    int64_t received, at_ms; /* of the last sample; at_ms 0: there was none */
};

void required_workers_init(struct required_workers *required, int64_t worker_rate, int64_t drain_seconds);

/* At least 1. A stream that was made anew, and a clock that went back, begin the count of arrivals again. */
int64_t required_workers_learn(struct required_workers *required, const struct backlog_sample *sample);

/* The arrivals of a time that nobody saw are no rate. */
void required_workers_forget(struct required_workers *required);

#endif
