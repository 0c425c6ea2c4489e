/* One JSON object a line on stdout: timestamp, level, message, component, then the event's own fields. Events
 * are rows of the table in log.c: level and message by id, so that nobody invents a spelling. User agents,
 * raw data and whole keys are never logged. */
#ifndef SOC_TELEMETRY_LOG_H
#define SOC_TELEMETRY_LOG_H

#include <stdint.h>

#include "shared/base/text.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR, LOG_LEVEL_COUNT };

enum log_event {
    LOG_STARTED,  /* program, version, pid, port */
    LOG_STOPPING, /* reason */
    LOG_STOPPED,
    LOG_REDIS_UP,          /* connection */
    LOG_REDIS_DOWN,        /* connection, reason */
    LOG_MASTER_FOUND,      /* host, port, epoch, sentinel, sentinel_port */
    LOG_MASTER_UNKNOWN,    /* sentinel, port, master, reason */
    LOG_REDIS_REPLY,       /* command, reply, left_out: an error reply that should not be */
    LOG_WRONG_TYPE,        /* command, reply, left_out */
    LOG_GROUP_CREATED,     /* group (re)created: data was lost upstream when it existed before */
    LOG_CATALOG_READY,     /* rows, duration_ms */
    LOG_CATALOG_RESET,     /* reason */
    LOG_THREAT_COMPLETED,  /* debug: threat_id, trace_id, span_id, customer_name, severity */
    LOG_AGENT_UNAVAILABLE, /* threat_id, trace_id, span_id, agent_name, reason */
    LOG_ENTRY_FENCED,      /* threat_id, trace_id, span_id, entry, reason */
    LOG_ENTRY_BURIED,      /* entry, trace_id, span_id, reason, stage, deliveries */
    LOG_ENTRIES_CLAIMED,   /* owner, count, reason */
    LOG_ENTRIES_RELEASED,  /* count */
    LOG_ENTRIES_REGAINED,  /* count */
    LOG_ENTRIES_TRIMMED,   /* count: deleted by somebody before they were finished */
    LOG_LETTERS_DROPPED,   /* count */
    LOG_LETTERS_REPLAYED,  /* count */
    LOG_CONSUMERS_REMOVED, /* count */
    LOG_CONTEXT_LOADED,    /* customers, infra_events, intel_entries, duration_ms */
    LOG_CONTEXT_COMPLAINT, /* record, name, reason */
    LOG_CLOCKS_APART,      /* redis_ahead_ms: nothing expires by age */
    LOG_WEBSOCKET_DROPPED, /* reason */
    LOG_COLLECTOR_DOWN,    /* reason, http_status: spans are not taken */
    LOG_COLLECTOR_UP,
    LOG_INTAKE_CLOSED, /* reason: signals are refused */
    LOG_INTAKE_OPEN,
    LOG_EVENT_COUNT
};

struct log_field {
    const char *key;
    enum { LOG_FIELD_TEXT, LOG_FIELD_SIGNED, LOG_FIELD_DECIMAL } kind;
    struct text text;
    int64_t number;
    double decimal;
};

#define LOG_TEXT(k, t) ((struct log_field){.key = (k), .kind = LOG_FIELD_TEXT, .text = (t)})
#define LOG_STRING(k, s) LOG_TEXT(k, text_of(s))
#define LOG_NUMBER(k, n) ((struct log_field){.key = (k), .kind = LOG_FIELD_SIGNED, .number = (int64_t)(n)})
#define LOG_DECIMAL(k, d) ((struct log_field){.key = (k), .kind = LOG_FIELD_DECIMAL, .decimal = (d)})

/* `component` must outlive the program. False when the level is none of debug, info, warning, error (any
 * case). */
bool log_init(const char *component, const char *level);

/* Is this event written at the level in force? Ask before gathering costly fields. */
bool log_wants(enum log_event event);

/* log_write(LOG_REDIS_DOWN, LOG_STRING("reason", why)): fields after the event, none is fine. Texts are cut
 * at 1 KiB and bytes that are not UTF-8 become U+FFFD; an absent text is null; decimals have three places. A
 * line is one write of at most 4 KiB: fields that do not fit are left out and `truncated` is true. Never
 * waits: a line that stdout does not take at once is dropped and counted. SIGPIPE is the program's to ignore.
 * errno is kept. */
void log_write_fields(enum log_event event, const struct log_field *fields, unsigned count);
#define log_write(event, ...)                                                                                \
    log_write_fields(event, (const struct log_field[]){{0}, ##__VA_ARGS__} + 1,                              \
                     sizeof((const struct log_field[]){{0}, ##__VA_ARGS__}) / sizeof(struct log_field) - 1)

/* Lines lost since the start. */
uint64_t log_dropped(void);

#endif
