#include "shared/agents/run_agents.h"

#include "shared/agents/risk_model.h"

enum { NS_PER_MS = 1000000 };

const struct agent_row *const agent_rows[AGENT_COUNT] = {
    [AGENT_HISTORICAL] = &agent_historical, [AGENT_CONFIG] = &agent_config,
    [AGENT_DEVOPS] = &agent_devops,         [AGENT_CONTEXT] = &agent_context,
    [AGENT_PRIORITY] = &agent_priority,
};

/* What an agent said before it was given up does not count. */
static void give_up(struct agent_report *report, struct text because) {
    *report = (struct agent_report){
        .unavailable_because = because, .started_ns = report->started_ns, .ended_ns = report->ended_ns};
}

static void keep_within(const struct agent_row *row, struct agent_report *report) {
    if (!(report->confidence >= row->confidence_min))
        report->confidence = row->confidence_min;
    if (report->confidence > row->confidence_max)
        report->confidence = row->confidence_max;
}

static void settle(const struct agent_row *row, bool analyzed, int64_t deadline_ms, struct arena *arena,
                   struct agent_report *report) {
    int64_t taken_ns = report->ended_ns - report->started_ns;
    report->available = analyzed && taken_ns <= deadline_ms * NS_PER_MS;
    if (report->available)
        keep_within(row, report);
    else if (analyzed)
        give_up(report, arena_printf(arena, "took %lld ms, deadline %lld ms",
                                     (long long)(taken_ns / NS_PER_MS), (long long)deadline_ms));
    else
        give_up(report, report->unavailable_because.at != NULL ? report->unavailable_because
                                                               : TEXT_LITERAL("failed without a reason"));
}

void run_agents(const struct agent_row *const rows[AGENT_COUNT], int64_t agent_deadline_ms,
                const struct run_clock *clock, struct arena *arena, struct analysis *analysis) {
    int64_t now_ns = clock->now_ns(clock->arg);
    for (int i = 0; i < AGENT_COUNT; i++) {
        struct agent_report *report = &analysis->agents[i];
        *report = (struct agent_report){.started_ns = now_ns};
        bool analyzed = rows[i]->analyze(analysis->signal, analysis->facts, arena, report);
        report->ended_ns = now_ns = clock->now_ns(clock->arg);
        settle(rows[i], analyzed, agent_deadline_ms, arena, report);
    }
    risk_model_apply(analysis->signal, analysis->facts, arena, analysis);
}
