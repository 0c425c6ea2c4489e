/* Prometheus metrics of one process: rows of one table (metrics.c), values in flat arrays, one thread. A
 * series is a metric plus the indexes of its labels' values; label values are closed sets, so cardinality is
 * the product of their sizes and known at compile time. */
#ifndef SOC_TELEMETRY_METRICS_H
#define SOC_TELEMETRY_METRICS_H

#include <stdint.h>

#include "shared/base/buffer.h"
#include "shared/config/settings.h"

enum metric {
    /* soc-api */
    METRIC_HTTP_REQUESTS,       /* http_requests_total{route,status_class} (1xx … 5xx) */
    METRIC_HTTP_SECONDS,        /* http_request_duration_seconds{route} histogram */
    METRIC_HTTP_IN_PROGRESS,    /* http_requests_in_progress */
    METRIC_SIGNALS_ACCEPTED,    /* soc_signals_accepted_total{threat_type} */
    METRIC_SIGNALS_REJECTED,    /* soc_signals_rejected_total{reason}: status words */
    METRIC_ENQUEUE_BATCH,       /* soc_enqueue_batch_size histogram */
    METRIC_WS_CONNECTIONS,      /* soc_active_websocket_connections */
    METRIC_WS_EVENTS,           /* soc_websocket_events_total: frames handed to clients */
    METRIC_WS_DROPPED,          /* soc_websocket_dropped_total{reason}: slow no_pong error refused shutdown */
    METRIC_WS_RESUMES,          /* soc_websocket_resume_total{outcome} */
    METRIC_CATALOG_ROWS,        /* soc_catalog_rows */
    METRIC_CATALOG_BYTES,       /* soc_catalog_bytes */
    METRIC_STREAM_LENGTH,       /* soc_stream_length */
    METRIC_STREAM_LAG,          /* soc_stream_lag: absent when not known */
    METRIC_STREAM_LAG_VALID,    /* soc_stream_lag_valid */
    METRIC_STREAM_PENDING,      /* soc_stream_pending */
    METRIC_STREAM_OLDEST,       /* soc_stream_oldest_seconds */
    METRIC_STREAM_CONSUMERS,    /* soc_stream_consumers */
    METRIC_STREAM_CLOCK_AHEAD,  /* soc_stream_clock_ahead_seconds */
    METRIC_OUTSTANDING,         /* soc_outstanding: lag + pending, else an upper bound */
    METRIC_OUTSTANDING_EXACT,   /* soc_outstanding_exact */
    METRIC_REQUIRED_WORKERS,    /* soc_required_workers: for the backlog and for what arrives; at least 1 */
    METRIC_ENTRIES_RECEIVED,    /* soc_entries_received */
    METRIC_ENTRIES_COMPLETED,   /* soc_entries_completed */
    METRIC_ENTRIES_FAILED,      /* soc_entries_failed */
    METRIC_ENTRIES_UNACCOUNTED, /* soc_entries_unaccounted: absent when not known */
    METRIC_REDIS_MEMORY_USED,   /* soc_redis_memory_used_bytes */
    METRIC_REDIS_MEMORY_MAX,    /* soc_redis_memory_max_bytes: absent without a limit */
    METRIC_INTAKE_OPEN,         /* soc_intake_open */
    METRIC_EXPIRED,             /* soc_threats_expired_total */
    METRIC_DEAD_LETTERS_STORED, /* soc_dead_letters */
    /* soc-worker */
    METRIC_PROCESSED,          /* soc_threats_processed_total{severity,threat_type} */
    METRIC_AGENT_SECONDS,      /* soc_agent_duration_seconds{agent_name} histogram */
    METRIC_AGENT_CONFIDENCE,   /* soc_agent_confidence{agent_name} histogram, buckets 0.1 … 1 */
    METRIC_AGENT_UNAVAILABLE,  /* soc_agent_unavailable_total{agent_name} */
    METRIC_FP_SCORE,           /* soc_fp_score histogram, buckets 0.1 … 1 */
    METRIC_PROCESSING_SECONDS, /* soc_threat_processing_duration_seconds{phase} histogram: ingestion
                                  queue_wait agent_execution fp_analysis response_planning timeline commit
                                  total */
    METRIC_REQUIRING_REVIEW,   /* soc_threats_requiring_review_total */
    METRIC_RESPONSE_ACTIONS,   /* soc_response_actions_total{action_type} */
    METRIC_THREATS_LATE,       /* soc_threats_late_total{severity} */
    METRIC_REDELIVERIES,       /* soc_redeliveries_total{reason}: dead released vanished */
    METRIC_FENCED,             /* soc_fenced_total */
    METRIC_FINISHED_BEFORE,    /* soc_finished_before_total */
    METRIC_TAKEN_BACK,         /* soc_entries_taken_back_total */
    METRIC_DEAD_LETTERS,       /* soc_dead_letters_total */
    METRIC_LETTERS_DROPPED,    /* soc_dead_letters_dropped_total */
    METRIC_TRIMMED,            /* soc_trimmed_undelivered_total */
    METRIC_NEWER_ENTRIES,      /* soc_newer_entries_total */
    METRIC_IN_FLIGHT,          /* soc_threats_in_flight */
    METRIC_IN_FLIGHT_MAX,      /* soc_threats_in_flight_max */
    METRIC_COMMIT_BATCH,       /* soc_commit_batch_size histogram */
    METRIC_CONTEXT_RECORDS, /* soc_context_records{kind}: customers infra_events intel_lists intel_entries */
    /* both */
    METRIC_REDIS_UP,         /* soc_redis_up */
    METRIC_REDIS_RECONNECTS, /* soc_redis_reconnects_total */
    METRIC_REDIS_ERRORS,     /* soc_redis_errors_total{reason}: status words */
    METRIC_GROUP_RECREATED,  /* soc_group_recreated_total */
    METRIC_SPANS_EXPORTED,   /* soc_spans_exported_total */
    METRIC_SPANS_DROPPED,    /* soc_spans_dropped_total{reason}: enum span_loss of export_spans.h */
    METRIC_COUNT
};

/* Indexes of the label values that have no enum elsewhere. The others: enum status (reason of rejected
 * signals), enum threat_type, enum severity (not SEVERITY_NONE), enum agent, the router's order. */
enum metric_status_class {
    METRIC_2XX,
    METRIC_3XX,
    METRIC_4XX,
    METRIC_5XX,
    METRIC_1XX,
    METRIC_STATUS_CLASS_COUNT
};

enum metric_drop {
    METRIC_DROP_SLOW,
    METRIC_DROP_NO_PONG,
    METRIC_DROP_ERROR,
    METRIC_DROP_REFUSED,
    METRIC_DROP_SHUTDOWN,
    METRIC_DROP_COUNT
};

enum metric_resume {
    METRIC_RESUME_RING,  /* everything missed was still in the ring */
    METRIC_RESUME_LOG,   /* read from threats:log */
    METRIC_RESUME_RESET, /* too old: a fresh batch instead */
    METRIC_RESUME_COUNT
};

enum metric_phase {
    METRIC_PHASE_INGESTION,
    METRIC_PHASE_QUEUE_WAIT,
    METRIC_PHASE_AGENT_EXECUTION,
    METRIC_PHASE_FP_ANALYSIS,
    METRIC_PHASE_RESPONSE_PLANNING,
    METRIC_PHASE_TIMELINE,
    METRIC_PHASE_COMMIT,
    METRIC_PHASE_TOTAL,
    METRIC_PHASE_COUNT
};

enum metric_redelivery {
    METRIC_REDELIVERY_DEAD,
    METRIC_REDELIVERY_RELEASED,
    METRIC_REDELIVERY_VANISHED,
    METRIC_REDELIVERY_OWN, /* to ourselves, in a reply that was lost */
    METRIC_REDELIVERY_COUNT
};

enum metric_context {
    METRIC_CONTEXT_CUSTOMERS,
    METRIC_CONTEXT_INFRA_EVENTS,
    METRIC_CONTEXT_INTEL_LISTS,
    METRIC_CONTEXT_INTEL_ENTRIES,
    METRIC_CONTEXT_COUNT
};

enum { METRICS_ROUTES_MAX = 64 };

/* Clears all values; `program` decides which rows metrics_write shows. Gauges start at 0, those about the
 * stream and the catalog hidden. Route names are kept. */
void metrics_init(enum program program);

/* Labels: index into the metric's first and second label values; 0 where it has none. An index outside the
 * label's values or a metric of another kind aborts. */
void metrics_add(enum metric metric, int label_a, int label_b, uint64_t amount);
void metrics_set(enum metric metric, double value);
void metrics_set_labelled(enum metric metric, int label_a, double value);
void metrics_hide(enum metric metric); /* the gauge's series are absent until the next set: "not known" */

/* Seconds or a plain number. What is negative (a clock stepped) or not a number counts as 0. */
void metrics_observe(enum metric metric, int label_a, double value);

/* Labels of METRIC_HTTP_*: the routes' patterns in the router's order, at most METRICS_ROUTES_MAX. Not
 * copied. Series of routes without a name are not shown. */
void metrics_name_routes(const char *const *patterns, int count);

/* 100 to 599; others count as 5xx. */
enum metric_status_class metric_status_class(int http_status);

/* Text exposition format 0.0.4, with process_* (CPU, memory, fds, start time), soc_log_lines_dropped_total
 * and soc_build_info. Series of a counter or histogram with one label of fixed values are there from the
 * start, others from their first use. */
void metrics_write(struct buffer *out);

#endif
