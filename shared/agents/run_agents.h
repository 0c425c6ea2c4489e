/* Door: a signal with its facts comes in, five reports go out; next is analyzers/run_analyzers.h.
 *
 * The agents start at once in the sense that their reads shared one round trip (see intake); here each runs
 * to its end on the worker's one thread, is timed, and is given up when it reports failure or needed longer
 * than its deadline. A missing report is marked, told and never fatal. */
#ifndef SOC_RUN_AGENTS_H
#define SOC_RUN_AGENTS_H

#include "shared/agents/agents.h"
#include "shared/model/analysis.h"

/* Monotonic ns; handed in so that tests, and whoever repeats an analysis, own the time. */
typedef int64_t (*stopwatch)(void *arg);

struct run_clock {
    stopwatch now_ns;
    void *arg;
    int64_t taken_at_ns; /* when the worker took the entry */
};

/* Reads the clock for a station; a clock that runs back stands still. */
void station_pass(enum station station, const struct run_clock *clock, struct measured *measured);

/* Runs `rows` (agent_rows in production) and the risk model into `analysis`, whose id, signal, facts,
 * created_at_ms and measured.queue_wait_ms are set. */
void run_agents(const struct agent_row *const rows[AGENT_COUNT], int64_t agent_deadline_ms,
                const struct run_clock *clock, struct arena *arena, struct analysis *analysis);

#endif
