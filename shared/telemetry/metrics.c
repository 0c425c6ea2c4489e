#include "shared/telemetry/metrics.h"

#include <math.h>
#include <stdlib.h>

#include "shared/base/status.h"
#include "shared/telemetry/export_spans.h"
#include "shared/telemetry/metric_rows.h"

#define BOTH (PROGRAM_API | PROGRAM_WORKER)

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof((array)[0])))
#define WORDS(name, ...)                                                                                     \
    static const char *const name##_words[] = {__VA_ARGS__};                                                 \
    static const struct vocabulary name##_values = {#name, name##_words, COUNT_OF(name##_words)}

WORDS(status_class, "2xx", "3xx", "4xx", "5xx", "1xx");
WORDS(drop, "slow", "no_pong", "error", "refused", "shutdown");
WORDS(resume, "ring", "log", "reset");
WORDS(measure, "ingestion", "queue_wait", "agent_execution", "fp_analysis", "response_planning", "timeline",
      "commit", "total");
WORDS(redelivery, "dead", "released", "vanished", "own");
WORDS(loss, "queue_full", "excess", "rejected", "unavailable", "shutdown");
WORDS(context, "customers", "infra_events", "intel_lists", "intel_entries");

static const char *status_words[STATUS_COUNT];
static const char *route_words[METRICS_ROUTES_MAX];
static const struct vocabulary status_values = {"status", status_words, STATUS_COUNT};
static const struct vocabulary route_values = {"route", route_words, METRICS_ROUTES_MAX};

static const struct metric_label by_route = {"route", &route_values, true};
static const struct metric_label by_status_class = {"status_class", &status_class_values, false};
static const struct metric_label by_threat_type = {"threat_type", &vocabulary_threat_type, false};
static const struct metric_label by_severity = {"severity", &vocabulary_severity, false};
static const struct metric_label by_agent = {"agent_name", &vocabulary_agent, false};
static const struct metric_label by_action = {"action_type", &vocabulary_action_type, false};
static const struct metric_label by_phase = {"phase", &measure_values, false};
static const struct metric_label by_rejection = {"reason", &status_values, false};
static const struct metric_label by_drop = {"reason", &drop_values, false};
static const struct metric_label by_resume = {"outcome", &resume_values, false};
static const struct metric_label by_redelivery = {"reason", &redelivery_values, false};
static const struct metric_label by_loss = {"reason", &loss_values, false};
static const struct metric_label by_context = {"kind", &context_values, false};

/* Agents and analyzers take microseconds, queues minutes, and a request that waits for its analysis 30 s. */
#define TENS_OF_MICROSECONDS_AND_MORE                                                                        \
    1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 0.5, 1, 2.5,  \
        5, 10
static const double steps_bounds[] = {1e-6, 2.5e-6, 5e-6, TENS_OF_MICROSECONDS_AND_MORE};
static const double phases_bounds[] = {1e-6, 2.5e-6, 5e-6, TENS_OF_MICROSECONDS_AND_MORE, 30, 60, 300, 900};
static const double requests_bounds[] = {TENS_OF_MICROSECONDS_AND_MORE, 30};
static const double scores_bounds[] = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1};
static const double batches_bounds[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024};

static const struct metric_buckets steps = {COUNT_OF(steps_bounds), steps_bounds};
static const struct metric_buckets phases = {COUNT_OF(phases_bounds), phases_bounds};
static const struct metric_buckets requests = {COUNT_OF(requests_bounds), requests_bounds};
static const struct metric_buckets scores = {COUNT_OF(scores_bounds), scores_bounds};
static const struct metric_buckets batches = {COUNT_OF(batches_bounds), batches_bounds};

/* clang-format off */
#define CELLS(n) (union metric_cell[n]){{0}}
#define COUNTER .kind = METRIC_COUNTER
#define GAUGE .kind = METRIC_GAUGE
#define READING .kind = METRIC_READING

#define PLAIN .counts = {1, 1}, .cells = CELLS(1)
#define BY(label, n) .counts = {n, 1}, .labels = {&(label)}, .cells = CELLS(n)
#define BY_TWO(a, m, b, n) .counts = {m, n}, .labels = {&(a), &(b)}, .cells = CELLS((m) * (n))
#define SPREAD(set, n) \
    .kind = METRIC_HISTOGRAM, .counts = {n, 1}, .buckets = &(set), .cells = CELLS((n) * (COUNT_OF(set##_bounds) + 2))
#define SPREAD_BY(set, label, n) SPREAD(set, n), .labels = {&(label)}

const struct metric_row metric_rows[METRIC_COUNT] = {
    [METRIC_HTTP_REQUESTS] = {"http_requests_total", "HTTP requests answered.",
        .programs = PROGRAM_API, COUNTER, BY_TWO(by_route, METRICS_ROUTES_MAX, by_status_class, METRIC_STATUS_CLASS_COUNT)},
    [METRIC_HTTP_SECONDS] = {"http_request_duration_seconds", "From the request's head to the end of its answer.",
        .programs = PROGRAM_API, SPREAD_BY(requests, by_route, METRICS_ROUTES_MAX)},
    [METRIC_HTTP_IN_PROGRESS] = {"http_requests_in_progress", "HTTP requests not answered yet.",
        .programs = PROGRAM_API, GAUGE, PLAIN},
    [METRIC_SIGNALS_ACCEPTED] = {"soc_signals_accepted_total", "Signals put on the stream.",
        .programs = PROGRAM_API, COUNTER, BY(by_threat_type, THREAT_TYPE_COUNT)},
    [METRIC_SIGNALS_REJECTED] = {"soc_signals_rejected_total", "Signals not taken.",
        .programs = PROGRAM_API, COUNTER, BY(by_rejection, STATUS_COUNT)},
    [METRIC_ENQUEUE_BATCH] = {"soc_enqueue_batch_size", "Signals put on the stream by one script.",
        .programs = PROGRAM_API, SPREAD(batches, 1)},
    [METRIC_WS_CONNECTIONS] = {"soc_active_websocket_connections", "Open WebSocket connections.",
        .programs = PROGRAM_API, GAUGE, PLAIN},
    [METRIC_WS_EVENTS] = {"soc_websocket_events_total", "Event frames handed to WebSocket clients.",
        .programs = PROGRAM_API, COUNTER, PLAIN},
    [METRIC_WS_DROPPED] = {"soc_websocket_dropped_total", "WebSocket connections ended or refused by the server.",
        .programs = PROGRAM_API, COUNTER, BY(by_drop, METRIC_DROP_COUNT)},
    [METRIC_WS_RESUMES] = {"soc_websocket_resume_total", "Resumes by where the missed events came from.",
        .programs = PROGRAM_API, COUNTER, BY(by_resume, METRIC_RESUME_COUNT)},
    [METRIC_CATALOG_ROWS] = {"soc_catalog_rows", "Threats in the catalog.",
        .programs = PROGRAM_API, READING, PLAIN},
    [METRIC_CATALOG_BYTES] = {"soc_catalog_bytes", "Memory of the catalog.",
        .programs = PROGRAM_API, READING, PLAIN},
    [METRIC_STREAM_LENGTH] = {"soc_stream_length", "Entries in the stream.",
        .programs = PROGRAM_API, READING, PLAIN},
    [METRIC_STREAM_LAG] = {"soc_stream_lag", "Entries not delivered yet; absent when Redis does not know.",
        .programs = PROGRAM_API, READING, PLAIN},
    [METRIC_STREAM_LAG_VALID] = {"soc_stream_lag_valid", "1 when Redis knows the lag, else 0.",
        .programs = PROGRAM_API, READING, PLAIN},
    [METRIC_STREAM_PENDING] = {"soc_stream_pending", "Entries delivered and not acknowledged.",
        .programs = PROGRAM_API, READING, PLAIN},
    [METRIC_STREAM_OLDEST] = {"soc_stream_oldest_seconds", "Age of the oldest entry that waits.",
        .programs = PROGRAM_API, READING, PLAIN},
    [METRIC_STREAM_CONSUMERS] = {"soc_stream_consumers", "Consumers of the group.",
        .programs = PROGRAM_API, READING, PLAIN},
    [METRIC_STREAM_CLOCK_AHEAD] = {"soc_stream_clock_ahead_seconds", "How far the stream's last id lies in the future.",
        .programs = PROGRAM_API, READING, PLAIN},
    [METRIC_OUTSTANDING] = {"soc_outstanding", "Threats that wait or are being analysed; never too few.",
        .programs = PROGRAM_API, READING, PLAIN},
    [METRIC_OUTSTANDING_EXACT] = {"soc_outstanding_exact", "1 when soc_outstanding is the truth, 0 when it is an upper bound.",
        .programs = PROGRAM_API, READING, PLAIN},
    [METRIC_REQUIRED_WORKERS] = {"soc_required_workers", "Workers that clear the backlog in time and keep up; at least 1.",
        .programs = PROGRAM_API, READING, PLAIN},
    [METRIC_ENTRIES_RECEIVED] = {"soc_entries_received", "Entries ever added to the stream.",
        .programs = PROGRAM_API, READING, PLAIN},
    [METRIC_ENTRIES_COMPLETED] = {"soc_entries_completed", "Analyses ever stored since the stream began.",
        .programs = PROGRAM_API, READING, PLAIN},
    [METRIC_ENTRIES_FAILED] = {"soc_entries_failed", "Entries ever buried since the stream began.",
        .programs = PROGRAM_API, READING, PLAIN},
    [METRIC_ENTRIES_UNACCOUNTED] = {"soc_entries_unaccounted", "Received less completed, failed and outstanding; 0 in health.",
        .programs = PROGRAM_API, READING, PLAIN},
    [METRIC_REDIS_MEMORY_USED] = {"soc_redis_memory_used_bytes", "Memory that Redis uses.",
        .programs = PROGRAM_API, READING, PLAIN},
    [METRIC_REDIS_MEMORY_MAX] = {"soc_redis_memory_max_bytes", "Redis' maxmemory; absent without a limit.",
        .programs = PROGRAM_API, READING, PLAIN},
    [METRIC_INTAKE_OPEN] = {"soc_intake_open", "1 when signals are taken, 0 when backlog or memory forbid it.",
        .programs = PROGRAM_API, READING, PLAIN},
    [METRIC_EXPIRED] = {"soc_threats_expired_total", "Threats that this process forgot, by number or age.",
        .programs = PROGRAM_API, COUNTER, PLAIN},
    [METRIC_DEAD_LETTERS_STORED] = {"soc_dead_letters", "Dead letters stored.",
        .programs = PROGRAM_API, READING, PLAIN},

    [METRIC_PROCESSED] = {"soc_threats_processed_total", "Threats analysed and stored.",
        .programs = PROGRAM_WORKER, COUNTER, BY_TWO(by_severity, SEVERITY_NONE, by_threat_type, THREAT_TYPE_COUNT)},
    [METRIC_AGENT_SECONDS] = {"soc_agent_duration_seconds", "Time of one agent for one threat.",
        .programs = PROGRAM_WORKER, SPREAD_BY(steps, by_agent, AGENT_COUNT)},
    [METRIC_AGENT_CONFIDENCE] = {"soc_agent_confidence", "How sure an agent was, of those that were available.",
        .programs = PROGRAM_WORKER, SPREAD_BY(scores, by_agent, AGENT_COUNT)},
    [METRIC_AGENT_UNAVAILABLE] = {"soc_agent_unavailable_total", "Threats analysed without this agent.",
        .programs = PROGRAM_WORKER, COUNTER, BY(by_agent, AGENT_COUNT)},
    [METRIC_FP_SCORE] = {"soc_fp_score", "False-positive scores; higher is more likely false.",
        .programs = PROGRAM_WORKER, SPREAD(scores, 1)},
    [METRIC_PROCESSING_SECONDS] = {"soc_threat_processing_duration_seconds", "Time of one threat in each phase.",
        .programs = PROGRAM_WORKER, SPREAD_BY(phases, by_phase, METRIC_PHASE_COUNT)},
    [METRIC_REQUIRING_REVIEW] = {"soc_threats_requiring_review_total", "Threats that a person has to look at.",
        .programs = PROGRAM_WORKER, COUNTER, PLAIN},
    [METRIC_RESPONSE_ACTIONS] = {"soc_response_actions_total", "Actions of the response plans that were stored.",
        .programs = PROGRAM_WORKER, COUNTER, BY(by_action, ACTION_TYPE_COUNT)},
    [METRIC_THREATS_LATE] = {"soc_threats_late_total", "Threats analysed after half of the response time of their plan was gone.",
        .programs = PROGRAM_WORKER, COUNTER, BY(by_severity, SEVERITY_NONE)},
    [METRIC_REDELIVERIES] = {"soc_redeliveries_total", "Entries taken over from another consumer.",
        .programs = PROGRAM_WORKER, COUNTER, BY(by_redelivery, METRIC_REDELIVERY_COUNT)},
    [METRIC_FENCED] = {"soc_fenced_total", "Results refused because another consumer owns the entry.",
        .programs = PROGRAM_WORKER, COUNTER, PLAIN},
    [METRIC_FINISHED_BEFORE] = {"soc_finished_before_total", "Results of entries that were finished already.",
        .programs = PROGRAM_WORKER, COUNTER, PLAIN},
    [METRIC_TAKEN_BACK] = {"soc_entries_taken_back_total", "Entries that the group passed over, made pending again.",
        .programs = PROGRAM_WORKER, COUNTER, PLAIN},
    [METRIC_DEAD_LETTERS] = {"soc_dead_letters_total", "Entries moved to the dead letters.",
        .programs = PROGRAM_WORKER, COUNTER, PLAIN},
    [METRIC_LETTERS_DROPPED] = {"soc_dead_letters_dropped_total", "Oldest dead letters that fell out of the full stream of them.",
        .programs = PROGRAM_WORKER, COUNTER, PLAIN},
    [METRIC_TRIMMED] = {"soc_trimmed_undelivered_total", "Entries that were deleted from the stream before they were finished.",
        .programs = PROGRAM_WORKER, COUNTER, PLAIN},
    [METRIC_NEWER_ENTRIES] = {"soc_newer_entries_total", "Entries of a newer version, left to newer workers.",
        .programs = PROGRAM_WORKER, COUNTER, PLAIN},
    [METRIC_IN_FLIGHT] = {"soc_threats_in_flight", "Threats held by this process.",
        .programs = PROGRAM_WORKER, GAUGE, PLAIN},
    [METRIC_IN_FLIGHT_MAX] = {"soc_threats_in_flight_max", "Threats that this process holds at most.",
        .programs = PROGRAM_WORKER, GAUGE, PLAIN},
    [METRIC_COMMIT_BATCH] = {"soc_commit_batch_size", "Results stored by one script.",
        .programs = PROGRAM_WORKER, SPREAD(batches, 1)},
    [METRIC_CONTEXT_RECORDS] = {"soc_context_records", "Context records in memory.",
        .programs = PROGRAM_WORKER, GAUGE, BY(by_context, METRIC_CONTEXT_COUNT)},

    [METRIC_REDIS_UP] = {"soc_redis_up", "1 when the connection to Redis works, else 0.",
        .programs = BOTH, GAUGE, PLAIN},
    [METRIC_REDIS_RECONNECTS] = {"soc_redis_reconnects_total", "Connections to Redis that were lost and have to be made again.",
        .programs = BOTH, COUNTER, PLAIN},
    [METRIC_REDIS_ERRORS] = {"soc_redis_errors_total", "Error replies of Redis.",
        .programs = BOTH, COUNTER, BY(by_rejection, STATUS_COUNT)},
    [METRIC_GROUP_RECREATED] = {"soc_group_recreated_total", "Times the consumer group was missing and made again.",
        .programs = BOTH, COUNTER, PLAIN},
    [METRIC_SPANS_EXPORTED] = {"soc_spans_exported_total", "Spans of traces that the collector took.",
        .programs = BOTH, COUNTER, PLAIN},
    [METRIC_SPANS_DROPPED] = {"soc_spans_dropped_total", "Spans of traces that were lost.",
        .programs = BOTH, COUNTER, BY(by_loss, SPAN_LOSS_COUNT)},
};
/* clang-format on */

static unsigned shown_program;

unsigned metrics_program(void) {
    return shown_program;
}

static int row_cells(const struct metric_row *row) {
    return row->counts[0] * row->counts[1] * metric_row_width(row);
}

/* The sizes of the arrays stand in the table, the words elsewhere: they must agree. */
static void check_labels(const struct metric_row *row) {
    for (int i = 0; i < 2; i++)
        if (row->counts[i] != (row->labels[i] == NULL ? 1 : row->labels[i]->values->count))
            abort();
}

void metrics_init(enum program program) {
    shown_program = program;
    for (int i = STATUS_OK + 1; i < STATUS_COUNT; i++)
        status_words[i] = status_name((enum status)i);
    for (int i = 0; i < METRIC_COUNT; i++) {
        const struct metric_row *row = &metric_rows[i];
        check_labels(row);
        memset(row->cells, 0, (size_t)row_cells(row) * sizeof(row->cells[0]));
        if (row->kind == METRIC_READING)
            metrics_hide((enum metric)i);
    }
}

/* The first cell of a series. */
static inline union metric_cell *find_cells(const struct metric_row *row, int label_a, int label_b,
                                            int width) {
    if ((unsigned)label_a >= (unsigned)row->counts[0] || (unsigned)label_b >= (unsigned)row->counts[1])
        abort();
    return row->cells + (label_a * row->counts[1] + label_b) * width;
}

void metrics_add(enum metric metric, int label_a, int label_b, uint64_t amount) {
    const struct metric_row *row = &metric_rows[metric];
    if (row->kind != METRIC_COUNTER)
        abort();
    find_cells(row, label_a, label_b, 1)->count += amount;
}

static bool is_gauge(const struct metric_row *row) {
    return row->kind == METRIC_GAUGE || row->kind == METRIC_READING;
}

void metrics_set_labelled(enum metric metric, int label_a, double value) {
    const struct metric_row *row = &metric_rows[metric];
    if (!is_gauge(row))
        abort();
    find_cells(row, label_a, 0, 1)->number = value;
}

void metrics_set(enum metric metric, double value) {
    metrics_set_labelled(metric, 0, value);
}

void metrics_hide(enum metric metric) {
    for (int i = 0; i < metric_rows[metric].counts[0]; i++)
        metrics_set_labelled(metric, i, NAN);
}

void metrics_observe(enum metric metric, int label_a, double value) {
    const struct metric_row *row = &metric_rows[metric];
    if (row->kind != METRIC_HISTOGRAM)
        abort();
    const struct metric_buckets *buckets = row->buckets;
    union metric_cell *cells = find_cells(row, label_a, 0, buckets->count + 2);
    value = value > 0 ? value : 0;
    int i = 0;
    for (int j = 0; j < buckets->count; j++) /* all of them: a branch that is guessed wrong costs more */
        i += value > buckets->bounds[j];
    cells[i].count++;
    cells[buckets->count + 1].number += value;
}

void metrics_name_routes(const char *const *patterns, int count) {
    if (count > METRICS_ROUTES_MAX)
        abort();
    for (int i = 0; i < METRICS_ROUTES_MAX; i++)
        route_words[i] = i < count ? patterns[i] : NULL;
}

enum metric_status_class metric_status_class(int http_status) {
    static const enum metric_status_class classes[] = {METRIC_1XX, METRIC_2XX, METRIC_3XX, METRIC_4XX,
                                                       METRIC_5XX};
    return http_status < 100 || http_status > 599 ? METRIC_5XX : classes[http_status / 100 - 1];
}
