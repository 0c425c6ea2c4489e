#include "shared/analyzers/analyzers.h"

enum { NS_PER_MS = 1000000, NS_PER_UNIT = 100 };

static const double units_per_ms = 10000;

/* The clocks of two machines may disagree: nothing was taken before it was received. */
static int64_t taken_ms(const struct journey *journey) {
    return journey->taken_at_ms > journey->received_at_ms ? journey->taken_at_ms : journey->received_at_ms;
}

static int64_t wall_ms(const struct journey *journey, int64_t ns) {
    int64_t since_ns = ns - journey->taken_at_ns;
    return taken_ms(journey) + (since_ns > 0 ? since_ns / NS_PER_MS : 0);
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

static void add_agents(const struct journey *journey, const struct analysis *analysis,
                       struct timeline *timeline) {
    for (int agent = 0; agent < AGENT_COUNT; agent++) {
        const struct agent_report *report = &analysis->agents[agent];
        add(timeline, TIMELINE_ANALYSIS, wall_ms(journey, report->ended_ns),
            report->available ? TEXT_LITERAL("Done") : TEXT_LITERAL("Given up"));
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

void timeline_build(const struct journey *journey, const struct timeline_marks *marks,
                    struct analysis *analysis) {
    struct timeline *timeline = &analysis->timeline;
    timeline->event_count = 0;
    add(timeline, TIMELINE_DETECTION, journey->received_at_ms, TEXT_LITERAL("Received"));
    add_enrichment(wall_ms(journey, analysis->agents[0].started_ns), analysis->facts, timeline);
    add_agents(journey, analysis, timeline);
    add(timeline, TIMELINE_ANALYSIS, wall_ms(journey, marks->fp_done_ns), TEXT_LITERAL("Scored"));
    add(timeline, TIMELINE_CORRELATION, wall_ms(journey, marks->fp_done_ns), TEXT_LITERAL("Correlated"));
    add(timeline, TIMELINE_DECISION, wall_ms(journey, marks->plan_done_ns),
        analysis->requires_human_review ? TEXT_LITERAL("For review") : TEXT_LITERAL("Decided"));
    add_actions(wall_ms(journey, marks->plan_done_ns), &analysis->plan, timeline);
}

static int64_t units_between(int64_t from_ns, int64_t to_ns) {
    return to_ns > from_ns ? (to_ns - from_ns + NS_PER_UNIT / 2) / NS_PER_UNIT : 0;
}

void timeline_close(const struct journey *journey, const struct timeline_marks *marks, int64_t done_ns,
                    struct analysis *analysis) {
    struct timeline *timeline = &analysis->timeline;
    const int64_t units[PHASE_COUNT] = {
        [PHASE_QUEUE_WAIT] = (taken_ms(journey) - journey->received_at_ms) * (NS_PER_MS / NS_PER_UNIT),
        [PHASE_AGENT_EXECUTION] = units_between(journey->taken_at_ns, marks->agents_done_ns),
        [PHASE_FP_ANALYSIS] = units_between(marks->agents_done_ns, marks->fp_done_ns),
        [PHASE_RESPONSE_PLANNING] = units_between(marks->fp_done_ns, marks->plan_done_ns),
        [PHASE_TIMELINE] = units_between(marks->plan_done_ns, done_ns),
    };
    int64_t sum = 0, end_ms = wall_ms(journey, done_ns);
    for (int phase = 0; phase < PHASE_COUNT; phase++) {
        timeline->phase_ms[phase] = (double)units[phase] / units_per_ms;
        sum += units[phase];
    }
    int64_t last_ms =
        timeline->event_count > 0 ? timeline->events[timeline->event_count - 1].timestamp_ms : end_ms;
    timeline->start_ms = journey->received_at_ms;
    timeline->end_ms = end_ms > last_ms ? end_ms : last_ms;
    timeline->duration_ms = (double)sum / units_per_ms;
    analysis->completed_at_ms = timeline->end_ms;
    analysis->total_processing_time_ms = timeline->duration_ms;
}
