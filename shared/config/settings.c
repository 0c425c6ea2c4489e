#include "shared/config/settings.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/text.h"
#include "shared/config/redis_url.h"

#define BOTH (PROGRAM_API | PROGRAM_WORKER)
#define FIELD(name) offsetof(struct settings, name)

enum { TEXT_MAX = 4096, SHOWN_VALUE_MAX = 100 };

static bool accepts_redis_url(const char *value, const char **why) {
    struct redis_url url;
    return redis_url_parse(value, &url, why);
}

bool share_parse(const char *text, double *share) {
    char *end;
    if (text[strspn(text, "0123456789.")] != '\0')
        return false;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || value > 1)
        return false;
    *share = value;
    return true;
}

static bool accepts_share(const char *value, const char **why) {
    double share;
    *why = "a number from 0 to 1";
    return share_parse(value, &share);
}

static bool is_visible_ascii(struct text text) {
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] <= ' ' || text.at[i] > '~')
            return false;
    return true;
}

static bool accepts_visible(const char *value, const char **why) {
    *why = "only visible ASCII without blanks";
    return is_visible_ascii(text_of(value));
}

/* RFC 6454 section 6.2: scheme://host[:port] and nothing behind. */
static bool is_origin(struct text text) {
    const char *host = memmem(text.at, text.len, "://", 3);
    if (host == NULL || host == text.at || !is_visible_ascii(text))
        return false;
    size_t rest = text.len - (size_t)(host + 3 - text.at);
    return rest > 0 && memchr(host + 3, '/', rest) == NULL;
}

static bool accepts_origins(const char *value, const char **why) {
    *why = "* or a list of scheme://host[:port] with commas between, without blanks or trailing slashes";
    if (strcmp(value, "*") == 0 || value[0] == '\0')
        return true;
    for (const char *at = value;; at++) {
        const char *end = strchrnul(at, ',');
        if (!is_origin((struct text){at, (size_t)(end - at)}))
            return false;
        at = end;
        if (*at == '\0')
            return true;
    }
}

static bool accepts_endpoint(const char *value, const char **why) {
    size_t scheme = strncmp(value, "http://", 7) == 0 ? 7 : strncmp(value, "https://", 8) == 0 ? 8 : 0;
    *why = "http://host[:port][/path] or https://…, visible ASCII without ? and #";
    return value[0] == '\0' || (scheme > 0 && strchr("/:", value[scheme]) == NULL &&
                                is_visible_ascii(text_of(value)) && strpbrk(value, "?#") == NULL);
}

/* clang-format off */
const struct setting_row setting_rows[] = {
    {"REDIS_URL", BOTH, SETTING_TEXT, "redis://127.0.0.1:6379/0", "", 1, TEXT_MAX,
     "redis://[user:password@]host:port/db, unix:///path?db=N or redis+sentinel://[user:password@]host:port,host:port/master/db",
     FIELD(redis_url), true, accepts_redis_url},
    {"SOC_KEY_PREFIX", BOTH, SETTING_TEXT, "", "", 0, 64, /* KEY_PREFIX_MAX of shared/redis/keys.h */
     "goes before every key and channel in Redis", FIELD(key_prefix), false, accepts_visible},
    {"LOG_LEVEL", BOTH, SETTING_WORD, "info", "debug info warning error", 0, 0,
     "the least level that is logged", FIELD(log_level), false, NULL},
    {"OTEL_SERVICE_NAME", BOTH, SETTING_TEXT, "", "", 0, 255,
     "the component in logs, the service in traces; default: the program's name", FIELD(service_name), false, NULL},
    {"OTEL_EXPORTER_OTLP_ENDPOINT", BOTH, SETTING_TEXT, "", "", 0, TEXT_MAX,
     "collector that gets traces: OTLP/HTTP, JSON, at this URL's /v1/traces; default: no traces",
     FIELD(trace_endpoint), false, accepts_endpoint},
    {"OTEL_TRACES_SAMPLER_ARG", BOTH, SETTING_TEXT, "0.1", "", 1, 32,
     "share of the traces that is kept, 0 to 1, where the caller has not decided", FIELD(trace_share), false, accepts_share},
    {"SOC_TRACE_SLOW_MS", BOTH, SETTING_NUMBER, "1000", "ms", 1, 3600000,
     "a threat or request that takes longer is traced always, as a failed one is", FIELD(trace_slow_ms), false, NULL},
    {"SOC_PUBLISH_EVENTS", PROGRAM_WORKER, SETTING_SWITCH, "1", "", 0, 1,
     "publish every analysis on the channel threats:events", FIELD(publish_events), false, NULL},

    {"SOC_HTTP_HOST", PROGRAM_API, SETTING_TEXT, "127.0.0.1", "", 1, 255,
     "address to listen on; 0.0.0.0 or :: for all, as in a container", FIELD(http_host), false, accepts_visible},
    {"SOC_HTTP_PORT", PROGRAM_API, SETTING_NUMBER, "8000", "", 0, 65535,
     "port to listen on; 0 picks a free one", FIELD(http_port), false, NULL},
    {"SOC_TLS_CERT", PROGRAM_API, SETTING_TEXT, "", "", 0, TEXT_MAX,
     "file with the certificate chain (PEM): HTTPS and WSS", FIELD(tls_certificate), false, NULL},
    {"SOC_TLS_KEY", PROGRAM_API, SETTING_TEXT, "", "", 0, TEXT_MAX,
     "file with the certificate's key (PEM)", FIELD(tls_key), false, NULL},
    {"SOC_ALLOWED_ORIGINS", PROGRAM_API, SETTING_TEXT, "", "", 0, TEXT_MAX,
     "origins that may open /ws, commas between; * for all; default: the same host only",
     FIELD(allowed_origins), false, accepts_origins},
    {"SOC_OUTSTANDING_LIMIT", PROGRAM_API, SETTING_NUMBER, "1000000", "", 1, 1000000000,
     "threats that may wait; at more, signals are refused with 503", FIELD(outstanding_limit), false, NULL},
    {"SOC_MEMORY_LIMIT_PERCENT", PROGRAM_API, SETTING_NUMBER, "80", "%", 1, 100,
     "of Redis' maxmemory; at more, signals are refused with 503", FIELD(memory_limit_percent), false, NULL},
    {"SOC_WORKER_RATE", PROGRAM_API, SETTING_NUMBER, "2000", "", 1, 1000000,
     "threats a second that one worker is reckoned to do, for soc_required_workers", FIELD(worker_rate), false, NULL},
    {"SOC_DRAIN_BACKLOG_SECONDS", PROGRAM_API, SETTING_NUMBER, "60", "s", 1, 86400,
     "time in which the required workers clear a backlog", FIELD(drain_backlog_seconds), false, NULL},
    {"SOC_RETENTION_THREATS", PROGRAM_API, SETTING_NUMBER, "100000", "", 0, 1000000000,
     "finished threats that are kept, the newest; 0: any number", FIELD(retention_threats), false, NULL},
    {"SOC_RETENTION_DAYS", PROGRAM_API, SETTING_NUMBER, "90", "days", 0, 36500,
     "age at which a finished threat is forgotten, unless its customer says otherwise; 0: never",
     FIELD(retention_days), false, NULL},
    {"SOC_WAIT_REPLICAS", PROGRAM_API, SETTING_NUMBER, "0", "", 0, 100,
     "replicas that must confirm a signal before its 202; fewer: 503", FIELD(wait_replicas), false, NULL},
    {"SOC_WAIT_TIMEOUT_MS", PROGRAM_API, SETTING_NUMBER, "200", "ms", 1, 10000,
     "time they have for it", FIELD(wait_timeout_ms), false, NULL},
    {"SOC_DRAIN_DELAY_SECONDS", PROGRAM_API, SETTING_NUMBER, "0", "s", 0, 300,
     "time after SIGTERM in which it is unready but serves on", FIELD(drain_delay_seconds), false, NULL},
    {"SOC_WS_QUEUE_BYTES", PROGRAM_API, SETTING_NUMBER, "8388608", "bytes", 65536, 268435456,
     "how far a WebSocket client may fall behind before it is closed", FIELD(ws_queue_bytes), false, NULL},
    {"SOC_WS_PING_SECONDS", PROGRAM_API, SETTING_NUMBER, "25", "s", 1, 3600,
     "time between pings to a WebSocket client", FIELD(ws_ping_seconds), false, NULL},
    {"SOC_WS_CLIENTS_MAX", PROGRAM_API, SETTING_NUMBER, "20000", "", 1, 1000000,
     "WebSocket clients of one process", FIELD(ws_clients_max), false, NULL},
    {"SOC_WS_RESUME_EVENTS", PROGRAM_API, SETTING_NUMBER, "10000", "", 128, 1000000,
     "how far back in the log a WebSocket client may resume; further back it gets a reset",
     FIELD(ws_resume_events), false, NULL},

    {"SOC_ADMIN_HOST", PROGRAM_WORKER, SETTING_TEXT, "127.0.0.1", "", 1, 255,
     "address of /health, /ready and /metrics; 0.0.0.0 or :: for all", FIELD(admin_host), false, accepts_visible},
    {"SOC_ADMIN_PORT", PROGRAM_WORKER, SETTING_NUMBER, "9100", "", 0, 65535,
     "their port; 0 picks a free one", FIELD(admin_port), false, NULL},
    {"SOC_BATCH_SIZE", PROGRAM_WORKER, SETTING_NUMBER, "64", "", 1, 1000,
     "entries read at once", FIELD(batch_size), false, NULL},
    {"SOC_IN_FLIGHT", PROGRAM_WORKER, SETTING_NUMBER, "256", "", 2, 65536,
     "threats held at once", FIELD(in_flight), false, NULL},
    {"SOC_AGENT_DEADLINE_MS", PROGRAM_WORKER, SETTING_NUMBER, "500", "ms", 1, 60000,
     "time after which an agent counts as unavailable", FIELD(agent_deadline_ms), false, NULL},
    {"SOC_HEARTBEAT_MS", PROGRAM_WORKER, SETTING_NUMBER, "500", "ms", 10, 60000,
     "time between a worker's heartbeats", FIELD(heartbeat_ms), false, NULL},
    {"SOC_SUSPECT_MS", PROGRAM_WORKER, SETTING_NUMBER, "2500", "ms", 20, 600000,
     "silence after which a worker is taken for dead; more than a heartbeat", FIELD(suspect_ms), false, NULL},
    {"SOC_DELIVERY_LIMIT", PROGRAM_WORKER, SETTING_NUMBER, "5", "", 3, 1000,
     "failed deliveries after which an entry is a dead letter", FIELD(delivery_limit), false, NULL},
    {"SOC_DRAIN_DEADLINE_SECONDS", PROGRAM_WORKER, SETTING_NUMBER, "20", "s", 1, 3600,
     "time to finish after SIGTERM", FIELD(drain_deadline_seconds), false, NULL},
    {.name = NULL},
};
/* clang-format on */

const char *program_name(enum program program) {
    return program == PROGRAM_API ? "soc-api" : "soc-worker";
}

static int64_t *number_of(const struct setting_row *row, struct settings *settings) {
    return (int64_t *)((char *)settings + row->offset);
}

static const char **text_field_of(const struct setting_row *row, struct settings *settings) {
    return (const char **)((char *)settings + row->offset);
}

static bool store_number(const struct setting_row *row, const char *value, struct settings *settings) {
    unsigned long long number;
    if (!text_to_unsigned(text_of(value), (unsigned long long)row->max, &number) ||
        number < (unsigned long long)row->min)
        return false;
    *number_of(row, settings) = (int64_t)number;
    return true;
}

static bool store_switch(const struct setting_row *row, const char *value, struct settings *settings) {
    static const char *const words[][3] = {{"0", "false", "off"}, {"1", "true", "on"}};
    for (int64_t on = 0; on <= 1; on++)
        for (int i = 0; i < 3; i++)
            if (text_equal_ignoring_case(text_of(value), text_of(words[on][i]))) {
                *number_of(row, settings) = on;
                return true;
            }
    return false;
}

static bool store_word(const struct setting_row *row, const char *value, struct settings *settings) {
    for (const char *at = row->unit, *end; *at != '\0'; at = end + (*end != '\0')) {
        end = strchrnul(at, ' ');
        if (text_equal_ignoring_case(text_of(value), (struct text){at, (size_t)(end - at)})) {
            *text_field_of(row, settings) = value;
            return true;
        }
    }
    return false;
}

static bool store_text(const struct setting_row *row, const char *value, struct settings *settings) {
    if (strlen(value) > (size_t)row->max)
        return false;
    *text_field_of(row, settings) = value;
    return true;
}

/* What the kind allows, in words. */
static void print_allowed(const struct setting_row *row, char *out, size_t room) {
    switch (row->kind) {
    case SETTING_TEXT: snprintf(out, room, "at most %lld bytes", (long long)row->max); break;
    case SETTING_WORD: snprintf(out, room, "%s", row->unit); break;
    case SETTING_SWITCH: snprintf(out, room, "0 1 false true off on"); break;
    case SETTING_NUMBER:
        snprintf(out, room, "%lld to %lld%s%s", (long long)row->min, (long long)row->max,
                 row->unit[0] == '\0' ? "" : " ", row->unit);
    }
}

static bool store_value(const struct setting_row *row, const char *value, struct settings *settings) {
    switch (row->kind) {
    case SETTING_WORD: return store_word(row, value, settings);
    case SETTING_NUMBER: return store_number(row, value, settings);
    case SETTING_SWITCH: return store_switch(row, value, settings);
    case SETTING_TEXT: break;
    }
    return store_text(row, value, settings);
}

static bool read_row(const struct setting_row *row, const char *value, struct settings *settings,
                     FILE *complaints) {
    char allowed[128];
    const char *why = allowed;
    print_allowed(row, allowed, sizeof(allowed));
    if (store_value(row, value, settings) && (row->accepts == NULL || row->accepts(value, &why)))
        return true;
    if (row->secret)
        fprintf(complaints, "%s: the value (a secret) is not allowed: %s\n", row->name, why);
    else
        fprintf(complaints, "%s: \"%.*s\" is not allowed: %s\n", row->name, SHOWN_VALUE_MAX, value, why);
    return false;
}

static bool check_together(const struct settings *settings, FILE *complaints) {
    bool certificate = settings->tls_certificate[0] != '\0', key = settings->tls_key[0] != '\0';
    if (certificate != key)
        fprintf(complaints, "%s: must be set together with %s\n",
                certificate ? "SOC_TLS_KEY" : "SOC_TLS_CERT", certificate ? "SOC_TLS_CERT" : "SOC_TLS_KEY");
    bool patient = settings->suspect_ms > settings->heartbeat_ms;
    if (!patient)
        fprintf(complaints, "SOC_SUSPECT_MS: \"%lld\" is not allowed: more than SOC_HEARTBEAT_MS (%lld)\n",
                (long long)settings->suspect_ms, (long long)settings->heartbeat_ms);
    return certificate == key && patient;
}

bool settings_read(enum program program, struct settings *settings, FILE *complaints) {
    bool good = true;
    *settings = (struct settings){0};
    for (const struct setting_row *row = setting_rows; row->name != NULL; row++) {
        const char *value = (row->programs & program) != 0 ? getenv(row->name) : NULL;
        if (value == NULL || value[0] == '\0')
            value = row->fallback;
        good = read_row(row, value, settings, complaints) && good;
    }
    if (good && settings->service_name[0] == '\0')
        settings->service_name = program_name(program);
    return good && check_together(settings, complaints);
}

static const char *shown_fallback(const struct setting_row *row, enum program program) {
    if (row->offset == FIELD(service_name))
        return program_name(program);
    return row->fallback[0] == '\0' ? "-" : row->fallback;
}

void settings_print(enum program program, FILE *out) {
    fprintf(out, "%s reads its settings from the environment; an empty variable counts as unset.\n\n",
            program_name(program));
    fprintf(out, "%-27s %-25s %-28s %s\n", "VARIABLE", "DEFAULT", "ALLOWED", "MEANING");
    for (const struct setting_row *row = setting_rows; row->name != NULL; row++) {
        char allowed[128];
        print_allowed(row, allowed, sizeof(allowed));
        if ((row->programs & program) != 0)
            fprintf(out, "%-27s %-25s %-28s %s\n", row->name, shown_fallback(row, program), allowed,
                    row->help);
    }
}
