#include "worker/results/observe_work.h"

#include "shared/telemetry/log_threat.h"
#include "shared/telemetry/metrics.h"

static void note_unavailable(struct work *work, enum agent agent, struct text reason) {
    work->unavailable |= 1u << agent;
    metrics_add(METRIC_AGENT_UNAVAILABLE, (int)agent, 0, 1);
    log_write(LOG_AGENT_UNAVAILABLE, LOG_THREAT(&work->id, &work->trace, work->signal.customer_name),
              LOG_STRING("agent_name", vocabulary_word(&vocabulary_agent, (int)agent)),
              LOG_TEXT("reason", reason));
}

void observe_analysis(struct work *work, const struct analysis *analysis) {
    for (int i = 0; i < AGENT_COUNT; i++) {
        const struct agent_report *report = &analysis->agents[i];
        metrics_observe(METRIC_AGENT_SECONDS, i,
                        (double)measured_agent_steps(&analysis->measured, (enum agent)i) /
                            (1000.0 * MEASURED_STEPS_PER_MS));
        if (report->available)
            metrics_observe(METRIC_AGENT_CONFIDENCE, i, report->confidence);
        else
            note_unavailable(work, (enum agent)i, report->unavailable_because);
    }
}

/* The queue's wait counts from receipt in the analysis, and from when the entry was on the stream here: the
 * phases sum to the total. */
static void observe_times(const struct work *work, int64_t now_ns) {
    double commit_s = (double)(now_ns - work->ready_at_ns) / 1e9;
    double ingestion_s = (double)((int64_t)work->entry_id.ms - work->received_at_ms) / 1000;
    double waited_s = work->phase_seconds[PHASE_QUEUE_WAIT], total_s = commit_s;
    ingestion_s = ingestion_s < 0 ? 0 : ingestion_s > waited_s ? waited_s : ingestion_s;
    metrics_observe(METRIC_PROCESSING_SECONDS, METRIC_PHASE_INGESTION, ingestion_s);
    for (int i = 0; i < PHASE_COUNT; i++) {
        double phase_s = work->phase_seconds[i];
        metrics_observe(METRIC_PROCESSING_SECONDS, METRIC_PHASE_QUEUE_WAIT + i,
                        i == PHASE_QUEUE_WAIT ? phase_s - ingestion_s : phase_s);
        total_s += phase_s;
    }
    metrics_observe(METRIC_PROCESSING_SECONDS, METRIC_PHASE_COMMIT, commit_s);
    metrics_observe(METRIC_PROCESSING_SECONDS, METRIC_PHASE_TOTAL, total_s);
}

void observe_result(const struct work *work, int64_t now_ns) {
    metrics_add(METRIC_PROCESSED, (int)work->severity, (int)work->signal.threat_type, 1);
    metrics_observe(METRIC_FP_SCORE, 0, work->fp_milli / 1000.0);
    if (work->requires_review)
        metrics_add(METRIC_REQUIRING_REVIEW, 0, 0, 1);
    if (work->late)
        metrics_add(METRIC_THREATS_LATE, (int)work->severity, 0, 1);
    for (int i = 0; i < ACTION_TYPE_COUNT; i++)
        if (work->actions[i] > 0)
            metrics_add(METRIC_RESPONSE_ACTIONS, i, 0, work->actions[i]);
    observe_times(work, now_ns);
}
