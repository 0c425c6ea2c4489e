#include "worker/intake/analyze_work.h"

#include <stdlib.h>
#include <string.h>

#include "shared/analyzers/run_analyzers.h"
#include "shared/base/clock.h"
#include "shared/model/log_row.h"
#include "worker/results/observe_work.h"

static int64_t stopwatch_now(void *arg) {
    (void)arg;
    return clock_monotonic_ns();
}

static void write_row(struct work *work, const struct analysis *analysis) {
    struct log_row row = log_row_of_signal(EVENT_COMPLETED, &work->id, work->received_at_ms, &work->signal);
    row.completed_at_ms = analysis->completed_at_ms;
    row.severity = analysis->severity;
    row.status = THREAT_COMPLETED;
    row.requires_review = analysis->requires_human_review;
    row.risk_score = (unsigned)analysis->risk_score;
    row.fp_milli = work->fp_milli;
    log_row_write(&work->row, &row);
}

/* The text that the completion script puts into each history (shared/model/history.h). */
static void write_case(struct work *work) {
    struct history_case completed = {.created_at_ms = work->received_at_ms,
                                     .threat_type = work->signal.threat_type,
                                     .severity = work->severity,
                                     .fp_milli = work->fp_milli,
                                     .verdict = VERDICT_NONE};
    uuid_write(&work->id, completed.id);
    history_case_write(&work->history_case, &completed);
}

static void keep_results(struct work *work, const struct analysis *analysis) {
    const struct response_plan *plan = &analysis->plan;
    work->severity = analysis->severity;
    work->fp_milli = (unsigned)(analysis->fp.score * 1000 + 0.5);
    work->requires_review = analysis->requires_human_review;
    work->late = 2 * (analysis->completed_at_ms - work->received_at_ms) > plan->sla_minutes * 60 * 1000;
    memset(work->actions, 0, sizeof(work->actions));
    work->actions[plan->primary.action_type]++;
    for (unsigned i = 0; i < plan->secondary_count; i++)
        work->actions[plan->secondary[i].action_type]++;
    work->measured = analysis->measured;
    for (int i = 0; i < PHASE_COUNT; i++)
        work->phase_seconds[i] = analysis->timeline.phase_ms[i] / 1000;
}

/* A work on its way, while its record is told how far it came. */
struct noted_work {
    struct intake *intake;
    struct work *work;
    void (*go_on)(struct intake *intake, struct work *work);
};

static void on_noted(void *arg, enum status status, const redisReply *reply) {
    struct noted_work noted = *(struct noted_work *)arg;
    (void)status;
    (void)reply;
    free(arg);
    noted.go_on(noted.intake, noted.work);
}

/* How far a suspect came stands in its record before it goes on: should it kill us, the letter says where.
 * Redis has it when it has answered: what a dying worker had sent is thrown away with its connection. */
static void note_stage(struct intake *intake, struct work *work, enum dead_stage stage,
                       void (*go_on)(struct intake *intake, struct work *work)) {
    struct command command = COMMAND_EMPTY;
    struct buffer key = BUFFER_EMPTY;
    struct noted_work *noted = work->alone ? malloc(sizeof(*noted)) : NULL;
    if (noted == NULL) {
        go_on(intake, work);
        return;
    }
    *noted = (struct noted_work){intake, work, go_on};
    keyspace_threat(&intake->keyspace, &work->id, &key);
    command_begin(&command, "HSET");
    command_text(&command, buffer_text(&key));
    command_words(&command, "stage", vocabulary_word(&vocabulary_dead_stage, (int)stage), NULL);
    if (link_send(intake->commands, command_finish(&command), LINK_DEADLINE_MS, on_noted, noted) != STATUS_OK)
        on_noted(noted, STATUS_UNAVAILABLE, NULL);
    command_fini(&command);
    buffer_fini(&key);
}

static void commit(struct intake *intake, struct work *work) {
    commit_analysis(intake->commit, work);
}

static void analyze(struct intake *intake, struct work *work) {
    static struct analysis analysis; /* one thread, done before this returns */
    const struct run_clock clock = {stopwatch_now, NULL, work->taken_at_ns};
    int64_t waited_ms = work->taken_at_ms - work->received_at_ms; /* clocks of two machines */
    snapshot_gather(intake->snapshot, &work->signal, &work->arena, &work->facts);
    analysis = (struct analysis){.id = work->id,
                                 .signal = &work->signal,
                                 .facts = &work->facts,
                                 .created_at_ms = work->received_at_ms,
                                 .measured.queue_wait_ms = waited_ms > 0 ? waited_ms : 0};
    run_agents(agent_rows, intake->settings->agent_deadline_ms, &clock, &work->arena, &analysis);
    run_analyzers(&clock, &work->arena, &analysis);
    analysis_write(&work->body, &analysis);
    keep_results(work, &analysis);
    write_row(work, &analysis);
    write_case(work);
    observe_analysis(work, &analysis);
    work->ready_at_ns = clock_monotonic_ns();
    note_stage(intake, work, DEAD_AT_COMMIT, commit);
}

void analyze_work(struct intake *intake, struct work *work) {
    note_stage(intake, work, DEAD_AT_ANALYZE, analyze);
}
