#include "shared/model/analysis.h"

/* Of MITRE ATT&CK Enterprise, whose ids and names shared/agents/attack_map.c holds. */
static const char attack_version[] = "17.1";
const char analysis_rules_version[] = "2";

enum { CONFIDENCE_DECIMALS = 2, IMPACT_DECIMALS = 3, TIME_DECIMALS = 4 };

int64_t measured_agent_steps(const struct measured *measured, enum agent agent) {
    const int64_t *done = &measured->station[STATION_AGENT_DONE + agent];
    return done[0] - done[-1];
}

/* An empty list is not spelled out. */
static void write_texts(struct writer *writer, const char *key, const struct text *texts, unsigned count) {
    if (count == 0)
        return;
    writer_key(writer, key);
    writer_open_array(writer);
    for (unsigned i = 0; i < count; i++)
        writer_text(writer, texts[i]);
    writer_close_array(writer);
}

static void write_optional(struct writer *writer, const char *key, struct text value) {
    if (value.len > 0)
        writer_member_text(writer, key, value);
}

static void write_agent(struct writer *writer, const struct analysis *analysis, enum agent agent) {
    const char *name = vocabulary_word(&vocabulary_agent, (int)agent);
    const struct agent_report *report = &analysis->agents[agent];
    writer_key(writer, name);
    writer_open_object(writer);
    writer_member_string(writer, "agent_name", name);
    writer_member_bool(writer, "available", report->available);
    if (!report->available) {
        writer_member_text(writer, "unavailable_because", report->unavailable_because);
        writer_close_object(writer);
        return;
    }
    writer_member_text(writer, "analysis", report->analysis);
    writer_member_decimal(writer, "confidence", report->confidence, CONFIDENCE_DECIMALS);
    write_texts(writer, "key_findings", report->key_findings, report->finding_count);
    write_texts(writer, "recommendations", report->recommendations, report->recommendation_count);
    writer_member_decimal(writer, "processing_time_ms",
                          (double)measured_agent_steps(&analysis->measured, agent) / MEASURED_STEPS_PER_MS,
                          TIME_DECIMALS);
    writer_close_object(writer);
}

static void write_agents(struct writer *writer, const struct analysis *analysis) {
    writer_key(writer, "agent_analyses");
    writer_open_object(writer);
    for (int agent = 0; agent < AGENT_COUNT; agent++)
        write_agent(writer, analysis, (enum agent)agent);
    writer_close_object(writer);
}

static void write_indicators(struct writer *writer, const struct fp_score *fp) {
    if (fp->indicator_count == 0)
        return;
    writer_key(writer, "indicators");
    writer_open_array(writer);
    for (unsigned i = 0; i < fp->indicator_count; i++) {
        const struct fp_indicator *indicator = &fp->indicators[i];
        writer_open_object(writer);
        writer_member_text(writer, "indicator", indicator->indicator);
        writer_member_decimal(writer, "impact", indicator->impact, IMPACT_DECIMALS);
        writer_member_string(writer, "category",
                             vocabulary_word(&vocabulary_fp_category, (int)indicator->category));
        writer_close_object(writer);
    }
    writer_close_array(writer);
}

static void write_fp(struct writer *writer, const struct fp_score *fp) {
    writer_key(writer, "false_positive_score");
    writer_open_object(writer);
    writer_member_decimal(writer, "score", fp->score, IMPACT_DECIMALS);
    writer_member_decimal(writer, "confidence", fp->confidence, CONFIDENCE_DECIMALS);
    write_indicators(writer, fp);
    writer_member_string(writer, "recommendation",
                         vocabulary_word(&vocabulary_recommendation, (int)fp->recommendation));
    writer_member_text(writer, "explanation", fp->explanation);
    writer_key(writer, "historical_fp_rate");
    if (fp->historical_fp_rate < 0) { /* nothing is judged: the counts are 0 */
        writer_null(writer);
    } else {
        writer_decimal(writer, fp->historical_fp_rate, IMPACT_DECIMALS);
        writer_member_signed(writer, "similar_resolved_as_fp", (int64_t)fp->similar_resolved_as_fp);
        writer_member_signed(writer, "similar_resolved_as_real", (int64_t)fp->similar_resolved_as_real);
    }
    writer_close_object(writer);
}

static void write_risk(struct writer *writer, const struct analysis *analysis) {
    writer_member_signed(writer, "risk_score", analysis->risk_score);
    writer_key(writer, "risk_factors");
    writer_open_array(writer);
    for (unsigned i = 0; i < analysis->risk_factor_count; i++) {
        writer_open_object(writer);
        writer_member_text(writer, "factor", analysis->risk_factors[i].factor);
        writer_member_signed(writer, "points", analysis->risk_factors[i].points);
        writer_close_object(writer);
    }
    writer_close_array(writer);
    writer_member_string(writer, "severity", vocabulary_word(&vocabulary_severity, (int)analysis->severity));
}

static bool is_named_before(const struct analysis *analysis, unsigned i) {
    for (unsigned k = 0; k < i; k++)
        if (strcmp(analysis->techniques[k].tactic_id, analysis->techniques[i].tactic_id) == 0)
            return true;
    return false;
}

static void write_id_and_name(struct writer *writer, const char *id, const char *name) {
    writer_member_string(writer, "id", id);
    writer_member_string(writer, "name", name);
}

static void write_tactics(struct writer *writer, const struct analysis *analysis) {
    writer_key(writer, "mitre_tactics");
    writer_open_array(writer);
    for (unsigned i = 0; i < analysis->technique_count; i++) {
        if (is_named_before(analysis, i))
            continue;
        writer_open_object(writer);
        write_id_and_name(writer, analysis->techniques[i].tactic_id, analysis->techniques[i].tactic_name);
        writer_close_object(writer);
    }
    writer_close_array(writer);
}

static void write_mitre(struct writer *writer, const struct analysis *analysis) {
    if (analysis->technique_count == 0)
        return;
    write_tactics(writer, analysis);
    writer_key(writer, "mitre_techniques");
    writer_open_array(writer);
    for (unsigned i = 0; i < analysis->technique_count; i++) {
        writer_open_object(writer);
        write_id_and_name(writer, analysis->techniques[i].technique_id,
                          analysis->techniques[i].technique_name);
        writer_member_string(writer, "tactic_id", analysis->techniques[i].tactic_id);
        writer_close_object(writer);
    }
    writer_close_array(writer);
    writer_member_string(writer, "mitre_version", attack_version);
}

static void write_automated(struct writer *writer, const struct analysis *analysis) {
    if (analysis->automated_count == 0)
        return;
    writer_key(writer, "owasp_automated_threats");
    writer_open_array(writer);
    for (unsigned i = 0; i < analysis->automated_count; i++) {
        writer_open_object(writer);
        write_id_and_name(writer, analysis->automated[i].id, analysis->automated[i].name);
        writer_close_object(writer);
    }
    writer_close_array(writer);
}

static void write_action(struct writer *writer, const struct response_action *action) {
    writer_open_object(writer);
    writer_member_string(writer, "action_type",
                         vocabulary_word(&vocabulary_action_type, (int)action->action_type));
    writer_member_string(writer, "urgency", vocabulary_word(&vocabulary_urgency, (int)action->urgency));
    writer_member_text(writer, "target", action->target);
    write_optional(writer, "reason", action->reason);
    if (action->parameters.at != NULL) {
        writer_key(writer, "parameters");
        writer_raw(writer, action->parameters);
    }
    writer_member_bool(writer, "auto_executable", action->auto_executable);
    writer_member_bool(writer, "requires_approval", action->requires_approval);
    write_optional(writer, "estimated_impact", action->estimated_impact);
    writer_member_decimal(writer, "confidence", action->confidence, CONFIDENCE_DECIMALS);
    writer_close_object(writer);
}

static void write_plan(struct writer *writer, const struct response_plan *plan) {
    writer_key(writer, "response_plan");
    writer_open_object(writer);
    writer_key(writer, "primary_action");
    write_action(writer, &plan->primary);
    if (plan->secondary_count > 0) {
        writer_key(writer, "secondary_actions");
        writer_open_array(writer);
        for (unsigned i = 0; i < plan->secondary_count; i++)
            write_action(writer, &plan->secondary[i]);
        writer_close_array(writer);
    }
    write_texts(writer, "escalation_path", plan->escalation_path, plan->escalation_count);
    writer_member_signed(writer, "sla_minutes", plan->sla_minutes);
    writer_member_time(writer, "sla_due_at", plan->sla_due_at_ms);
    writer_member_decimal(writer, "overall_confidence", plan->overall_confidence, CONFIDENCE_DECIMALS);
    writer_close_object(writer);
}

/* The measured phase that an event belongs to. */
static enum phase phase_of(const struct timeline_event *event) {
    static const enum phase phases[TIMELINE_KIND_COUNT] = {
        [TIMELINE_DETECTION] = PHASE_QUEUE_WAIT,       [TIMELINE_ENRICHMENT] = PHASE_AGENT_EXECUTION,
        [TIMELINE_ANALYSIS] = PHASE_FP_ANALYSIS,       [TIMELINE_CORRELATION] = PHASE_FP_ANALYSIS,
        [TIMELINE_DECISION] = PHASE_RESPONSE_PLANNING, [TIMELINE_ACTION] = PHASE_RESPONSE_PLANNING,
    };
    return event->agent >= 0 ? PHASE_AGENT_EXECUTION : phases[event->kind];
}

/* `before` is NULL for the first event. A phase stands where it begins. */
static void write_event(struct writer *writer, const struct timeline_event *event,
                        const struct timeline_event *before, enum severity severity) {
    writer_open_object(writer);
    writer_member_string(writer, "event_type", vocabulary_word(&vocabulary_timeline_kind, (int)event->kind));
    writer_member_time(writer, "timestamp", event->timestamp_ms);
    if (before == NULL || phase_of(before) != phase_of(event))
        writer_member_string(writer, "phase", vocabulary_word(&vocabulary_phase, (int)phase_of(event)));
    writer_member_text(writer, "title", event->title);
    write_optional(writer, "description", event->description);
    if (event->kind == TIMELINE_DECISION)
        writer_member_string(writer, "severity", vocabulary_word(&vocabulary_severity, (int)severity));
    if (event->agent >= 0)
        writer_member_string(writer, "agent_name", vocabulary_word(&vocabulary_agent, event->agent));
    writer_close_object(writer);
}

static void write_timeline(struct writer *writer, const struct timeline *timeline, enum severity severity) {
    writer_key(writer, "investigation_timeline");
    writer_open_object(writer);
    writer_key(writer, "events");
    writer_open_array(writer);
    for (unsigned i = 0; i < timeline->event_count; i++)
        write_event(writer, &timeline->events[i], i > 0 ? &timeline->events[i - 1] : NULL, severity);
    writer_close_array(writer);
    writer_member_time(writer, "start_time", timeline->start_ms);
    writer_member_time(writer, "end_time", timeline->end_ms);
    writer_member_decimal(writer, "duration_ms", timeline->duration_ms, TIME_DECIMALS);
    writer_key(writer, "phase_breakdown");
    writer_open_object(writer);
    for (int phase = 0; phase < PHASE_COUNT; phase++)
        writer_member_decimal(writer, vocabulary_word(&vocabulary_phase, phase), timeline->phase_ms[phase],
                              TIME_DECIMALS);
    writer_close_object(writer);
    writer_close_object(writer);
}

static void write_review(struct writer *writer, const struct analysis *analysis) {
    writer_member_bool(writer, "requires_human_review", analysis->requires_human_review);
    if (analysis->review_reason_count == 0)
        return;
    writer_key(writer, "review_reason");
    struct buffer *out = writer->out;
    buffer_append_char(out, '"');
    for (unsigned i = 0; i < analysis->review_reason_count; i++) {
        if (i > 0)
            buffer_append(out, "; ", 2);
        writer_escape(out, analysis->review_reasons[i]);
    }
    buffer_append_char(out, '"');
    writer->separate = true;
}

static void write_head(struct writer *writer, const struct analysis *analysis) {
    char id[UUID_LENGTH];
    uuid_write(&analysis->id, id);
    writer_member_text(writer, "id", (struct text){id, sizeof(id)});
    writer_member_signed(writer, "schema_version", ANALYSIS_SCHEMA_VERSION);
    writer_key(writer, "signal");
    signal_write(writer, analysis->signal);
    writer_member_string(writer, "status", vocabulary_word(&vocabulary_threat_status, THREAT_COMPLETED));
}

/* The deadline matters to whoever repeats the analysis only where an agent missed it. */
static bool was_late(const struct analysis *analysis) {
    for (int agent = 0; agent < AGENT_COUNT; agent++)
        if (measured_agent_steps(&analysis->measured, (enum agent)agent) >
            analysis->measured.agent_deadline_ms * MEASURED_STEPS_PER_MS)
            return true;
    return false;
}

static void write_measured(struct writer *writer, const struct analysis *analysis) {
    const struct measured *measured = &analysis->measured;
    writer_key(writer, "measured");
    writer_open_object(writer);
    writer_member_signed(writer, "queue_wait_ms", measured->queue_wait_ms);
    writer_key(writer, "steps");
    writer_open_array(writer);
    for (int i = 0; i < STATION_COUNT; i++)
        writer_signed(writer, measured->station[i] - (i > 0 ? measured->station[i - 1] : 0));
    writer_close_array(writer);
    if (was_late(analysis))
        writer_member_signed(writer, "agent_deadline_ms", measured->agent_deadline_ms);
    writer_close_object(writer);
}

static void write_tail(struct writer *writer, const struct analysis *analysis) {
    writer_key(writer, "facts");
    facts_write(writer, analysis->facts);
    writer_member_string(writer, "rules_version", analysis_rules_version);
    write_measured(writer, analysis);
    writer_member_decimal(writer, "total_processing_time_ms", analysis->total_processing_time_ms,
                          TIME_DECIMALS);
    writer_member_time(writer, "created_at", analysis->created_at_ms);
    writer_member_time(writer, "completed_at", analysis->completed_at_ms);
}

void analysis_write(struct buffer *out, const struct analysis *analysis) {
    struct writer writer;
    writer_init(&writer, out);
    writer_open_object(&writer);
    write_head(&writer, analysis);
    write_agents(&writer, analysis);
    write_fp(&writer, &analysis->fp);
    write_risk(&writer, analysis);
    write_mitre(&writer, analysis);
    write_automated(&writer, analysis);
    write_plan(&writer, &analysis->plan);
    write_timeline(&writer, &analysis->timeline, analysis->severity);
    write_review(&writer, analysis);
    write_tail(&writer, analysis);
    writer_close_object(&writer);
}
