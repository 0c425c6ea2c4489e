#include "shared/analyzers/run_analyzers.h"

#include "shared/analyzers/analyzers.h"

enum { NS_PER_MS = 1000000 };

static int64_t read_clock(const struct run_clock *clock) {
    return clock->now_ns(clock->arg);
}

void run_analyzers(const struct journey *journey, const struct run_clock *clock, struct arena *arena,
                   struct analysis *analysis) {
    struct timeline_marks marks = {.agents_done_ns = read_clock(clock)};
    false_positive_score(arena, analysis);
    marks.fp_done_ns = read_clock(clock);
    int64_t now_ms = journey->taken_at_ms + (marks.fp_done_ns - journey->taken_at_ns) / NS_PER_MS;
    response_plan_build(now_ms, arena, analysis);
    human_review_decide(arena, analysis);
    marks.plan_done_ns = read_clock(clock);
    timeline_build(journey, &marks, analysis);
    timeline_close(journey, &marks, read_clock(clock), analysis);
}
