#include "shared/analyzers/run_analyzers.h"

#include "shared/analyzers/analyzers.h"

void run_analyzers(const struct run_clock *clock, struct arena *arena, struct analysis *analysis) {
    struct measured *measured = &analysis->measured;
    false_positive_score(arena, analysis);
    station_pass(STATION_SCORED, clock, measured);
    response_plan_build(timeline_time_ms(analysis, STATION_SCORED), arena, analysis);
    human_review_decide(arena, analysis);
    station_pass(STATION_PLANNED, clock, measured);
    timeline_build(analysis);
    station_pass(STATION_DONE, clock, measured);
    timeline_close(analysis);
}
