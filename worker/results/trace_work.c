#include "worker/results/trace_work.h"

#include "shared/base/clock.h"
#include "shared/telemetry/spans.h"

enum { NS_PER_STEP = 1000000 / MEASURED_STEPS_PER_MS };

/* Children of analyze_threat, by what their ids are derived from. */
enum part { PART_QUEUE_WAIT, PART_THREAT, PART_COMMIT, PART_AGENT, PART_ANALYZER = PART_AGENT + AGENT_COUNT };

static const char *const agent_spans[AGENT_COUNT] = {
    [AGENT_HISTORICAL] = "historical_agent.analyze", [AGENT_CONFIG] = "config_agent.analyze",
    [AGENT_DEVOPS] = "devops_agent.analyze",         [AGENT_CONTEXT] = "context_agent.analyze",
    [AGENT_PRIORITY] = "priority_agent.analyze",
};

/* Each ends at its station and begins at the one before. */
static const struct {
    const char *name;
    enum station done;
} analyzer_spans[] = {
    {"fp_analyzer.analyze", STATION_SCORED},
    {"response_engine.generate_plan", STATION_PLANNED},
    {"timeline_builder.build", STATION_DONE},
};

enum { ANALYZERS = sizeof(analyzer_spans) / sizeof(analyzer_spans[0]), SPANS = 3 + AGENT_COUNT + ANALYZERS };
enum { PART_BURIAL = PART_ANALYZER + ANALYZERS };

void work_span_id(const struct work *work, unsigned deliveries, uint8_t span_id[SPAN_ID_BYTES]) {
    uint64_t delivery = (work->entry_id.ms << 20) + (work->entry_id.sequence << 8) + deliveries;
    span_id_derive(work->trace.trace_id + TRACE_ID_BYTES - SPAN_ID_BYTES, delivery, span_id);
}

void work_join_trace(struct work *work, struct text traceparent) {
    struct trace_context *trace = &work->trace;
    memset(work->trace_parent, 0, SPAN_ID_BYTES);
    if (traceparent_parse(traceparent, trace)) {
        memcpy(work->trace_parent, trace->span_id, SPAN_ID_BYTES);
    } else {
        trace_of_threat(&work->id, trace);
        if (!trace_is_present(trace))
            trace_id_random(trace->trace_id);
        trace->sampled = spans_on() && spans_keep(trace);
    }
    work_span_id(work, work->deliveries, trace->span_id);
}

/* --- spans --- */

static bool has_parent(const struct work *work) {
    const struct trace_context parent = {.span_id = {0}};
    return memcmp(work->trace_parent, parent.span_id, SPAN_ID_BYTES) != 0;
}

static void derive_context(const struct work *work, unsigned part, struct trace_context *context) {
    *context = work->trace;
    span_id_derive(work->trace.span_id, part, context->span_id);
}

static struct span *begin_child(const struct work *work, unsigned part, const char *name, int64_t start_ns,
                                int64_t end_ns) {
    struct trace_context context;
    derive_context(work, part, &context);
    struct span *span = span_begin(name, SPAN_INTERNAL, &context, start_ns, end_ns);
    memcpy(span->parent, work->trace.span_id, SPAN_ID_BYTES);
    return span;
}

static int64_t passed_ns(const struct work *work, enum station station) {
    return work->taken_at_ns + work->measured.station[station] * NS_PER_STEP;
}

/* Clocks of other machines may be ahead. */
static int64_t before_taken(const struct work *work, int64_t wall_ms) {
    int64_t ns = spans_monotonic_ns(wall_ms * 1000000);
    return ns < work->taken_at_ns ? ns : work->taken_at_ns;
}

/* What is above analyze_threat: the span that the entry carries, or one of ours from the receipt on. */
static void add_above(const struct work *work, uint8_t parent[SPAN_ID_BYTES], int64_t now_ns) {
    struct trace_context context;
    memcpy(parent, work->trace_parent, SPAN_ID_BYTES);
    if (!has_parent(work)) {
        derive_context(work, PART_THREAT, &context);
        memcpy(parent, context.span_id, SPAN_ID_BYTES);
        span_begin("threat", SPAN_INTERNAL, &context, before_taken(work, work->received_at_ms), now_ns);
    }
    derive_context(work, PART_QUEUE_WAIT, &context);
    struct span *wait = span_begin("queue_wait", SPAN_INTERNAL, &context,
                                   before_taken(work, (int64_t)work->entry_id.ms), work->taken_at_ns);
    memcpy(wait->parent, parent, SPAN_ID_BYTES);
}

static struct span *begin_analyze(const struct work *work, const uint8_t parent[SPAN_ID_BYTES],
                                  int64_t now_ns) {
    struct span *span = span_begin("analyze_threat", SPAN_CONSUMER, &work->trace, work->taken_at_ns, now_ns);
    memcpy(span->parent, parent, SPAN_ID_BYTES);
    if (work->deliveries > 1) {
        span->link = work->trace;
        work_span_id(work, work->deliveries - 1, span->link.span_id);
    }
    span_add_number(span, "deliveries", work->deliveries);
    return span;
}

static void describe(const struct work *work, struct span *span) {
    span_add_uuid(span, "threat.id", &work->id);
    span_add_word(span, "threat.type",
                  vocabulary_word(&vocabulary_threat_type, (int)work->signal.threat_type));
    span_add_word(span, "threat.severity", vocabulary_word(&vocabulary_severity, (int)work->severity));
    span_add_text(span, "customer.id", work->signal.customer_id);
    span_add_decimal(span, "fp.score", work->fp_milli / 1000.0);
    span_add_bool(span, "requires_review", work->requires_review);
}

static void conclude(struct span *span, enum status status) {
    if (status == STATUS_OK)
        return;
    span_add_word(span, "outcome", status_name(status));
    if (status_row(status)->entry_action != ENTRY_ACKNOWLEDGE)
        span_fail(span, TEXT_LITERAL("the store refused the result"));
}

/* An agent begins with the reads, which all five share in one round trip, and ends when it is done; they run
 * one after the other in between, each for its processing time. */
static void add_agents(const struct work *work) {
    for (int i = 0; i < AGENT_COUNT; i++) {
        struct span *span = begin_child(work, PART_AGENT + (unsigned)i, agent_spans[i], work->taken_at_ns,
                                        passed_ns(work, (enum station)(STATION_AGENT_DONE + i)));
        span_add_decimal(span, "agent.processing_ms",
                         (double)measured_agent_steps(&work->measured, (enum agent)i) /
                             MEASURED_STEPS_PER_MS);
        if ((work->unavailable & 1u << i) != 0)
            span_fail(span, TEXT_LITERAL("unavailable"));
    }
}

static void add_analyzers(const struct work *work) {
    for (unsigned i = 0; i < ANALYZERS; i++)
        begin_child(work, PART_ANALYZER + i, analyzer_spans[i].name,
                    passed_ns(work, (enum station)(analyzer_spans[i].done - 1)),
                    passed_ns(work, analyzer_spans[i].done));
}

/* Is it to be told although nobody chose it? */
static bool is_remarkable(const struct work *work, enum status status, int64_t now_ns) {
    int64_t waited_ms = work->taken_at_ms - work->received_at_ms;
    return status != STATUS_OK || work->unavailable != 0 || work->deliveries > 1 ||
           spans_is_slow(waited_ms * 1000000 + now_ns - work->taken_at_ns);
}

void trace_work(const struct work *work, enum status status) {
    uint8_t parent[SPAN_ID_BYTES];
    if (!spans_on())
        return;
    int64_t now_ns = clock_monotonic_ns();
    unsigned count = SPANS + !has_parent(work);
    if (!work->trace.sampled && !(is_remarkable(work, status, now_ns) && spans_force(count)))
        return;
    if (!spans_claim(count))
        return;
    add_above(work, parent, now_ns);
    struct span *span = begin_analyze(work, parent, now_ns);
    describe(work, span);
    conclude(span, status);
    add_agents(work);
    add_analyzers(work);
    begin_child(work, PART_COMMIT, "commit", work->ready_at_ns, now_ns);
    spans_send();
}

static void fail_for(struct span *span, enum dead_reason reason) {
    span_fail(span, text_of(vocabulary_word(&vocabulary_dead_reason, (int)reason)));
}

void trace_burial(const struct work *work, enum dead_reason reason) {
    static const struct uuid unknown;
    struct trace_context context;
    if (!spans_on() || !spans_force(1) || !spans_claim(1))
        return;
    int64_t now_ns = clock_monotonic_ns();
    derive_context(work, PART_BURIAL, &context);
    struct span *span = span_begin("bury_entry", SPAN_INTERNAL, &context, now_ns, now_ns);
    memcpy(span->parent, work->trace_parent, SPAN_ID_BYTES);
    span->link = work->trace;
    span_add_number(span, "deliveries", work->deliveries);
    if (uuid_compare(&work->id, &unknown) != 0)
        span_add_uuid(span, "threat.id", &work->id);
    fail_for(span, reason);
    spans_send();
}

void trace_unreadable(const struct work *work, enum dead_reason reason) {
    if (!spans_on() || !spans_force(1) || !spans_claim(1))
        return;
    struct span *span = begin_analyze(work, work->trace_parent, clock_monotonic_ns());
    fail_for(span, reason);
    spans_send();
}
