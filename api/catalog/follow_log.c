#include "api/catalog/follow_log.h"

#include <stdlib.h>

#include "api/catalog/log_entry.h"
#include "lua/check_log_lua.h"
#include "shared/base/clock.h"
#include "shared/redis/tell_reply.h"
#include "shared/telemetry/log.h"

enum {
    ROWS_PER_READ = 2000,
    BLOCK_MS = 1000,
    CHECK_EVERY_MS = 2000,
    BLOCK_SLACK_MS = 2000,
    PAUSE_MS = 1000,        /* after an error, and between two resets */
    NO_SCRIPT_PAUSE_MS = 20 /* the link is loading it */
};

struct follower {
    struct link *const *link;
    const struct keyspace *keyspace;
    const struct follower_hooks *hooks;
    void *arg;
    struct stream_id position;
    uint64_t position_hash; /* of the row there */
    uint64_t added;         /* rows that the log had ever been given when the one at our position came */
    bool ready;
    bool broken; /* the log cannot be read */
    int64_t checked_ms;
    int64_t reset_ms;
    int64_t pause_until_ms; /* 0: a command is under way, or the link is down */
    struct command command;
};

const struct script *follower_script(void) {
    static struct script script;
    return script_once(&script, check_log_lua);
}

struct follower *follower_new(struct link *const *link, const struct keyspace *keyspace,
                              const struct follower_hooks *hooks, void *arg) {
    struct follower *follower = calloc(1, sizeof(*follower));
    if (follower == NULL)
        abort();
    *follower = (struct follower){.link = link,
                                  .keyspace = keyspace,
                                  .hooks = hooks,
                                  .arg = arg,
                                  .checked_ms = INT64_MIN / 2,
                                  .reset_ms = INT64_MIN / 2};
    return follower;
}

void follower_free(struct follower *follower) {
    if (follower == NULL)
        return;
    command_fini(&follower->command);
    free(follower);
}

bool follower_ready(const struct follower *follower) {
    return follower->ready && !follower->broken;
}

static bool has_begun(const struct follower *follower) {
    return follower->position.ms != 0 || follower->position.sequence != 0;
}

static void take_entries(struct follower *follower, const redisReply *entries) {
    struct log_entry entry;
    for (size_t i = 0; reply_is_array(entries, 1) && i < entries->elements; i++) {
        if (!log_entry_read(entries->element[i], &entry))
            continue;
        follower->position = entry.position;
        follower->position_hash = entry.hash;
        follower->added++;
        if (entry.readable)
            follower->hooks->on_row(follower->arg, entry.position, &entry.row,
                                    !follower->ready ? ROW_PAST
                                    : entry.again    ? ROW_REPEATED
                                                     : ROW_NEW);
    }
}

static void pause_for(struct follower *follower, int64_t pause_ms) {
    follower->pause_until_ms = clock_monotonic_ms() + pause_ms;
}

/* What Redis answers instead of the log; a lost connection comes back by itself. */
static void stumble(struct follower *follower, const char *what, enum status status,
                    const redisReply *reply) {
    if (status == STATUS_UNAVAILABLE)
        return;
    if (status == STATUS_NO_SCRIPT) {
        pause_for(follower, NO_SCRIPT_PAUSE_MS);
        return;
    }
    follower->broken = true;
    tell_reply(what, reply);
    pause_for(follower, PAUSE_MS);
}

static void read_on(struct follower *follower);
static void send_check(struct follower *follower);

/* XREAD → [[log, [[id, [name, value, …]], …]]], nil when there is nothing (yet). */
static void on_rows(void *arg, enum status status, const redisReply *reply) {
    struct follower *follower = arg;
    if (status != STATUS_OK) {
        stumble(follower, "XREAD", status, reply);
        return;
    }
    follower->broken = false;
    const redisReply *entries = NULL;
    if (reply_is_array(reply, 1) && reply_is_array(reply->element[0], 2))
        entries = reply->element[0]->element[1];
    take_entries(follower, entries);
    if (follower->ready || reply_is_array(entries, ROWS_PER_READ))
        read_on(follower);
    else
        send_check(follower); /* near the end of the log: is it whole? */
}

static void send_read(struct follower *follower) {
    char position[LOG_POSITION_TEXT_MAX];
    log_position_write(follower->position, position);
    command_begin(&follower->command, "XREAD");
    command_string(&follower->command, "COUNT");
    command_signed(&follower->command, ROWS_PER_READ);
    if (follower->ready) {
        command_string(&follower->command, "BLOCK");
        command_signed(&follower->command, BLOCK_MS);
    }
    command_words(&follower->command, "STREAMS", keyspace_fixed(follower->keyspace, KEY_LOG), position, NULL);
    link_send(*follower->link, command_finish(&follower->command), BLOCK_MS + BLOCK_SLACK_MS, on_rows,
              follower);
}

/* A log that is replaced all the time is not read all the time. */
static void start_over(struct follower *follower, const char *why) {
    int64_t now_ms = clock_monotonic_ms();
    bool soon = now_ms - follower->reset_ms < PAUSE_MS;
    follower->position = (struct stream_id){0, 0};
    follower->ready = false;
    follower->reset_ms = now_ms;
    log_write(LOG_CATALOG_RESET, LOG_STRING("reason", why));
    follower->hooks->on_reset(follower->arg, why);
    if (soon)
        pause_for(follower, PAUSE_MS);
    else
        send_check(follower);
}

static bool is_our_row(const struct follower *follower, const redisReply *found) {
    struct log_entry entry;
    return reply_is_array(found, 1) && log_entry_read(found->element[0], &entry) &&
           entry.hash == follower->position_hash;
}

/* The script's reply: rows ever added, rows there, the one at our position, those behind it. Between our
 * position and the end, the count must be ours: a log that was rolled back or begun anew has fewer. */
static void on_check(void *arg, enum status status, const redisReply *reply) {
    struct follower *follower = arg;
    if (status != STATUS_OK || !reply_is_array(reply, 4)) {
        stumble(follower, "EVALSHA", status == STATUS_OK ? STATUS_INTERNAL : status, reply);
        return;
    }
    follower->broken = false;
    follower->checked_ms = clock_monotonic_ms();
    uint64_t added = (uint64_t)reply_integer(reply->element[0], 0);
    uint64_t rows = (uint64_t)reply_integer(reply->element[1], 0);
    const redisReply *behind = reply->element[3];
    if (!has_begun(follower)) {
        follower->added = added - rows;
    } else if (!is_our_row(follower, reply->element[2])) {
        start_over(follower, "the log no longer holds the last row read");
        return;
    }
    take_entries(follower, behind);
    bool whole = !reply_is_array(behind, ROWS_PER_READ);
    if (whole && follower->added != added) {
        start_over(follower, "the log did not grow from the one that was read");
        return;
    }
    if (whole && !follower->ready) {
        follower->ready = true;
        follower->hooks->on_ready(follower->arg);
    }
    send_read(follower);
}

static void send_check(struct follower *follower) {
    char position[LOG_POSITION_TEXT_MAX];
    log_position_write(follower->position, position);
    command_begin_script(&follower->command, follower_script(), 1);
    command_words(&follower->command, keyspace_fixed(follower->keyspace, KEY_LOG), position, NULL);
    command_signed(&follower->command, ROWS_PER_READ);
    link_send(*follower->link, command_finish(&follower->command), LINK_DEADLINE_MS, on_check, follower);
}

static void read_on(struct follower *follower) {
    if (clock_monotonic_ms() - follower->checked_ms >= CHECK_EVERY_MS)
        send_check(follower);
    else
        send_read(follower);
}

void follower_link_up(struct follower *follower) {
    follower->pause_until_ms = 0;
    send_check(follower);
}

void follower_tick(struct follower *follower, int64_t now_ms) {
    if (follower->pause_until_ms == 0 || now_ms < follower->pause_until_ms || !link_is_up(*follower->link))
        return;
    follower->pause_until_ms = 0;
    send_check(follower);
}
