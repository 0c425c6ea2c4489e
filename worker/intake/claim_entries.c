#include "worker/intake/claim_entries.h"

#include <stdio.h>
#include <stdlib.h>

#include "lua/claim_entries_lua.h"
#include "lua/remove_consumer_lua.h"
#include "shared/telemetry/log.h"
#include "shared/telemetry/metrics.h"
#include "worker/intake/gather_history.h"
#include "worker/intake/read_signals.h"
#include "worker/intake/recover_entries.h"

enum { PEERS_MAX = 512, HEARTBEAT_TEXT_MAX = 24, CLAIM_MAX = 64, VANISHED_LOOKS = 2, SURPLUS_LOOKS = 10 };

enum { SCRIPT_CLAIM, SCRIPT_REMOVE };

/* Another consumer of the group, as our looks saw it. */
struct peer {
    char name[CONSUMER_NAME_MAX];
    char heartbeat[HEARTBEAT_TEXT_MAX]; /* "" when it has none */
    unsigned unchanged;                 /* looks in a row */
    long long pending;
    bool seen; /* in the look under way */
};

struct rescue {
    struct intake *intake;
    unsigned own_surplus; /* looks in a row that saw more pending for us than we hold */
    struct peer peers[PEERS_MAX];
    unsigned peer_count;
    bool looking;
    unsigned claiming;      /* slots reserved for the claim under way; 0: none is */
    unsigned in_claims;     /* claimed entries not done yet */
    unsigned claimed_count; /* of the last claim */
    char claimed_from[CONSUMER_NAME_MAX];
    int64_t beat_at_ms, look_at_ms;
    struct command command;
    void (*left)(void *arg);
    void *left_arg;
};

const struct script *const *rescue_scripts(void) {
    static struct script scripts[RESCUE_SCRIPTS];
    static const struct script *rows[RESCUE_SCRIPTS];
    if (rows[0] == NULL) {
        script_init(&scripts[SCRIPT_CLAIM], claim_entries_lua);
        script_init(&scripts[SCRIPT_REMOVE], remove_consumer_lua);
        for (int i = 0; i < RESCUE_SCRIPTS; i++)
            rows[i] = &scripts[i];
    }
    return rows;
}

struct rescue *rescue_new(struct intake *intake) {
    struct rescue *rescue = calloc(1, sizeof(*rescue));
    if (rescue == NULL)
        abort();
    rescue->intake = intake;
    return rescue;
}

void rescue_free(struct rescue *rescue) {
    if (rescue == NULL)
        return;
    command_fini(&rescue->command);
    free(rescue);
}

static void begin_script(struct rescue *rescue, int which, enum fixed_key second_key) {
    const struct keyspace *keyspace = &rescue->intake->keyspace;
    command_begin_script(&rescue->command, rescue_scripts()[which], 2);
    command_words(&rescue->command, keyspace_fixed(keyspace, KEY_STREAM),
                  keyspace_fixed(keyspace, second_key), CONSUMER_GROUP, NULL);
}

static enum status send(struct rescue *rescue, link_reply on_reply) {
    return link_send(rescue->intake->commands, command_finish(&rescue->command), LINK_DEADLINE_MS, on_reply,
                     rescue);
}

/* --- peers --- */

static struct peer *find_peer(struct rescue *rescue, struct text name) {
    for (unsigned i = 0; i < rescue->peer_count; i++)
        if (text_is(name, rescue->peers[i].name))
            return &rescue->peers[i];
    if (rescue->peer_count == PEERS_MAX || name.len >= CONSUMER_NAME_MAX)
        return NULL;
    struct peer *peer = &rescue->peers[rescue->peer_count++];
    *peer = (struct peer){0};
    memcpy(peer->name, name.at, name.len);
    return peer;
}

static void forget_unseen(struct rescue *rescue) {
    unsigned kept = 0;
    for (unsigned i = 0; i < rescue->peer_count; i++)
        if (rescue->peers[i].seen)
            rescue->peers[kept++] = rescue->peers[i];
    rescue->peer_count = kept;
}

static bool is_released(const struct peer *peer) {
    return strcmp(peer->name, RELEASED_CONSUMER) == 0;
}

static unsigned looks_until_dead(const struct rescue *rescue, const struct peer *peer) {
    const struct settings *settings = rescue->intake->settings;
    if (is_released(peer))
        return 0;
    if (peer->heartbeat[0] == '\0') /* left in order, or was removed: nobody beats for it */
        return VANISHED_LOOKS;
    return (unsigned)((settings->suspect_ms + settings->heartbeat_ms - 1) / settings->heartbeat_ms);
}

static bool is_dead(const struct rescue *rescue, const struct peer *peer) {
    return strcmp(peer->name, rescue->intake->consumer) != 0 &&
           peer->unchanged >= looks_until_dead(rescue, peer);
}

/* --- claiming --- */

static int redelivery_reason(const char *owner, bool beating) {
    if (strcmp(owner, RELEASED_CONSUMER) == 0)
        return METRIC_REDELIVERY_RELEASED;
    return beating ? METRIC_REDELIVERY_DEAD : METRIC_REDELIVERY_VANISHED;
}

static void on_claimed(void *arg, enum status status, const redisReply *reply) {
    struct rescue *rescue = arg;
    struct intake *intake = rescue->intake;
    work_pool_unreserve(intake->pool, rescue->claiming);
    rescue->claiming = 0;
    if (status != STATUS_OK || !reply_is_array(reply, 3))
        return;
    unsigned count = (unsigned)(reply->elements / 3);
    struct peer *owner = find_peer(rescue, text_of(rescue->claimed_from));
    metrics_add(METRIC_REDELIVERIES,
                redelivery_reason(rescue->claimed_from, owner != NULL && owner->heartbeat[0] != '\0'), 0,
                count);
    log_write(LOG_ENTRIES_CLAIMED, LOG_STRING("owner", rescue->claimed_from), LOG_NUMBER("count", count));
    rescue->in_claims += count;
    rescue->claimed_count = count;
    for (unsigned i = 0; i < count; i++) {
        unsigned deliveries = (unsigned)reply_integer(reply->element[3 * i + 1], 1);
        unsigned before = work_pool_in_use(intake->pool);
        read_entry(intake->reading, reply_text(reply->element[3 * i]), reply->element[3 * i + 2], deliveries,
                   true);
        if (work_pool_in_use(intake->pool) == before) /* buried at once */
            rescue_entry_done(rescue);
    }
    gatherer_send(intake->gatherer);
}

static void claim_from(struct rescue *rescue, const struct peer *peer) {
    unsigned room = work_pool_available(rescue->intake->pool);
    unsigned most = room < CLAIM_MAX ? room : CLAIM_MAX;
    if (room == 0)
        return;
    begin_script(rescue, SCRIPT_CLAIM, KEY_WORKERS);
    command_words(&rescue->command, rescue->intake->consumer, peer->name, peer->heartbeat, NULL);
    command_signed(&rescue->command, most);
    snprintf(rescue->claimed_from, sizeof(rescue->claimed_from), "%s", peer->name);
    if (send(rescue, on_claimed) != STATUS_OK)
        return;
    rescue->claiming = most;
    work_pool_reserve(rescue->intake->pool, most);
}

static void on_removed(void *arg, enum status status, const redisReply *reply) {
    (void)arg;
    if (status == STATUS_OK && reply_integer(reply, 0) == 1)
        log_write(LOG_CONSUMER_REMOVED);
}

static void remove_peer(struct rescue *rescue, const struct peer *peer) {
    begin_script(rescue, SCRIPT_REMOVE, KEY_WORKERS);
    command_words(&rescue->command, peer->name, peer->heartbeat, NULL);
    send(rescue, on_removed);
}

/* The next entry of the next dead owner; owners without entries leave the group. */
static void tend_dead(struct rescue *rescue) {
    for (unsigned i = 0; i < rescue->peer_count && rescue->claiming == 0 && rescue->in_claims == 0; i++) {
        const struct peer *peer = &rescue->peers[i];
        if (is_dead(rescue, peer) && peer->pending > 0)
            claim_from(rescue, peer);
    }
}

static void remove_idle_dead(struct rescue *rescue) {
    for (unsigned i = 0; i < rescue->peer_count; i++) {
        const struct peer *peer = &rescue->peers[i];
        if (is_dead(rescue, peer) && peer->pending == 0 && !is_released(peer))
            remove_peer(rescue, peer);
    }
}

void rescue_entry_done(struct rescue *rescue) {
    if (rescue->in_claims > 0)
        rescue->in_claims--;
    if (rescue->in_claims > 0 || rescue->claiming > 0 || rescue->intake->stopping)
        return;
    struct peer *owner = find_peer(rescue, text_of(rescue->claimed_from));
    if (owner != NULL && owner->pending > 0)
        owner->pending -= owner->pending < rescue->claimed_count ? owner->pending : rescue->claimed_count;
    tend_dead(rescue);
}

/* --- looking --- */

/* A connection that ended without our seeing it may have been given entries: looked into when they stay. */
static void mind_own(struct rescue *rescue, long long pending) {
    bool surplus = pending > (long long)work_pool_in_use(rescue->intake->pool);
    rescue->own_surplus = surplus ? rescue->own_surplus + 1 : 0;
    if (rescue->own_surplus < SURPLUS_LOOKS)
        return;
    rescue->own_surplus = 0;
    recovery_begin(rescue->intake->recovery);
}

/* XINFO CONSUMERS, the second half of a look. */
static void on_consumers(void *arg, enum status status, const redisReply *reply) {
    struct rescue *rescue = arg;
    rescue->looking = false;
    if (status != STATUS_OK || rescue->intake->stopping)
        return;
    for (size_t i = 0; reply_is_array(reply, 1) && i < reply->elements; i++) {
        struct peer *peer = find_peer(rescue, reply_text(reply_field(reply->element[i], "name")));
        if (peer == NULL)
            continue;
        if (!peer->seen && peer->heartbeat[0] != '\0') { /* its heartbeat is gone since the last look */
            peer->heartbeat[0] = '\0';
            peer->unchanged = 0;
        } else if (!peer->seen) {
            peer->unchanged++;
        }
        peer->seen = true;
        peer->pending = reply_integer(reply_field(reply->element[i], "pending"), 0);
        if (strcmp(peer->name, rescue->intake->consumer) == 0)
            mind_own(rescue, peer->pending);
    }
    forget_unseen(rescue);
    tend_dead(rescue);
    remove_idle_dead(rescue);
}

/* HGETALL threats:workers, the first half. */
static void on_heartbeats(void *arg, enum status status, const redisReply *reply) {
    struct rescue *rescue = arg;
    for (unsigned i = 0; i < rescue->peer_count; i++) {
        rescue->peers[i].seen = false;
        rescue->peers[i].pending = 0;
    }
    for (size_t i = 0; status == STATUS_OK && reply_is_array(reply, 2) && i + 1 < reply->elements; i += 2) {
        struct peer *peer = find_peer(rescue, reply_text(reply->element[i]));
        struct text beat = reply_text(reply->element[i + 1]);
        if (peer == NULL || beat.len >= HEARTBEAT_TEXT_MAX)
            continue;
        peer->seen = true;
        if (text_is(beat, peer->heartbeat)) {
            peer->unchanged++;
            continue;
        }
        peer->unchanged = 0;
        memcpy(peer->heartbeat, beat.at, beat.len);
        peer->heartbeat[beat.len] = '\0';
    }
}

static void look(struct rescue *rescue) {
    const struct keyspace *keyspace = &rescue->intake->keyspace;
    command_begin(&rescue->command, "HGETALL");
    command_string(&rescue->command, keyspace_fixed(keyspace, KEY_WORKERS));
    if (send(rescue, on_heartbeats) != STATUS_OK)
        return;
    command_begin(&rescue->command, "XINFO");
    command_words(&rescue->command, "CONSUMERS", keyspace_fixed(keyspace, KEY_STREAM), CONSUMER_GROUP, NULL);
    rescue->looking = send(rescue, on_consumers) == STATUS_OK;
}

static void beat(struct rescue *rescue) {
    command_begin(&rescue->command, "HINCRBY");
    command_words(&rescue->command, keyspace_fixed(&rescue->intake->keyspace, KEY_WORKERS),
                  rescue->intake->consumer, "1", NULL);
    send(rescue, NULL);
}

void rescue_tick(struct rescue *rescue, int64_t now_ms) {
    int64_t period_ms = rescue->intake->settings->heartbeat_ms;
    if (!link_is_up(rescue->intake->commands)) {
        rescue->looking = false;
        return;
    }
    if (now_ms >= rescue->beat_at_ms) {
        rescue->beat_at_ms = now_ms + period_ms;
        beat(rescue);
    }
    if (rescue->intake->stopping || !rescue->intake->group_ready || rescue->intake->snapshot == NULL)
        return; /* nothing is taken before the context is there to judge it */
    if (now_ms >= rescue->look_at_ms && !rescue->looking) {
        rescue->look_at_ms = now_ms + period_ms;
        look(rescue);
    }
}

static void on_left(void *arg, enum status status, const redisReply *reply) {
    struct rescue *rescue = arg;
    (void)status;
    (void)reply;
    rescue->left(rescue->left_arg);
}

void rescue_leave(struct rescue *rescue, void (*done)(void *arg), void *arg) {
    rescue->left = done;
    rescue->left_arg = arg;
    begin_script(rescue, SCRIPT_REMOVE, KEY_WORKERS);
    command_words(&rescue->command, rescue->intake->consumer, "*", NULL);
    if (send(rescue, on_left) != STATUS_OK)
        done(arg);
}
