#include "worker/intake/recover_entries.h"

#include <stdio.h>
#include <stdlib.h>

#include "shared/telemetry/log.h"
#include "shared/telemetry/metrics.h"
#include "worker/intake/gather_history.h"
#include "worker/intake/read_signals.h"

enum { LOST_MAX = 64 };

struct lost_entry {
    char id[ENTRY_ID_MAX];
    unsigned deliveries;
};

struct recovery {
    struct intake *intake;
    bool wanted;
    bool asking;
    struct lost_entry lost[LOST_MAX]; /* found by the last look, being claimed */
    unsigned lost_count;
    struct command command;
};

struct recovery *recovery_new(struct intake *intake) {
    struct recovery *recovery = calloc(1, sizeof(*recovery));
    if (recovery == NULL)
        abort();
    recovery->intake = intake;
    return recovery;
}

void recovery_free(struct recovery *recovery) {
    if (recovery == NULL)
        return;
    command_fini(&recovery->command);
    free(recovery);
}

void recovery_begin(struct recovery *recovery) {
    recovery->wanted = true;
}

bool recovery_is_done(const struct recovery *recovery) {
    return !recovery->wanted;
}

static unsigned deliveries_of(const struct recovery *recovery, struct text id) {
    for (unsigned i = 0; i < recovery->lost_count; i++)
        if (text_is(id, recovery->lost[i].id))
            return recovery->lost[i].deliveries + 1;
    return 1;
}

static void on_claimed(void *arg, enum status status, const redisReply *reply) {
    struct recovery *recovery = arg;
    struct intake *intake = recovery->intake;
    recovery->asking = false;
    work_pool_unreserve(intake->pool, recovery->lost_count);
    for (size_t i = 0; status == STATUS_OK && reply_is_array(reply, 1) && i < reply->elements; i++) {
        const redisReply *entry = reply->element[i];
        if (!reply_is_array(entry, 2))
            continue;
        struct text id = reply_text(entry->element[0]);
        metrics_add(METRIC_REDELIVERIES, METRIC_REDELIVERY_OWN, 0, 1);
        read_entry(intake->reading, id, entry->element[1], deliveries_of(recovery, id), false);
    }
    recovery->lost_count = 0;
    gatherer_send(intake->gatherer);
}

static void claim_lost(struct recovery *recovery) {
    struct intake *intake = recovery->intake;
    command_begin(&recovery->command, "XCLAIM");
    command_words(&recovery->command, keyspace_fixed(&intake->keyspace, KEY_STREAM), CONSUMER_GROUP,
                  intake->consumer, "0", NULL);
    for (unsigned i = 0; i < recovery->lost_count; i++)
        command_string(&recovery->command, recovery->lost[i].id);
    log_write(LOG_ENTRIES_CLAIMED, LOG_STRING("owner", intake->consumer),
              LOG_NUMBER("count", recovery->lost_count));
    recovery->asking = link_send(intake->commands, command_finish(&recovery->command), LINK_DEADLINE_MS,
                                 on_claimed, recovery) == STATUS_OK;
    if (recovery->asking)
        work_pool_reserve(intake->pool, recovery->lost_count);
}

/* XPENDING … → [[id, consumer, idle ms, deliveries], …] */
static void note_lost(struct recovery *recovery, const redisReply *pending) {
    struct lost_entry *lost = &recovery->lost[recovery->lost_count];
    if (!reply_is_array(pending, 4))
        return;
    struct text id = reply_text(pending->element[0]);
    if (id.len == 0 || id.len >= sizeof(lost->id) || work_pool_holds(recovery->intake->pool, id))
        return;
    snprintf(lost->id, sizeof(lost->id), "%.*s", (int)id.len, id.at);
    lost->deliveries = (unsigned)reply_integer(pending->element[3], 1);
    recovery->lost_count++;
}

static void on_pending(void *arg, enum status status, const redisReply *reply) {
    struct recovery *recovery = arg;
    unsigned room = work_pool_available(recovery->intake->pool);
    recovery->asking = false;
    recovery->lost_count = 0;
    if (reply == NULL)
        return; /* the connection again: the next tick asks anew */
    for (size_t i = 0; status == STATUS_OK && reply_is_array(reply, 1) && i < reply->elements; i++)
        if (recovery->lost_count < LOST_MAX && recovery->lost_count < room)
            note_lost(recovery, reply->element[i]);
    if (recovery->lost_count > 0) {
        claim_lost(recovery);
    } else if (room > 0 || status != STATUS_OK) {
        recovery->wanted = false;
        read_signals(recovery->intake->reading);
    }
}

void recovery_tick(struct recovery *recovery) {
    struct intake *intake = recovery->intake;
    if (!recovery->wanted || recovery->asking || !link_is_up(intake->commands) || !intake->group_ready ||
        intake->snapshot == NULL ||
        reading_is_asking(intake->reading)) /* what is on its way to us is not lost */
        return;
    command_begin(&recovery->command, "XPENDING");
    command_words(&recovery->command, keyspace_fixed(&intake->keyspace, KEY_STREAM), CONSUMER_GROUP, "-", "+",
                  NULL);
    command_signed(&recovery->command, (int64_t)work_pool_slots(intake->pool) + LOST_MAX);
    command_string(&recovery->command, intake->consumer);
    recovery->asking = link_send(intake->commands, command_finish(&recovery->command), LINK_DEADLINE_MS,
                                 on_pending, recovery) == STATUS_OK;
}
