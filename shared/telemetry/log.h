/* One JSON object a line on stdout: timestamp, level, message, component, then the event's own fields. Events
 * are rows of a table (log_events.c): level, message, fields and what to do by id, so that nobody invents a
 * spelling. User agents, raw data and whole keys are never logged. */
#ifndef SOC_TELEMETRY_LOG_H
#define SOC_TELEMETRY_LOG_H

#include <stdint.h>

#include "shared/base/text.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR, LOG_LEVEL_COUNT };

enum log_event {
    LOG_STARTED,
    LOG_STOPPING,
    LOG_CLOSING,
    LOG_STOPPED,
    LOG_LEVEL_CHANGED,
    LOG_REDIS_UP,
    LOG_REDIS_DOWN,
    LOG_MASTER_FOUND,
    LOG_MASTER_UNKNOWN,
    LOG_REDIS_REPLY,
    LOG_WRONG_TYPE,
    LOG_REQUEST_REFUSED,
    LOG_REQUEST_FAILED,
    LOG_INTAKE_CLOSED,
    LOG_INTAKE_OPEN,
    LOG_COLLECTOR_DOWN,
    LOG_COLLECTOR_UP,
    LOG_CATALOG_READY,
    LOG_CATALOG_RESET,
    LOG_CLOCKS_APART,
    LOG_WEBSOCKET_DROPPED,
    LOG_LETTERS_REPLAYED,
    LOG_THREAT_COMPLETED,
    LOG_AGENT_UNAVAILABLE,
    LOG_ENTRY_FENCED,
    LOG_ENTRY_BURIED,
    LOG_ENTRIES_BURIED,
    LOG_LETTERS_DROPPED,
    LOG_ENTRIES_CLAIMED,
    LOG_ENTRIES_RELEASED,
    LOG_ENTRIES_REGAINED,
    LOG_ENTRIES_TRIMMED,
    LOG_LAG_REPAIRED,
    LOG_GROUP_CREATED,
    LOG_CONSUMERS_REMOVED,
    LOG_CONTEXT_LOADED,
    LOG_CONTEXT_COMPLAINT,
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

/* The least level that is written. */
enum log_level log_level(void);
void log_set_level(enum log_level level);
const char *log_level_word(enum log_level level);

/* Is this event written at the level in force? Ask before gathering costly fields. */
bool log_wants(enum log_event event);

/* log_write(LOG_REDIS_DOWN, LOG_STRING("reason", why)): fields after the event, none is fine; they are only
 * evaluated when the event is wanted. Texts are cut at 1 KiB and bytes that are not UTF-8 become U+FFFD; an
 * absent text is null; decimals have three places. A line is one write of at most 4 KiB: fields that do not
 * fit are left out and `truncated` is true. An event whose row says so is written at most once a second for
 * each value of some of its fields; `left_out` of the next line counts the others. Never waits: a line that
 * stdout does not take at once is dropped and counted. SIGPIPE is the program's to ignore. errno is kept. */
void log_write_fields(enum log_event event, const struct log_field *fields, unsigned count);
#define log_write(event, ...)                                                                                \
    do {                                                                                                     \
        if (log_wants(event))                                                                                \
            log_write_fields(                                                                                \
                event, (const struct log_field[]){{0}, ##__VA_ARGS__} + 1,                                   \
                sizeof((const struct log_field[]){{0}, ##__VA_ARGS__}) / sizeof(struct log_field) - 1);      \
    } while (0)

/* Tells what was left out of events that have not come again; from the loop, now and then. INT64_MAX: at the
 * end. */
void log_tick(int64_t now_ms);

/* Lines lost since the start. */
uint64_t log_dropped(void);

#endif
