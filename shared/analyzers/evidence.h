/* What a false-positive score is judged from, and who judges which part of it. An agent that was given up
 * takes its facts with it. Every indicator says what it rests on; what is missing is told with an impact of
 * 0. */
#ifndef SOC_ANALYZERS_EVIDENCE_H
#define SOC_ANALYZERS_EVIDENCE_H

#include "shared/agents/raw_data.h"
#include "shared/agents/volume.h"
#include "shared/analyzers/fp_tally.h"

struct evidence {
    const struct signal *signal;
    const struct facts *facts;
    const struct analysis *analysis;
    struct raw_data raw;
    struct volume volume;
    struct arena *arena;
    struct fp_tally tally;
};

static inline bool evidence_agent_spoke(const struct evidence *in, enum agent agent) {
    return in->analysis->agents[agent].available;
}

/* Text and label in one, for what names no number. */
static inline void evidence_add_plain(struct evidence *in, enum fp_category category, int milli,
                                      const char *label) {
    fp_tally_add(&in->tally, category, milli, label, text_of(label));
}

/* evidence_of_source.c: user agent, crawler's claim, address. */
void evidence_of_source(struct evidence *in);

/* evidence_of_requests.c: volume, logins, paths, infra events. */
void evidence_of_requests(struct evidence *in);

/* evidence_of_history.c: analysts' verdicts, recurrence. */
void evidence_of_history(struct evidence *in);

#endif
