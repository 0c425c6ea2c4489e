/* The analyzers behind run_analyzers: each a pure function over the analysis so far. */
#ifndef SOC_ANALYZERS_H
#define SOC_ANALYZERS_H

#include "shared/analyzers/run_analyzers.h"

/* false_positive.c: reads signal, facts and reports; fills fp. */
void false_positive_score(struct arena *arena, struct analysis *analysis);

/* response_engine.c: reads severity, fp, facts; fills plan. `now_ms` starts the SLA. */
void response_plan_build(int64_t now_ms, struct arena *arena, struct analysis *analysis);

/* human_review.c: reads fp, severity, reports, plan; fills requires_human_review and review_reasons. */
void human_review_decide(struct arena *arena, struct analysis *analysis);

/* timeline_builder.c: the wall clock's ms at a station that was passed. */
int64_t timeline_time_ms(const struct analysis *analysis, enum station station);

/* Reads everything and the measured times; fills the timeline's events. */
void timeline_build(struct analysis *analysis);

/* Fills the timeline's bounds and phases, completed_at_ms and total_processing_time_ms, when every station
 * was passed. Phases are whole steps, so that they sum exactly. */
void timeline_close(struct analysis *analysis);

#endif
