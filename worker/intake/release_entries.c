#include "worker/intake/release_entries.h"

#include <stdio.h>

#include "lua/release_entries_lua.h"
#include "shared/redis/tell_reply.h"
#include "shared/telemetry/log.h"

/* What was handed back since the last flush, all to one holder. One thread. */
static struct command batch;
static char batch_holder[CONSUMER_NAME_MAX];
static unsigned entries;

const struct script *release_script(void) {
    static struct script script;
    return script_once(&script, release_entries_lua);
}

static void on_released(void *arg, enum status status, const redisReply *reply) {
    (void)arg;
    if (status == STATUS_OK)
        log_write(LOG_ENTRIES_RELEASED, LOG_NUMBER("count", reply_integer(reply, 0)));
    else if (reply != NULL)
        tell_reply("release_entries", reply);
}

void release_flush(const struct intake *intake) {
    if (entries > 0)
        link_send(intake->commands, command_finish(&batch), LINK_DEADLINE_MS, on_released, NULL);
    command_fini(&batch);
    batch = COMMAND_EMPTY;
    entries = 0;
}

static void begin(const struct intake *intake, const char *holder) {
    snprintf(batch_holder, sizeof(batch_holder), "%s", holder);
    command_begin_script(&batch, release_script(), 1);
    command_words(&batch, keyspace_fixed(&intake->keyspace, KEY_STREAM), CONSUMER_GROUP, intake->consumer,
                  holder, NULL);
}

void release_entry(const struct intake *intake, const char *holder, struct text entry, unsigned deliveries) {
    if (entries > 0 && strcmp(holder, batch_holder) != 0)
        release_flush(intake);
    if (entries == 0)
        begin(intake, holder);
    command_text(&batch, entry);
    command_signed(&batch, deliveries);
    entries++;
}

void release_all(const struct intake *intake) {
    for (unsigned i = 0; i < work_pool_slots(intake->pool); i++) {
        const struct work *work = work_pool_peek(intake->pool, i);
        if (work->state != WORK_FREE)
            release_entry(intake, RELEASED_CONSUMER, text_of(work->entry), work->deliveries);
    }
    release_flush(intake);
}
