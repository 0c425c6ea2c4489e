#include "shared/telemetry/log_events.h"

#define BOTH (PROGRAM_API | PROGRAM_WORKER)
#define API PROGRAM_API
#define WORKER PROGRAM_WORKER
#define DEBUG LOG_LEVEL_DEBUG
#define INFO LOG_LEVEL_INFO
#define WARNING LOG_LEVEL_WARNING
#define ERROR LOG_LEVEL_ERROR

static const char *const level_words[LOG_LEVEL_COUNT] = {"debug", "info", "warning", "error"};
const struct vocabulary log_levels = {"level", level_words, LOG_LEVEL_COUNT};

/* clang-format off */
const struct log_event_row log_events[LOG_EVENT_COUNT] = {
    [LOG_STARTED] = {"started", INFO, BOTH, "version pid port consumer redis", NULL, "nothing"},
    [LOG_STOPPING] = {"stopping", INFO, BOTH, "reason", NULL, "nothing"},
    [LOG_CLOSING] = {"closing", INFO, API, "requests websocket_clients", NULL, "nothing"},
    [LOG_STOPPED] = {"stopped", INFO, BOTH, "", NULL, "nothing"},
    [LOG_LEVEL_CHANGED] = {"log level changed", WARNING, BOTH, "from to for_seconds by", NULL,
        "nothing: it says why there are more or fewer lines from here on"},
    [LOG_REDIS_UP] = {"redis is up", INFO, BOTH, "connection", "connection", "nothing"},
    [LOG_REDIS_DOWN] = {"redis is down", WARNING, BOTH, "connection reason", "connection reason",
        "look at Redis; both programs go on by themselves when it is back"},
    [LOG_MASTER_FOUND] = {"master found", INFO, BOTH, "host port epoch sentinel sentinel_port", "",
        "nothing; many of them: the master keeps moving"},
    [LOG_MASTER_UNKNOWN] = {"sentinel does not know the master", WARNING, BOTH, "sentinel port master reason", "sentinel port",
        "compare the master's name in REDIS_URL with the Sentinel's configuration"},
    [LOG_REDIS_REPLY] = {"unexpected reply from redis", ERROR, BOTH, "command status reply", "command status",
        "read the reply: a right that the user lacks, a renamed command, another version of Redis"},
    [LOG_WRONG_TYPE] = {"a key in redis holds another type: move it out of the way", ERROR, BOTH, "command status reply", "command status",
        "find the key with scripts/doctor and rename it"},
    [LOG_REQUEST_REFUSED] = {"request refused", DEBUG, API, "route status duration_ms", "route status",
        "nothing: the answer told the caller what was wrong"},
    [LOG_REQUEST_FAILED] = {"request failed", WARNING, API, "route status duration_ms", "route status",
        "see /ready and the warnings before it: Redis is away or full, or too much waits"},
    [LOG_INTAKE_CLOSED] = {"signals are refused", WARNING, API, "reason", "reason",
        "more workers, or more memory for Redis; GET /api/backlog has the figures"},
    [LOG_INTAKE_OPEN] = {"signals are taken again", INFO, API, "", "", "nothing"},
    [LOG_COLLECTOR_DOWN] = {"the collector takes no spans", WARNING, BOTH, "reason http_status", "reason",
        "nothing is lost but spans; look at the collector, and at OTEL_EXPORTER_OTLP_ENDPOINT"},
    [LOG_COLLECTOR_UP] = {"the collector takes spans again", INFO, BOTH, "", "", "nothing"},
    [LOG_CATALOG_READY] = {"catalog is ready", INFO, API, "rows duration_ms", "", "nothing"},
    [LOG_CATALOG_RESET] = {"catalog is read again from the start", WARNING, API, "reason", "reason",
        "find out who emptied Redis or set it back"},
    [LOG_CLOCKS_APART] = {"nothing expires by age: redis' clock and ours are hours apart", WARNING, API, "redis_ahead_ms", "",
        "set the wrong one of the two clocks"},
    [LOG_WEBSOCKET_DROPPED] = {"websocket client dropped", INFO, API, "reason", "reason",
        "nothing; many slow ones: see SOC_WS_QUEUE_BYTES"},
    [LOG_LETTERS_REPLAYED] = {"dead letters are on the stream again", INFO, API, "count", NULL, "nothing"},
    [LOG_THREAT_COMPLETED] = {"threat analysed", DEBUG, WORKER, "threat_id trace_id span_id customer_name severity duration_ms", NULL, "nothing"},
    [LOG_AGENT_UNAVAILABLE] = {"agent unavailable", WARNING, WORKER, "threat_id trace_id span_id customer_name agent_name reason", "agent_name reason",
        "history that is late: look at Redis' latency; not loaded: look for a complaint about a context record"},
    [LOG_ENTRY_FENCED] = {"entry belongs to another consumer now, or is finished", WARNING, WORKER, "threat_id trace_id span_id customer_name entry reason", "reason",
        "nothing is lost; many of them: workers stand still for longer than SOC_SUSPECT_MS"},
    [LOG_ENTRY_BURIED] = {"entry moved to the dead letters", ERROR, WORKER, "threat_id trace_id span_id customer_name entry reason stage deliveries", "reason stage",
        "GET /api/dead-letters has what is wrong in detail; replay it after the fix"},
    [LOG_ENTRIES_BURIED] = {"entries that killed their workers moved to the dead letters", ERROR, WORKER, "count", "",
        "GET /api/dead-letters names them; a worker's last words are on its stderr"},
    [LOG_LETTERS_DROPPED] = {"oldest dead letters fell out", ERROR, WORKER, "count", "",
        "read, replay or delete dead letters before there are 100,000"},
    [LOG_ENTRIES_CLAIMED] = {"entries of another consumer claimed", INFO, WORKER, "owner count", NULL,
        "find out why that worker died"},
    [LOG_ENTRIES_RELEASED] = {"entries handed back", INFO, WORKER, "count", NULL, "nothing"},
    [LOG_ENTRIES_REGAINED] = {"entries that the group passed over taken back", WARNING, WORKER, "count", NULL,
        "find out who made or moved the consumer group"},
    [LOG_ENTRIES_TRIMMED] = {"entries were deleted from the stream before they were finished", ERROR, WORKER, "count", "",
        "find out who runs XTRIM or XDEL on the stream: these threats are not analysed"},
    [LOG_LAG_REPAIRED] = {"lag that Redis lost set right", WARNING, WORKER, "lag", "",
        "nothing after a failover of Redis; else find out who runs XTRIM on the stream"},
    [LOG_GROUP_CREATED] = {"consumer group created", WARNING, WORKER, "group", "",
        "nothing on a new Redis; else its data was lost or somebody destroyed the group"},
    [LOG_CONSUMERS_REMOVED] = {"consumers removed", INFO, WORKER, "count", "", "nothing"},
    [LOG_CONTEXT_LOADED] = {"context loaded", INFO, WORKER, "customers infra_events intel_entries duration_ms", "", "nothing"},
    [LOG_CONTEXT_COMPLAINT] = {"context record is not usable", WARNING, WORKER, "record name reason", "record reason",
        "write the record again, best over HTTP"},
};
/* clang-format on */

static const char *shown(const char *text) {
    return text == NULL || text[0] == '\0' ? "-" : text;
}

void log_events_print(enum program program, FILE *out) {
    for (int i = 0; i < LOG_EVENT_COUNT; i++) {
        const struct log_event_row *row = &log_events[i];
        const char *once_by = row->once_by == NULL ? "" : row->once_by[0] == '\0' ? "message" : row->once_by;
        if ((row->programs & program) != 0)
            fprintf(out, "%s\t%s\t%s\t%s\t%s\n", row->message, level_words[row->level], shown(row->fields),
                    shown(once_by), row->action);
    }
}
