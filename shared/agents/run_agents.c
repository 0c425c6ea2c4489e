#include "shared/agents/run_agents.h"

#include "shared/agents/risk_model.h"

enum { NS_PER_STEP = 1000000 / MEASURED_STEPS_PER_MS };

const struct agent_row *const agent_rows[AGENT_COUNT] = {
    [AGENT_HISTORICAL] = &agent_historical, [AGENT_CONFIG] = &agent_config,
    [AGENT_DEVOPS] = &agent_devops,         [AGENT_CONTEXT] = &agent_context,
    [AGENT_PRIORITY] = &agent_priority,
};

void station_pass(enum station station, const struct run_clock *clock, struct measured *measured) {
    int64_t before = station > 0 ? measured->station[station - 1] : 0;
    int64_t now = (clock->now_ns(clock->arg) - clock->taken_at_ns) / NS_PER_STEP;
    measured->station[station] = now > before ? now : before;
}

static void keep_within(const struct agent_row *row, struct agent_report *report) {
    if (!(report->confidence >= row->confidence_min))
        report->confidence = row->confidence_min;
    if (report->confidence > row->confidence_max)
        report->confidence = row->confidence_max;
}

/* What an agent said before it was given up does not count. */
static void settle(const struct agent_row *row, bool analyzed, const struct measured *measured,
                   struct arena *arena, struct agent_report *report) {
    int64_t steps = measured_agent_steps(measured, row->agent);
    bool late = steps > measured->agent_deadline_ms * MEASURED_STEPS_PER_MS;
    struct text because = report->unavailable_because;
    report->available = analyzed && !late;
    if (report->available) {
        keep_within(row, report);
        return;
    }
    if (analyzed)
        because =
            arena_printf(arena, "took %lld ms, deadline %lld ms", (long long)(steps / MEASURED_STEPS_PER_MS),
                         (long long)measured->agent_deadline_ms);
    else if (because.at == NULL)
        because = TEXT_LITERAL("failed without a reason");
    *report = (struct agent_report){.unavailable_because = because};
}

void run_agents(const struct agent_row *const rows[AGENT_COUNT], int64_t agent_deadline_ms,
                const struct run_clock *clock, struct arena *arena, struct analysis *analysis) {
    struct measured *measured = &analysis->measured;
    measured->agent_deadline_ms = agent_deadline_ms;
    station_pass(STATION_AGENTS_BEGIN, clock, measured);
    for (int i = 0; i < AGENT_COUNT; i++) {
        struct agent_report *report = &analysis->agents[i];
        *report = (struct agent_report){.available = false};
        bool analyzed = rows[i]->analyze(analysis->signal, analysis->facts, arena, report);
        station_pass((enum station)(STATION_AGENT_DONE + i), clock, measured);
        settle(rows[i], analyzed, measured, arena, report);
    }
    risk_model_apply(analysis->signal, analysis->facts, arena, analysis);
    station_pass(STATION_AGENTS_DONE, clock, measured);
}
