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
#include "shared/base/clock.h"
#include "shared/redis/tell_reply.h"
#include "shared/telemetry/log.h"
#include "shared/telemetry/metrics.h"

enum {
    ROUND_MS = 1000,
    LEASE_MS = 3 * ROUND_MS,
    CATCH_UP_MS = 5000,
    WALK_EVERY_MS = 60000, /* over all rows, for customers with a retention of their own */
    IDS_PER_SCRIPT = 100,
    EXPIRES_PER_STEP = 3,
    TRIMS_PER_STEP = 2,
    ROWS_PER_TRIM = 500,
    ROWS_PER_LOOK = 20000,
    KEYS_PER_SCAN = 500,
    YOUNG_MS = 5000,
    REST_MAX_MS = 10,
    CLOCKS_APART_MAX_MS = 2 * 60 * 60 * 1000,
    CURSOR_MAX = 24
};

enum { SCRIPT_LEASE, SCRIPT_EXPIRE, SCRIPT_TRIM, SCRIPT_HISTORIES };

/* Rounds follow each other while there is something to do; between two stages nothing is under way. */
enum upkeep_stage {
    UPKEEP_RESTS,
    UPKEEP_WORKS, /* threats expire, as the walk finds them, and the log is cut; step by step */
    UPKEEP_SCANS  /* one step of the walk over the histories */
};

struct upkeep {
    struct upkeep_options options;
    enum upkeep_stage stage;
    unsigned awaited; /* replies of the step under way */
    bool stepped;     /* a step is under way or has just ended */
    bool failed;      /* one of its replies was none to go on with */
    int64_t now_ms, round_ms, step_ms, rest_until_ms, walked_ms;
    int64_t redis_ms; /* Redis' clock at the round's begin */
    bool clocks_agree;
    bool log_is_cut; /* as far as it can be */
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
    upkeep->clocks_agree = true;
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

static void ask(struct upkeep *upkeep, link_reply on_reply) {
    if (link_send(*upkeep->options.link, command_finish(&upkeep->command), LINK_DEADLINE_MS, on_reply,
                  upkeep) == STATUS_OK)
        upkeep->awaited++;
    else
        upkeep->failed = true;
}

static bool is_good(struct upkeep *upkeep, const char *what, enum status status, const redisReply *reply) {
    upkeep->awaited--;
    if (status == STATUS_OK)
        return true;
    if (reply != NULL && status != STATUS_NO_SCRIPT)
        tell_reply(what, reply);
    upkeep->failed = true;
    return false;
}

static long long number_at(const redisReply *reply, size_t at) {
    return reply_is_array(reply, at + 1) ? reply_integer(reply->element[at], 0) : 0;
}

/* --- expiry --- */

static void on_expired(void *arg, enum status status, const redisReply *reply) {
    struct upkeep *upkeep = arg;
    if (!is_good(upkeep, "expire_threats", status, reply))
        return;
    metrics_add(METRIC_EXPIRED, 0, 0, (uint64_t)number_at(reply, 0));
    if (number_at(reply, 1) > 0)
        own_retention_hurry(upkeep->own, upkeep->now_ms);
}

static void add_keys(struct upkeep *upkeep, const struct expired_row *row) {
    const struct keyspace *keyspace = upkeep->options.keyspace;
    buffer_clear(&upkeep->key);
    keyspace_threat(keyspace, &row->id, &upkeep->key);
    command_text(&upkeep->command, buffer_text(&upkeep->key));
    buffer_clear(&upkeep->key);
    keyspace_customer(keyspace, row->customer_id, &upkeep->key);
    command_text(&upkeep->command, buffer_text(&upkeep->key));
}

static void add_words(struct upkeep *upkeep, const struct expired_row *row) {
    char id[UUID_LENGTH];
    uuid_write(&row->id, id);
    command_text(&upkeep->command, (struct text){id, UUID_LENGTH});
    if (row->is_surplus)
        command_string(&upkeep->command, "");
    else
        command_signed(&upkeep->command, row->created_at_ms);
}

static void expire_some(struct upkeep *upkeep) {
    struct expired_row rows[IDS_PER_SCRIPT];
    const struct keyspace *keyspace = upkeep->options.keyspace;
    unsigned count = catalog_find_expired(upkeep->options.catalog, &upkeep->retention, &upkeep->walk,
                                          ROWS_PER_LOOK, rows, IDS_PER_SCRIPT);
    if (count == 0)
        return;
    command_begin_script(&upkeep->command, upkeep_scripts()[SCRIPT_EXPIRE], 2 * (int)count + 2);
    command_words(&upkeep->command, keyspace_fixed(keyspace, KEY_BY_CREATED),
                  keyspace_fixed(keyspace, KEY_LOG), NULL);
    for (unsigned i = 0; i < count; i++)
        add_keys(upkeep, &rows[i]);
    command_signed(&upkeep->command, upkeep->retention.ms);
    for (unsigned i = 0; i < count; i++)
        add_words(upkeep, &rows[i]);
    upkeep->last_expired = rows[count - 1].id;
    upkeep->log_is_cut = false;
    ask(upkeep, on_expired);
}

/* --- the log --- */

static void on_trimmed(void *arg, enum status status, const redisReply *reply) {
    struct upkeep *upkeep = arg;
    if (is_good(upkeep, "trim_log", status, reply))
        upkeep->log_is_cut = number_at(reply, 1) == 0;
}

static void trim(struct upkeep *upkeep) {
    command_begin_script(&upkeep->command, upkeep_scripts()[SCRIPT_TRIM], 2);
    command_words(&upkeep->command, keyspace_fixed(upkeep->options.keyspace, KEY_LOG),
                  keyspace_fixed(upkeep->options.keyspace, KEY_BY_CREATED), NULL);
    command_string(&upkeep->command, keyspace_threat_start(upkeep->options.keyspace));
    command_signed(&upkeep->command, ROWS_PER_TRIM);
    command_signed(&upkeep->command, (int64_t)catalog_size(upkeep->options.catalog).rows);
    command_signed(&upkeep->command, upkeep->redis_ms - YOUNG_MS);
    ask(upkeep, on_trimmed);
}

/* --- histories --- */

static void on_scanned(void *arg, enum status status, const redisReply *reply) {
    struct upkeep *upkeep = arg;
    if (!is_good(upkeep, "expire_histories", status, reply))
        return;
    struct text cursor = reply_is_array(reply, 2) ? reply_text(reply->element[0]) : TEXT_LITERAL("0");
    snprintf(upkeep->scan_cursor, sizeof(upkeep->scan_cursor), "%.*s", (int)cursor.len, cursor.at);
}

static bool ages_count(const struct upkeep *upkeep) {
    return upkeep->clocks_agree && own_retention_is_known(upkeep->own);
}

static void scan(struct upkeep *upkeep) {
    upkeep->stage = UPKEEP_RESTS;
    if (upkeep->retention.longest_ms == 0 || !ages_count(upkeep))
        return;
    command_begin_script(&upkeep->command, upkeep_scripts()[SCRIPT_HISTORIES], 1);
    command_string(&upkeep->command, keyspace_fixed(upkeep->options.keyspace, KEY_INCIDENTS));
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

/* Nothing is removed by age while Redis' clock and ours are hours apart: one of them is wrong. */
static void compare_clocks(struct upkeep *upkeep) {
    int64_t apart_ms = upkeep->redis_ms - clock_wall_ms();
    bool agree = apart_ms < CLOCKS_APART_MAX_MS && apart_ms > -CLOCKS_APART_MAX_MS;
    if (!agree && upkeep->clocks_agree)
        log_write(LOG_CLOCKS_APART, LOG_NUMBER("redis_ahead_ms", apart_ms));
    upkeep->clocks_agree = agree;
}

static void on_lease(void *arg, enum status status, const redisReply *reply) {
    struct upkeep *upkeep = arg;
    if (!is_good(upkeep, "hold_lease", status, reply))
        return;
    upkeep->redis_ms = reply_integer(reply, 0);
    if (upkeep->redis_ms == 0)
        return;
    compare_clocks(upkeep);
    bool all = upkeep->retention.own_count > 0 && upkeep->now_ms - upkeep->walked_ms >= WALK_EVERY_MS;
    upkeep->walk = (struct expiry_walk){.now_ms = upkeep->redis_ms,
                                        .surplus = surplus_of(upkeep),
                                        .by_age = ages_count(upkeep),
                                        .to_the_end = all};
    upkeep->log_is_cut = false;
    upkeep->stage = UPKEEP_WORKS;
}

/* The catalog has dropped what the last round expired; else it would be found again. */
static bool has_caught_up(const struct upkeep *upkeep) {
    struct log_row row;
    return upkeep->now_ms - upkeep->round_ms > CATCH_UP_MS ||
           !catalog_find(upkeep->options.catalog, &upkeep->last_expired, &row);
}

static void begin_round(struct upkeep *upkeep) {
    if (upkeep->now_ms - upkeep->round_ms < ROUND_MS || !has_caught_up(upkeep))
        return;
    upkeep->round_ms = upkeep->now_ms;
    command_begin_script(&upkeep->command, upkeep_scripts()[SCRIPT_LEASE], 1);
    command_words(&upkeep->command, keyspace_fixed(upkeep->options.keyspace, KEY_UPKEEP), upkeep->holder,
                  NULL);
    command_signed(&upkeep->command, LEASE_MS);
    ask(upkeep, on_lease);
}

/* A round is no longer than its lease allows; what is left is the next one's. */
static void work(struct upkeep *upkeep) {
    if (upkeep->now_ms - upkeep->round_ms >= ROUND_MS) {
        upkeep->stage = UPKEEP_SCANS;
        return;
    }
    for (int i = 0; i < EXPIRES_PER_STEP && !upkeep->walk.ended; i++)
        expire_some(upkeep);
    if (upkeep->walk.ended && upkeep->walk.by_age && upkeep->walk.to_the_end) {
        upkeep->walked_ms = upkeep->now_ms;
        upkeep->walk.to_the_end = false;
    }
    for (int i = 0; i < TRIMS_PER_STEP && !upkeep->log_is_cut; i++)
        trim(upkeep);
    if (upkeep->walk.ended && upkeep->log_is_cut)
        upkeep->stage = UPKEEP_SCANS;
}

/* As long as a step took, Redis is left to others; one that took long waited for them. */
static void end_step(struct upkeep *upkeep) {
    int64_t took_ms = upkeep->now_ms - upkeep->step_ms;
    upkeep->stepped = false;
    upkeep->rest_until_ms = upkeep->now_ms + (took_ms < REST_MAX_MS ? took_ms : REST_MAX_MS);
    if (upkeep->failed)
        upkeep->stage = UPKEEP_RESTS;
    upkeep->failed = false;
}

void upkeep_turn(struct upkeep *upkeep, int64_t now_ms, bool whole) {
    upkeep->now_ms = now_ms;
    if (upkeep->awaited > 0)
        return;
    if (upkeep->stepped)
        end_step(upkeep);
    if (!whole || !link_is_up(*upkeep->options.link)) {
        upkeep->stage = UPKEEP_RESTS;
        return;
    }
    own_retention_read_on(upkeep->own, &upkeep->retention, now_ms);
    if (now_ms < upkeep->rest_until_ms)
        return;
    switch (upkeep->stage) {
    case UPKEEP_RESTS: begin_round(upkeep); break;
    case UPKEEP_WORKS: work(upkeep); break;
    case UPKEEP_SCANS: scan(upkeep); break;
    }
    upkeep->stepped = upkeep->awaited > 0 || upkeep->failed;
    upkeep->step_ms = now_ms;
}

void upkeep_forget(struct upkeep *upkeep) {
    retention_forget(&upkeep->retention);
    own_retention_begin(upkeep->own);
    upkeep->stage = UPKEEP_RESTS;
    upkeep->walked_ms = 0;
}
