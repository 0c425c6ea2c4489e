/* The five analysis agents: plain functions from signal and facts to a report. No I/O, no clock, no state;
 * the same input gives the same report. Each lives in a file of its own with its row at the end of it; the
 * table in run_agents.c is in the order of enum agent. */
#ifndef SOC_AGENTS_H
#define SOC_AGENTS_H

#include "shared/model/analysis.h"

struct agent_row {
    enum agent agent;
    const char *name; /* as in agent_analyses */
    double confidence_min;
    double confidence_max;
    /* Fills analysis, confidence, key_findings and recommendations; false, with unavailable_because set,
     * when the facts it cannot do without are missing. May not block. */
    bool (*analyze)(const struct signal *signal, const struct facts *facts, struct arena *arena,
                    struct agent_report *report);
};

extern const struct agent_row agent_historical;
extern const struct agent_row agent_config;
extern const struct agent_row agent_devops;
extern const struct agent_row agent_context;
extern const struct agent_row agent_priority;

/* In the order of enum agent. */
extern const struct agent_row *const agent_rows[AGENT_COUNT];

#endif
