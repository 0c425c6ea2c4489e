/* The only place that reads clocks: everything else is handed the time. */
#ifndef SOC_BASE_CLOCK_H
#define SOC_BASE_CLOCK_H

#include <stdint.h>

/* CLOCK_REALTIME in ms since 1970: what is shown and stored. May step. */
int64_t clock_wall_ms(void);
int64_t clock_wall_ns(void);

/* CLOCK_MONOTONIC in ns: durations and deadlines. */
int64_t clock_monotonic_ns(void);

static inline int64_t clock_monotonic_ms(void) {
    return clock_monotonic_ns() / 1000000;
}

#endif
