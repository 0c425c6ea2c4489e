/* Every setting is an environment variable and one row of the table in settings.c: name, which program reads
 * it, default, unit, bounds, help. `--help` prints the table. */
#ifndef SOC_CONFIG_SETTINGS_H
#define SOC_CONFIG_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum program { PROGRAM_API = 1, PROGRAM_WORKER = 2 };

enum setting_kind {
    SETTING_TEXT,
    SETTING_WORD, /* one of the words of `unit`, in any case */
    SETTING_NUMBER,
    SETTING_SWITCH /* 0/1, true/false, on/off */
};

struct settings {
    /* both */
    const char *redis_url;
    const char *key_prefix;
    const char *log_level;
    const char *service_name;
    const char *trace_endpoint; /* "": no traces */
    const char *trace_share;    /* share_parse reads it */
    int64_t trace_slow_ms;
    /* soc-api */
    const char *http_host;
    int64_t http_port;
    const char *tls_certificate;
    const char *tls_key;
    const char *allowed_origins;
    int64_t outstanding_limit;
    int64_t memory_limit_percent;
    int64_t retention_threats;
    int64_t retention_days;
    int64_t worker_rate;
    int64_t drain_backlog_seconds;
    int64_t wait_replicas;
    int64_t wait_timeout_ms;
    int64_t drain_delay_seconds;
    int64_t ws_queue_bytes;
    int64_t ws_ping_seconds;
    int64_t ws_clients_max;
    int64_t ws_resume_events;
    /* soc-worker */
    const char *admin_host;
    int64_t admin_port;
    int64_t publish_events;
    int64_t batch_size;
    int64_t in_flight;
    int64_t agent_deadline_ms;
    int64_t heartbeat_ms;
    int64_t suspect_ms;
    int64_t delivery_limit;
    int64_t drain_deadline_seconds;
};

struct setting_row {
    const char *name; /* of the environment variable */
    unsigned programs;
    enum setting_kind kind;
    const char *fallback;
    const char *unit; /* "" when the number is a count or it is a text; a word's choices, blank between */
    int64_t min, max; /* numbers; for texts the longest length is max */
    const char *help;
    size_t offset; /* in struct settings */
    bool secret;   /* never printed */
    /* What else a text must be: false with a fixed sentence that does not repeat it. NULL: nothing. */
    bool (*accepts)(const char *value, const char **why);
};

/* Ends with a row whose name is NULL. */
extern const struct setting_row setting_rows[];

/* Reads the environment for `program`; an empty variable counts as unset, and what only the other program
 * reads has its default. For each bad value prints one line naming the variable, the value (unless secret)
 * and what is allowed to `complaints`, and returns false. Texts point into the environment or the table and
 * are never NULL. */
bool settings_read(enum program program, struct settings *settings, FILE *complaints);

/* soc-api or soc-worker. */
const char *program_name(enum program program);

/* The table of the program's settings with their defaults, for --help. */
void settings_print(enum program program, FILE *out);

/* A plain decimal number from 0 to 1. */
bool share_parse(const char *text, double *share);

#endif
