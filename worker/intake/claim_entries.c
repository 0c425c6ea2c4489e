#include "worker/intake/claim_entries.h"

#include <stdlib.h>

#include "lua/claim_entries_lua.h"
#include "shared/redis/tell_reply.h"
#include "shared/telemetry/log.h"
#include "shared/telemetry/metrics.h"
#include "worker/intake/gather_history.h"
#include "worker/intake/read_signals.h"
#include "worker/intake/release_entries.h"
#include "worker/intake/watch_peers.h"
#include "worker/results/trace_work.h"

enum { CLAIM_MAX = 64, ANSWER_HEAD = 4, BURIED_FIELDS = 5, QUARANTINE_HEARTBEATS = 2 };

struct rescue {
    struct intake *intake;
    unsigned claiming;  /* slots reserved for the claim under way; 0: none is */
    unsigned in_claims; /* claimed entries not done yet */
    bool quarantined;   /* hands are to be empty, or hold one suspect */
    int64_t renewed_ms;
    struct buffer owner; /* of the claim under way, or the last */
    struct command command;
};

const struct script *claim_script(void) {
    static struct script script;
    return script_once(&script, claim_entries_lua);
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
    buffer_fini(&rescue->owner);
    free(rescue);
}

bool rescue_is_quarantined(const struct rescue *rescue) {
    return rescue->quarantined;
}

bool rescue_is_claiming(const struct rescue *rescue) {
    return rescue->claiming > 0;
}

/* --- the answer --- */

static int redelivery_reason(struct text owner, const struct peer *peer) {
    if (text_is(owner, RELEASED_CONSUMER))
        return METRIC_REDELIVERY_RELEASED;
    return peer != NULL && peer->heartbeat[0] != '\0' ? METRIC_REDELIVERY_DEAD : METRIC_REDELIVERY_VANISHED;
}

static long long count_at(const redisReply *reply, size_t at) {
    long long count = reply_integer(reply->element[at], 0);
    return count > 0 ? count : 0;
}

static unsigned long long buried_in(const redisReply *reply) {
    return reply_is_array(reply->element[2], 1) ? reply->element[2]->elements : 0;
}

static void trace_one(const redisReply *const *fields) {
    struct work work = {.deliveries = (unsigned)reply_integer(fields[1], 1)};
    int reason = vocabulary_find(&vocabulary_dead_reason, reply_text(fields[2]));
    if (reason < 0 || !work_set_entry(&work, reply_text(fields[0])))
        return;
    uuid_parse(reply_text(fields[3]), &work.id);
    work_join_trace(&work, reply_text(fields[4]));
    trace_burial(&work, (enum dead_reason)reason);
}

static void trace_buried(const redisReply *reply) {
    for (size_t i = 0; i < buried_in(reply); i++) {
        const redisReply *row = reply->element[2]->element[i];
        if (reply_is_array(row, BURIED_FIELDS))
            trace_one((const redisReply *const *)row->element);
    }
}

/* What was gone and what the script buried by itself. */
static void count_losses(const redisReply *reply) {
    long long gone = count_at(reply, 1);
    unsigned long long buried = buried_in(reply);
    if (gone > 0) {
        metrics_add(METRIC_TRIMMED, 0, 0, (uint64_t)gone);
        log_write(LOG_ENTRIES_TRIMMED, LOG_NUMBER("count", gone));
    }
    if (buried > 0)
        log_write(LOG_ENTRIES_BURIED, LOG_NUMBER("count", buried));
    burial_count(buried, (uint64_t)count_at(reply, 3));
    trace_buried(reply);
}

static void read_taken(struct rescue *rescue, const redisReply *reply, enum taken_how how) {
    struct intake *intake = rescue->intake;
    for (size_t i = ANSWER_HEAD; i + 2 < reply->elements; i += 3) {
        struct text entry = reply_text(reply->element[i]);
        unsigned deliveries = (unsigned)reply_integer(reply->element[i + 1], 1);
        if (intake->stopping)
            release_entry(intake, RELEASED_CONSUMER, entry, deliveries);
        else if (read_entry(intake->reading, entry, reply->element[i + 2], deliveries, how))
            rescue->in_claims++;
    }
    release_flush(intake);
    gatherer_send(intake->gatherer);
}

static void take_answer(struct rescue *rescue, const redisReply *reply) {
    struct text word = reply_text(reply->element[0]), owner = buffer_text(&rescue->owner);
    struct peer *peer = peers_find(watch_peers(rescue->intake->watch), owner);
    long long taken = (long long)(reply->elements - ANSWER_HEAD) / 3;
    long long less = taken + count_at(reply, 1) + (long long)buried_in(reply);
    if (peer != NULL && !text_is(word, "WAIT"))
        peer->pending = less > 0 && less < peer->pending ? peer->pending - less : 0;
    count_losses(reply);
    if (taken > 0) {
        metrics_add(METRIC_REDELIVERIES, redelivery_reason(owner, peer), 0, (uint64_t)taken);
        log_write(LOG_ENTRIES_CLAIMED, LOG_TEXT("owner", owner), LOG_NUMBER("count", taken));
    }
    if (text_is(word, "WAIT") && !rescue->quarantined) {
        rescue->quarantined = true;
        reading_stop(rescue->intake->reading);
    }
    read_taken(rescue, reply, text_is(word, "ALONE") ? TAKEN_ALONE : TAKEN_OVER);
}

static void on_claimed(void *arg, enum status status, const redisReply *reply) {
    struct rescue *rescue = arg;
    work_pool_unreserve(rescue->intake->pool, rescue->claiming);
    rescue->claiming = 0;
    if (status == STATUS_OK && reply_is_array(reply, ANSWER_HEAD)) {
        take_answer(rescue, reply);
        rescue_tend(rescue);
        return;
    }
    struct peer *peer = peers_find(watch_peers(rescue->intake->watch), buffer_text(&rescue->owner));
    if (peer != NULL)
        peer->pending = 0; /* until the next look */
    if (reply != NULL && status != STATUS_NO_SCRIPT)
        tell_reply("claim_entries", reply);
}

/* --- the question --- */

static int64_t quarantine_ms(const struct rescue *rescue) {
    return QUARANTINE_HEARTBEATS * rescue->intake->settings->heartbeat_ms;
}

static bool is_empty_handed(const struct rescue *rescue) {
    return rescue->quarantined && work_pool_in_use(rescue->intake->pool) == 0 &&
           !reading_is_asking(rescue->intake->reading);
}

static void write_claim(struct rescue *rescue, const struct peer *peer, unsigned most) {
    struct intake *intake = rescue->intake;
    struct command *command = &rescue->command;
    burial_begin(command, claim_script(), &intake->burial, 2);
    command_words(command, keyspace_fixed(&intake->keyspace, KEY_WORKERS),
                  keyspace_fixed(&intake->keyspace, KEY_QUARANTINE), NULL);
    burial_arguments(command, &intake->burial);
    command_words(command, peer->name, peer->heartbeat, NULL);
    command_signed(command, most);
    command_signed(command, intake->settings->delivery_limit);
    command_string(command, is_empty_handed(rescue) ? "1" : "0");
    command_signed(command, quarantine_ms(rescue));
    command_signed(command, ENTRY_VERSION);
}

static void claim_from(struct rescue *rescue, const struct peer *peer) {
    struct intake *intake = rescue->intake;
    unsigned room = work_pool_available(intake->pool);
    unsigned most = room < CLAIM_MAX ? room : CLAIM_MAX;
    if (room == 0)
        return;
    buffer_clear(&rescue->owner);
    buffer_append_string(&rescue->owner, peer->name);
    write_claim(rescue, peer, most);
    if (link_send(intake->commands, command_finish(&rescue->command), LINK_DEADLINE_MS, on_claimed, rescue) !=
        STATUS_OK)
        return;
    rescue->claiming = most;
    work_pool_reserve(intake->pool, most);
}

static void end_quarantine(struct rescue *rescue) {
    rescue->quarantined = false;
    read_signals(rescue->intake->reading);
}

void rescue_tend(struct rescue *rescue) {
    const struct intake *intake = rescue->intake;
    if (rescue->claiming > 0 || rescue->in_claims > 0 || intake->stopping ||
        (rescue->quarantined && !is_empty_handed(rescue)))
        return;
    const struct peers *peers = watch_peers(intake->watch);
    for (struct peer *peer = peers_next(peers, NULL); peer != NULL; peer = peers_next(peers, peer))
        if (peer->pending > 0 && watch_is_dead(intake->watch, peer)) {
            claim_from(rescue, peer);
            return;
        }
    if (rescue->quarantined)
        end_quarantine(rescue);
}

void rescue_entry_done(struct rescue *rescue, bool claimed) {
    if (claimed)
        rescue->in_claims--;
    if (claimed || rescue->quarantined)
        rescue_tend(rescue);
}

void rescue_tick(struct rescue *rescue, int64_t now_ms) {
    const struct intake *intake = rescue->intake;
    if (!rescue->quarantined || !link_is_up(intake->commands))
        return;
    if (now_ms - rescue->renewed_ms >= intake->settings->heartbeat_ms / 2) {
        rescue->renewed_ms = now_ms;
        command_begin(&rescue->command, "PEXPIRE");
        command_string(&rescue->command, keyspace_fixed(&intake->keyspace, KEY_QUARANTINE));
        command_signed(&rescue->command, quarantine_ms(rescue));
        link_send(intake->commands, command_finish(&rescue->command), LINK_DEADLINE_MS, NULL, NULL);
    }
    rescue_tend(rescue);
}
