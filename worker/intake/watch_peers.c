#include "worker/intake/watch_peers.h"

#include <stdlib.h>

#include "lua/count_heartbeat_lua.h"
#include "lua/leave_group_lua.h"
#include "lua/reap_consumers_lua.h"
#include "shared/telemetry/log.h"
#include "worker/intake/claim_entries.h"
#include "worker/intake/recover_entries.h"

enum {
    REAP_LEASE_MS = 5000,
    REAP_PERIOD_MS = 1000,
    REAP_AGAIN_MS = 250,
    REAP_MAX = 1000, /* consumers removed at once */
    DEAD_MAX = 500,  /* heartbeats removed at once */
    VANISHED_LOOKS = 2,
    SURPLUS_LOOKS = 10
};

enum { SCRIPT_REAP, SCRIPT_LEAVE, SCRIPT_BEAT };

struct watch {
    struct intake *intake;
    struct peers *peers;
    unsigned own_surplus; /* looks in a row that saw more pending for us than we hold */
    bool looking;
    int64_t beat_at_ms, look_at_ms, reap_at_ms;
    struct command command;
    void (*left)(void *arg);
    void *left_arg;
};

const struct script *const *watch_scripts(void) {
    static struct script scripts[WATCH_SCRIPTS];
    static const struct script *rows[WATCH_SCRIPTS];
    rows[SCRIPT_REAP] = script_once(&scripts[SCRIPT_REAP], reap_consumers_lua);
    rows[SCRIPT_LEAVE] = script_once(&scripts[SCRIPT_LEAVE], leave_group_lua);
    rows[SCRIPT_BEAT] = script_once(&scripts[SCRIPT_BEAT], count_heartbeat_lua);
    return rows;
}

struct watch *watch_new(struct intake *intake) {
    struct watch *watch = calloc(1, sizeof(*watch));
    if (watch == NULL)
        abort();
    watch->intake = intake;
    watch->peers = peers_new();
    return watch;
}

void watch_free(struct watch *watch) {
    if (watch == NULL)
        return;
    peers_free(watch->peers);
    command_fini(&watch->command);
    free(watch);
}

const struct peers *watch_peers(const struct watch *watch) {
    return watch->peers;
}

static const char *key(const struct watch *watch, enum fixed_key which) {
    return keyspace_fixed(&watch->intake->keyspace, which);
}

static enum status send(struct watch *watch, link_reply on_reply) {
    return link_send(watch->intake->commands, command_finish(&watch->command), LINK_DEADLINE_MS, on_reply,
                     watch);
}

/* --- who is dead --- */

/* Holds what was handed back, or what waits for workers that know its version. */
static bool is_holder(const struct peer *peer, bool *ours) {
    static const char newer[] = NEWER_CONSUMERS;
    unsigned long long version;
    *ours = strcmp(peer->name, RELEASED_CONSUMER) == 0;
    if (*ours)
        return true;
    if (strncmp(peer->name, newer, sizeof(newer) - 1) != 0)
        return false;
    *ours = text_to_unsigned(text_of(peer->name + sizeof(newer) - 1), ENTRY_VERSION, &version);
    return true;
}

static unsigned looks_until_dead(const struct watch *watch, const struct peer *peer) {
    const struct settings *settings = watch->intake->settings;
    if (peer->heartbeat[0] == '\0') /* left in order, or was removed: nobody beats for it */
        return VANISHED_LOOKS;
    return (unsigned)((settings->suspect_ms + settings->heartbeat_ms - 1) / settings->heartbeat_ms);
}

bool watch_is_dead(const struct watch *watch, const struct peer *peer) {
    bool ours;
    if (is_holder(peer, &ours))
        return ours;
    return strcmp(peer->name, watch->intake->consumer) != 0 &&
           peer->unchanged >= looks_until_dead(watch, peer);
}

/* --- reaping --- */

static void on_reaped(void *arg, enum status status, const redisReply *reply) {
    struct watch *watch = arg;
    long long removed = status == STATUS_OK ? reply_integer(reply, 0) : 0;
    if (removed > 0)
        log_write(LOG_CONSUMERS_REMOVED, LOG_NUMBER("count", removed));
    if (removed == REAP_MAX) /* there are more: as soon as the script's lease allows */
        watch->reap_at_ms -= REAP_PERIOD_MS - REAP_AGAIN_MS;
}

static void reap(struct watch *watch) {
    unsigned dead = 0;
    command_begin_script(&watch->command, watch_scripts()[SCRIPT_REAP], 3);
    command_words(&watch->command, key(watch, KEY_STREAM), key(watch, KEY_WORKERS), key(watch, KEY_REAPING),
                  CONSUMER_GROUP, watch->intake->consumer, NULL);
    command_signed(&watch->command, REAP_LEASE_MS);
    command_signed(&watch->command, REAP_MAX);
    for (struct peer *peer = peers_next(watch->peers, NULL); peer != NULL && dead < DEAD_MAX;
         peer = peers_next(watch->peers, peer))
        if (peer->beats && peer->pending == 0 && watch_is_dead(watch, peer)) {
            command_words(&watch->command, peer->name, peer->heartbeat, NULL);
            dead++;
        }
    send(watch, on_reaped);
}

/* --- looking --- */

/* A connection that ended without our seeing it may have been given entries: looked into when they stay. */
static void mind_own(struct watch *watch, long long pending) {
    bool surplus = pending > (long long)work_pool_in_use(watch->intake->pool);
    watch->own_surplus = surplus ? watch->own_surplus + 1 : 0;
    if (watch->own_surplus < SURPLUS_LOOKS)
        return;
    watch->own_surplus = 0;
    recovery_begin(watch->intake->recovery);
}

static void note_holder(struct watch *watch, const redisReply *row) {
    long long pending;
    unsigned long long count;
    if (!reply_is_array(row, 2))
        return;
    struct text name = reply_text(row->element[0]);
    pending = text_to_unsigned(reply_text(row->element[1]), INT64_MAX, &count) ? (long long)count : 0;
    peers_note_pending(watch->peers, name, pending);
    if (text_is(name, watch->intake->consumer))
        mind_own(watch, pending);
}

/* XPENDING, the second half of a look: [count, first, last, [[consumer, count], …]], which names only those
 * that hold something. */
static void on_holders(void *arg, enum status status, const redisReply *reply) {
    struct watch *watch = arg;
    watch->looking = false;
    if (status != STATUS_OK || !reply_is_array(reply, 4) || watch->intake->stopping)
        return;
    const redisReply *holders = reply->element[3];
    for (size_t i = 0; reply_is_array(holders, 1) && i < holders->elements; i++)
        note_holder(watch, holders->element[i]);
    peers_end_look(watch->peers);
    rescue_tend(watch->intake->rescue);
}

/* HGETALL threats:workers, the first half. */
static void on_heartbeats(void *arg, enum status status, const redisReply *reply) {
    struct watch *watch = arg;
    peers_begin_look(watch->peers);
    for (size_t i = 0; status == STATUS_OK && reply_is_array(reply, 2) && i + 1 < reply->elements; i += 2)
        peers_note_heartbeat(watch->peers, reply_text(reply->element[i]), reply_text(reply->element[i + 1]));
}

static void look(struct watch *watch) {
    command_begin(&watch->command, "HGETALL");
    command_string(&watch->command, key(watch, KEY_WORKERS));
    if (send(watch, on_heartbeats) != STATUS_OK)
        return;
    command_begin(&watch->command, "XPENDING");
    command_words(&watch->command, key(watch, KEY_STREAM), CONSUMER_GROUP, NULL);
    watch->looking = send(watch, on_holders) == STATUS_OK;
}

static void beat(struct watch *watch) {
    command_begin_script(&watch->command, watch_scripts()[SCRIPT_BEAT], 1);
    command_words(&watch->command, key(watch, KEY_WORKERS), watch->intake->consumer, NULL);
    send(watch, NULL);
}

static bool is_due(int64_t *at_ms, int64_t now_ms, int64_t period_ms) {
    if (now_ms < *at_ms)
        return false;
    *at_ms = now_ms + period_ms;
    return true;
}

void watch_tick(struct watch *watch, int64_t now_ms) {
    const struct intake *intake = watch->intake;
    int64_t period_ms = intake->settings->heartbeat_ms;
    if (!link_is_up(intake->commands)) {
        watch->looking = false;
        return;
    }
    if (watch->left == NULL && is_due(&watch->beat_at_ms, now_ms, period_ms))
        beat(watch);
    if (intake->stopping || !intake->group_ready || intake->snapshot == NULL)
        return; /* nothing is taken before the context is there to judge it */
    if (!watch->looking && is_due(&watch->look_at_ms, now_ms, period_ms))
        look(watch);
    if (is_due(&watch->reap_at_ms, now_ms, REAP_PERIOD_MS))
        reap(watch);
}

static void on_left(void *arg, enum status status, const redisReply *reply) {
    struct watch *watch = arg;
    (void)status;
    (void)reply;
    watch->left(watch->left_arg);
}

void watch_leave(struct watch *watch, void (*done)(void *arg), void *arg) {
    watch->left = done;
    watch->left_arg = arg;
    command_begin_script(&watch->command, watch_scripts()[SCRIPT_LEAVE], 2);
    command_words(&watch->command, key(watch, KEY_STREAM), key(watch, KEY_WORKERS), CONSUMER_GROUP,
                  watch->intake->consumer, NULL);
    if (send(watch, on_left) != STATUS_OK)
        done(arg);
}
