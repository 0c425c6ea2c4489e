#include "shared/analyzers/analyzers.h"

int64_t timeline_time_ms(const struct analysis *analysis, enum station station) {
    const struct measured *measured = &analysis->measured;
    return analysis->created_at_ms + measured->queue_wait_ms +
           measured->station[station] / MEASURED_STEPS_PER_MS;
}

static void add(struct timeline *timeline, enum timeline_kind kind, int64_t at_ms, struct text title) {
    unsigned count = timeline->event_count;
    if (count == TIMELINE_MAX)
        return;
    if (count > 0 && at_ms < timeline->events[count - 1].timestamp_ms)
        at_ms = timeline->events[count - 1].timestamp_ms;
    timeline->events[timeline->event_count++] =
        (struct timeline_event){.kind = kind, .timestamp_ms = at_ms, .title = title, .agent = -1};
}

static void add_enrichment(int64_t at_ms, const struct facts *facts, struct timeline *timeline) {
    const struct {
        struct text title;
        bool read;
    } sources[] = {{TEXT_LITERAL("History"), facts->history_available},
                   {TEXT_LITERAL("Customer"), facts->context_available},
                   {TEXT_LITERAL("Infra"), facts->context_available},
                   {TEXT_LITERAL("Intel"), facts->context_available}};
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
        add(timeline, TIMELINE_ENRICHMENT, at_ms, sources[i].title);
        if (!sources[i].read)
            timeline->events[timeline->event_count - 1].description = TEXT_LITERAL("missing");
    }
}

static void add_agents(const struct analysis *analysis, struct timeline *timeline) {
    for (int agent = 0; agent < AGENT_COUNT; agent++) {
        add(timeline, TIMELINE_ANALYSIS,
            timeline_time_ms(analysis, (enum station)(STATION_AGENT_DONE + agent)),
            analysis->agents[agent].available ? TEXT_LITERAL("Done") : TEXT_LITERAL("Given up"));
        timeline->events[timeline->event_count - 1].agent = agent;
    }
}

static void add_actions(int64_t at_ms, const struct response_plan *plan, struct timeline *timeline) {
    add(timeline, TIMELINE_ACTION, at_ms,
        text_of(vocabulary_word(&vocabulary_action_type, (int)plan->primary.action_type)));
    for (unsigned i = 0; i < plan->secondary_count; i++)
        add(timeline, TIMELINE_ACTION, at_ms,
            text_of(vocabulary_word(&vocabulary_action_type, (int)plan->secondary[i].action_type)));
}

void timeline_build(struct analysis *analysis) {
    struct timeline *timeline = &analysis->timeline;
    int64_t scored_ms = timeline_time_ms(analysis, STATION_SCORED);
    int64_t planned_ms = timeline_time_ms(analysis, STATION_PLANNED);
    timeline->event_count = 0;
    add(timeline, TIMELINE_DETECTION, analysis->created_at_ms, TEXT_LITERAL("Received"));
    add_enrichment(timeline_time_ms(analysis, STATION_AGENTS_BEGIN), analysis->facts, timeline);
    add_agents(analysis, timeline);
    add(timeline, TIMELINE_ANALYSIS, scored_ms, TEXT_LITERAL("Scored"));
    add(timeline, TIMELINE_CORRELATION, scored_ms, TEXT_LITERAL("Correlated"));
    add(timeline, TIMELINE_DECISION, planned_ms,
        analysis->requires_human_review ? TEXT_LITERAL("For review") : TEXT_LITERAL("Decided"));
    add_actions(planned_ms, &analysis->plan, timeline);
}

void timeline_close(struct analysis *analysis) {
    struct timeline *timeline = &analysis->timeline;
    const struct measured *measured = &analysis->measured;
    const int64_t *station = measured->station;
    const int64_t steps[PHASE_COUNT] = {
        [PHASE_QUEUE_WAIT] = measured->queue_wait_ms * MEASURED_STEPS_PER_MS,
        [PHASE_AGENT_EXECUTION] = station[STATION_AGENTS_DONE],
        [PHASE_FP_ANALYSIS] = station[STATION_SCORED] - station[STATION_AGENTS_DONE],
        [PHASE_RESPONSE_PLANNING] = station[STATION_PLANNED] - station[STATION_SCORED],
        [PHASE_TIMELINE] = station[STATION_DONE] - station[STATION_PLANNED],
    };
    int64_t sum = 0;
    for (int phase = 0; phase < PHASE_COUNT; phase++) {
        timeline->phase_ms[phase] = (double)steps[phase] / MEASURED_STEPS_PER_MS;
        sum += steps[phase];
    }
    timeline->start_ms = analysis->created_at_ms;
    timeline->end_ms = timeline_time_ms(analysis, STATION_DONE);
    timeline->duration_ms = (double)sum / MEASURED_STEPS_PER_MS;
    analysis->completed_at_ms = timeline->end_ms;
    analysis->total_processing_time_ms = timeline->duration_ms;
}
