/* What the metrics learn of a threat, and how many series there can be at most. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>

#include "shared/telemetry/metric_rows.h"
#include "worker/results/observe_work.h"

enum { API_SERIES_MAX = 2000, WORKER_SERIES_MAX = 600 }; /* as README says */

static struct buffer text;

static void start(void) {
    metrics_init(PROGRAM_WORKER);
}

static void stop(void) {
    buffer_fini(&text);
}

TestSuite(observe_work, .timeout = 20, .init = start, .fini = stop);

/* -1 when there is no such series. */
static double value_of(const char *id) {
    char line[256];
    int len = snprintf(line, sizeof(line), "\n%s ", id);
    buffer_clear(&text);
    metrics_write(&text);
    buffer_append_char(&text, '\0');
    const char *at = strstr(text.at, line);
    return at == NULL ? -1 : strtod(at + len, NULL);
}

static void expect(const char *id, double value) {
    cr_assert(epsilon_eq(dbl, value_of(id), value, 1e-9), "%s is %g, not %g", id, value_of(id), value);
}

Test(observe_work, a_stored_threat_is_counted_with_its_actions) {
    struct work work = {.severity = SEVERITY_CRITICAL,
                        .late = true,
                        .requires_review = true,
                        .fp_milli = 250,
                        .actions = {[ACTION_BLOCK_IP] = 1, [ACTION_MONITOR] = 2}};
    work.signal.threat_type = THREAT_BRUTE_FORCE;
    observe_result(&work, 0);
    expect("soc_threats_processed_total{severity=\"critical\",threat_type=\"brute_force\"}", 1);
    expect("soc_threats_late_total{severity=\"critical\"}", 1);
    expect("soc_threats_late_total{severity=\"low\"}", 0);
    expect("soc_threats_requiring_review_total", 1);
    expect("soc_response_actions_total{action_type=\"block_ip\"}", 1);
    expect("soc_response_actions_total{action_type=\"monitor\"}", 2);
    expect("soc_response_actions_total{action_type=\"quarantine\"}", 0);
    expect("soc_fp_score_sum", 0.25);
}

static void expect_phases(double ingestion, double queue_wait, double commit, double total) {
    expect("soc_threat_processing_duration_seconds_sum{phase=\"ingestion\"}", ingestion);
    expect("soc_threat_processing_duration_seconds_sum{phase=\"queue_wait\"}", queue_wait);
    expect("soc_threat_processing_duration_seconds_sum{phase=\"agent_execution\"}", 0.5);
    expect("soc_threat_processing_duration_seconds_sum{phase=\"commit\"}", commit);
    expect("soc_threat_processing_duration_seconds_sum{phase=\"total\"}", total);
}

Test(observe_work, phases_sum_to_the_total) {
    struct work work = {.received_at_ms = 5000, .entry_id = {5002, 0}, .ready_at_ns = 1000000000};
    work.phase_seconds[PHASE_QUEUE_WAIT] = 0.25; /* since it was received */
    work.phase_seconds[PHASE_AGENT_EXECUTION] = 0.5;
    observe_result(&work, 1125000000);
    expect_phases(0.002, 0.248, 0.125, 0.875);
}

Test(observe_work, clocks_that_differ_make_no_negative_wait) {
    struct work work = {.received_at_ms = 5000, .entry_id = {9000, 0}};
    work.phase_seconds[PHASE_AGENT_EXECUTION] = 0.5;
    observe_result(&work, 0);
    expect_phases(0, 0, 0, 0.5);
    work.entry_id.ms = 1000;
    work.phase_seconds[PHASE_AGENT_EXECUTION] = 0;
    observe_result(&work, 0);
    expect_phases(0, 0, 0, 0.5);
}

Test(observe_work, an_agent_is_timed_and_its_confidence_counted_when_it_was_available) {
    static struct analysis analysis;
    struct work work = {0};
    for (int i = 0; i < AGENT_COUNT; i++)
        analysis.agents[i] = (struct agent_report){.available = i != AGENT_DEVOPS, .confidence = 0.75};
    analysis.agents[AGENT_DEVOPS].unavailable_because = TEXT_LITERAL("too slow");
    observe_analysis(&work, &analysis);
    expect("soc_agent_confidence_count{agent_name=\"historical\"}", 1);
    expect("soc_agent_confidence_sum{agent_name=\"historical\"}", 0.75);
    expect("soc_agent_confidence_count{agent_name=\"devops\"}", 0);
    expect("soc_agent_unavailable_total{agent_name=\"devops\"}", 1);
    expect("soc_agent_unavailable_total{agent_name=\"historical\"}", 0);
    expect("soc_agent_duration_seconds_count{agent_name=\"devops\"}", 1);
}

/* A histogram has a series for each bound, for +Inf, its sum and its count. */
static int series_max(unsigned program) {
    int series = 0;
    for (int i = 0; i < METRIC_COUNT; i++) {
        const struct metric_row *row = &metric_rows[i];
        int each = row->kind == METRIC_HISTOGRAM ? row->buckets->count + 3 : 1;
        if ((row->programs & program) != 0)
            series += row->counts[0] * row->counts[1] * each;
    }
    return series;
}

Test(observe_work, series_are_bounded) {
    int api = series_max(PROGRAM_API), worker = series_max(PROGRAM_WORKER);
    cr_assert(le(int, api, API_SERIES_MAX));
    cr_assert(le(int, worker, WORKER_SERIES_MAX));
    cr_assert(gt(int, api, API_SERIES_MAX * 3 / 4), "%d: the bound says nothing", api);
    cr_assert(gt(int, worker, WORKER_SERIES_MAX * 3 / 4), "%d: the bound says nothing", worker);
}
