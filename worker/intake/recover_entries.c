#include "worker/intake/recover_entries.h"

#include <stdlib.h>

#include "shared/telemetry/metrics.h"
#include "worker/intake/read_signals.h"
#include "worker/intake/release_entries.h"

enum { LISTED = 256 }; /* beyond as many as we can hold */

struct recovery {
    struct intake *intake;
    bool wanted;
    bool asking;
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

static bool hand_back(struct intake *intake, const redisReply *pending) {
    if (!reply_is_array(pending, 4) || work_pool_holds(intake->pool, reply_text(pending->element[0])))
        return false;
    release_entry(intake, RELEASED_CONSUMER, reply_text(pending->element[0]),
                  (unsigned)reply_integer(pending->element[3], 1));
    return true;
}

/* XPENDING … → [[id, consumer, idle ms, deliveries], …] */
static void on_pending(void *arg, enum status status, const redisReply *reply) {
    struct recovery *recovery = arg;
    struct intake *intake = recovery->intake;
    unsigned lost = 0;
    recovery->asking = false;
    if (reply == NULL)
        return; /* the connection again: the next tick asks anew */
    for (size_t i = 0; status == STATUS_OK && reply_is_array(reply, 1) && i < reply->elements; i++)
        lost += hand_back(intake, reply->element[i]);
    release_flush(intake);
    metrics_add(METRIC_REDELIVERIES, METRIC_REDELIVERY_OWN, 0, lost);
    if (lost >= LISTED)
        return; /* there may be more */
    recovery->wanted = false;
    read_signals(intake->reading);
}

void recovery_tick(struct recovery *recovery) {
    struct intake *intake = recovery->intake;
    if (!recovery->wanted || recovery->asking || !link_is_up(intake->commands) || !intake->group_ready ||
        reading_is_asking(intake->reading)) /* what is on its way to us is not lost */
        return;
    command_begin(&recovery->command, "XPENDING");
    command_words(&recovery->command, keyspace_fixed(&intake->keyspace, KEY_STREAM), CONSUMER_GROUP, "-", "+",
                  NULL);
    command_signed(&recovery->command, (int64_t)work_pool_slots(intake->pool) + LISTED);
    command_string(&recovery->command, intake->consumer);
    recovery->asking = link_send(intake->commands, command_finish(&recovery->command), LINK_DEADLINE_MS,
                                 on_pending, recovery) == STATUS_OK;
}
