#include "api/upkeep/upkeep.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/catalog/find_expired.h"
#include "api/catalog/stats.h"
#include "api/upkeep/own_retention.h"
#include "lua/expire_histories_lua.h"
#include "lua/expire_threats_lua.h"
#include "lua/hold_lease_lua.h"
#include "lua/trim_log_lua.h"
#include "shared/telemetry/log.h"
#include "shared/telemetry/metrics.h"

enum {
    ROUND_EVERY_MS = 1000,
    LEASE_MS = 3000,
    CATCH_UP_MS = 5000,
    WALK_EVERY_MS = 60000, /* over all rows, for customers with a retention of their own */
    IDS_PER_SCRIPT = 100,
    ROWS_PER_LOOK = 20000,
    ROWS_PER_TRIM = 500,
    STEPS_PER_ROUND = 400,
    KEYS_PER_SCAN = 500,
    YOUNG_MS = 5000,
    CURSOR_MAX = 24
};

enum { SCRIPT_LEASE, SCRIPT_EXPIRE, SCRIPT_TRIM, SCRIPT_HISTORIES };

/* What a round does, in this order; between two stages nothing is under way. */
enum upkeep_stage {
    UPKEEP_RESTS,
    UPKEEP_EXPIRES, /* threats, as the walk finds them */
    UPKEEP_TRIMS,   /* the log */
    UPKEEP_SCANS    /* one step of the walk over the histories */
};

struct upkeep {
    struct upkeep_options options;
    enum upkeep_stage stage;
    bool awaiting; /* a reply */
    unsigned steps;
    int64_t tick_ms, round_at_ms, walked_ms;
    int64_t redis_ms; /* of this round */
    struct retention retention;
    struct own_retention_reader *own;
    struct expiry_walk walk;
    struct uuid last_expired;
    char scan_cursor[CURSOR_MAX];
    char holder[64];
    struct command command;
    struct buffer key;
};

const struct script *const *upkeep_scripts(void) {
    static struct script scripts[UPKEEP_SCRIPTS];
    static const struct script *rows[UPKEEP_SCRIPTS];
    rows[SCRIPT_LEASE] = script_once(&scripts[SCRIPT_LEASE], hold_lease_lua);
    rows[SCRIPT_EXPIRE] = script_once(&scripts[SCRIPT_EXPIRE], expire_threats_lua);
    rows[SCRIPT_TRIM] = script_once(&scripts[SCRIPT_TRIM], trim_log_lua);
    rows[SCRIPT_HISTORIES] = script_once(&scripts[SCRIPT_HISTORIES], expire_histories_lua);
    return rows;
}

struct upkeep *upkeep_new(const struct upkeep_options *options) {
    struct upkeep *upkeep = calloc(1, sizeof(*upkeep));
    char host[40] = "";
    if (upkeep == NULL)
        abort();
    gethostname(host, sizeof(host) - 1);
    upkeep->options = *options;
    upkeep->retention.ms = upkeep->retention.longest_ms = options->retention_days * 24 * 60 * 60 * 1000;
    upkeep->own = own_retention_reader_new(options->link, options->keyspace, options->catalog);
    snprintf(upkeep->holder, sizeof(upkeep->holder), "%s-%d", host, (int)getpid());
    snprintf(upkeep->scan_cursor, sizeof(upkeep->scan_cursor), "0");
    return upkeep;
}

void upkeep_free(struct upkeep *upkeep) {
    if (upkeep == NULL)
        return;
    own_retention_reader_free(upkeep->own);
    retention_fini(&upkeep->retention);
    command_fini(&upkeep->command);
    buffer_fini(&upkeep->key);
    free(upkeep);
}

static void end_round(struct upkeep *upkeep) {
    upkeep->stage = UPKEEP_RESTS;
    upkeep->round_at_ms = upkeep->tick_ms + ROUND_EVERY_MS;
}

static void ask(struct upkeep *upkeep, link_reply on_reply) {
    upkeep->awaiting = link_send(*upkeep->options.link, command_finish(&upkeep->command), LINK_DEADLINE_MS,
                                 on_reply, upkeep) == STATUS_OK;
    if (!upkeep->awaiting)
        end_round(upkeep);
}

/* A reply is in; false when it is none to go on with, and the round is over. */
static bool goes_on(struct upkeep *upkeep, const char *what, enum status status, const redisReply *reply) {
    upkeep->awaiting = false;
    if (status == STATUS_OK)
        return true;
    if (reply != NULL && status != STATUS_NO_SCRIPT)
        log_write(LOG_REDIS_REPLY, LOG_STRING("command", what), LOG_TEXT("reply", reply_text(reply)));
    end_round(upkeep);
    return false;
}

/* --- expiry --- */

static void add_threat_key(struct upkeep *upkeep, const struct uuid *id) {
    buffer_clear(&upkeep->key);
    keyspace_threat(upkeep->options.keyspace, id, &upkeep->key);
    command_text(&upkeep->command, buffer_text(&upkeep->key));
}

static void on_expired(void *arg, enum status status, const redisReply *reply) {
    struct upkeep *upkeep = arg;
    if (goes_on(upkeep, "expire_threats", status, reply))
        metrics_add(METRIC_EXPIRED, 0, 0, (uint64_t)reply_integer(reply, 0));
}

static void expire(struct upkeep *upkeep) {
    struct uuid ids[IDS_PER_SCRIPT];
    char text[UUID_LENGTH];
    const struct keyspace *keyspace = upkeep->options.keyspace;
    unsigned count = catalog_find_expired(upkeep->options.catalog, &upkeep->retention, &upkeep->walk,
                                          ROWS_PER_LOOK, ids, IDS_PER_SCRIPT);
    if (upkeep->walk.ended || upkeep->steps > STEPS_PER_ROUND) {
        upkeep->walked_ms =
            upkeep->walk.to_the_end && upkeep->walk.ended ? upkeep->tick_ms : upkeep->walked_ms;
        upkeep->stage = UPKEEP_TRIMS;
    }
    if (count == 0)
        return;
    command_begin_script(&upkeep->command, upkeep_scripts()[SCRIPT_EXPIRE], (int)count + 2);
    command_words(&upkeep->command, keyspace_fixed(keyspace, KEY_BY_CREATED),
                  keyspace_fixed(keyspace, KEY_LOG), NULL);
    for (unsigned i = 0; i < count; i++)
        add_threat_key(upkeep, &ids[i]);
    for (unsigned i = 0; i < count; i++) {
        uuid_write(&ids[i], text);
        command_text(&upkeep->command, (struct text){text, UUID_LENGTH});
    }
    upkeep->last_expired = ids[count - 1];
    ask(upkeep, on_expired);
}

/* --- the log --- */

static void on_trimmed(void *arg, enum status status, const redisReply *reply) {
    struct upkeep *upkeep = arg;
    if (!goes_on(upkeep, "trim_log", status, reply))
        return;
    bool more = reply_is_array(reply, 2) && reply_integer(reply->element[1], 0) == 1;
    if (!more || upkeep->steps > 2 * STEPS_PER_ROUND)
        upkeep->stage = UPKEEP_SCANS;
}

static void trim(struct upkeep *upkeep) {
    struct catalog_size size = catalog_size(upkeep->options.catalog);
    command_begin_script(&upkeep->command, upkeep_scripts()[SCRIPT_TRIM], 1);
    command_string(&upkeep->command, keyspace_fixed(upkeep->options.keyspace, KEY_LOG));
    buffer_clear(&upkeep->key);
    keyspace_threat_start(upkeep->options.keyspace, &upkeep->key);
    command_text(&upkeep->command, buffer_text(&upkeep->key));
    command_signed(&upkeep->command, ROWS_PER_TRIM);
    command_signed(&upkeep->command, (int64_t)size.rows);
    command_signed(&upkeep->command, upkeep->redis_ms - YOUNG_MS);
    ask(upkeep, on_trimmed);
}

/* --- histories --- */

static void on_scanned(void *arg, enum status status, const redisReply *reply) {
    struct upkeep *upkeep = arg;
    if (!goes_on(upkeep, "expire_histories", status, reply))
        return;
    struct text cursor = reply_is_array(reply, 2) ? reply_text(reply->element[0]) : TEXT_LITERAL("0");
    snprintf(upkeep->scan_cursor, sizeof(upkeep->scan_cursor), "%.*s", (int)cursor.len, cursor.at);
    end_round(upkeep);
}

static void scan(struct upkeep *upkeep) {
    if (upkeep->retention.longest_ms == 0) {
        end_round(upkeep);
        return;
    }
    command_begin_script(&upkeep->command, upkeep_scripts()[SCRIPT_HISTORIES], 0);
    command_string(&upkeep->command, upkeep->scan_cursor);
    buffer_clear(&upkeep->key);
    keyspace_history_pattern(upkeep->options.keyspace, &upkeep->key);
    command_text(&upkeep->command, buffer_text(&upkeep->key));
    command_signed(&upkeep->command, KEYS_PER_SCAN);
    command_signed(&upkeep->command, upkeep->redis_ms - upkeep->retention.longest_ms);
    ask(upkeep, on_scanned);
}

/* --- the round --- */

static uint64_t surplus_of(const struct upkeep *upkeep) {
    const struct stats *stats = catalog_stats(upkeep->options.catalog);
    uint64_t finished = stats->by_status[THREAT_COMPLETED] + stats->by_status[THREAT_FAILED];
    uint64_t max = upkeep->options.threats_max;
    return max == 0 || finished <= max ? 0 : finished - max;
}

static void on_lease(void *arg, enum status status, const redisReply *reply) {
    struct upkeep *upkeep = arg;
    if (!goes_on(upkeep, "hold_lease", status, reply))
        return;
    upkeep->redis_ms = reply_integer(reply, 0);
    if (upkeep->redis_ms == 0) {
        end_round(upkeep);
        return;
    }
    bool all = upkeep->retention.own_count > 0 && upkeep->tick_ms - upkeep->walked_ms >= WALK_EVERY_MS;
    upkeep->walk =
        (struct expiry_walk){.now_ms = upkeep->redis_ms, .surplus = surplus_of(upkeep), .to_the_end = all};
    upkeep->stage = UPKEEP_EXPIRES;
}

/* The catalog has dropped what the last round expired; else it would be found again. */
static bool has_caught_up(const struct upkeep *upkeep) {
    struct log_row row;
    return upkeep->tick_ms - upkeep->round_at_ms > CATCH_UP_MS ||
           !catalog_find(upkeep->options.catalog, &upkeep->last_expired, &row);
}

static void begin_round(struct upkeep *upkeep) {
    upkeep->steps = 0;
    command_begin_script(&upkeep->command, upkeep_scripts()[SCRIPT_LEASE], 1);
    command_words(&upkeep->command, keyspace_fixed(upkeep->options.keyspace, KEY_UPKEEP), upkeep->holder,
                  NULL);
    command_signed(&upkeep->command, LEASE_MS);
    ask(upkeep, on_lease);
}

void upkeep_tick(struct upkeep *upkeep, int64_t now_ms, bool whole) {
    upkeep->tick_ms = now_ms;
    if (!link_is_up(*upkeep->options.link) || upkeep->awaiting)
        return;
    if (!whole) {
        end_round(upkeep);
        return;
    }
    own_retention_read_on(upkeep->own, &upkeep->retention, now_ms);
    upkeep->steps++;
    switch (upkeep->stage) {
    case UPKEEP_RESTS:
        if (now_ms >= upkeep->round_at_ms && has_caught_up(upkeep))
            begin_round(upkeep);
        break;
    case UPKEEP_EXPIRES: expire(upkeep); break;
    case UPKEEP_TRIMS: trim(upkeep); break;
    case UPKEEP_SCANS: scan(upkeep); break;
    }
}
