#include "worker/intake/release_entries.h"

#include "shared/telemetry/log.h"

void release_entry(struct intake *intake, struct text entry, unsigned deliveries) {
    struct command command = COMMAND_EMPTY;
    command_begin(&command, "XCLAIM");
    command_words(&command, keyspace_fixed(&intake->keyspace, KEY_STREAM), CONSUMER_GROUP, RELEASED_CONSUMER,
                  "0", NULL);
    command_text(&command, entry);
    command_words(&command, "IDLE", "86400000", "RETRYCOUNT", NULL);
    command_signed(&command, deliveries - 1);
    command_string(&command, "JUSTID");
    link_send(intake->commands, command_finish(&command), LINK_DEADLINE_MS, NULL, NULL);
    command_fini(&command);
    log_write(LOG_ENTRIES_RELEASED, LOG_NUMBER("count", 1));
}

void release_all(struct intake *intake) {
    for (unsigned i = 0; i < work_pool_slots(intake->pool); i++) {
        const struct work *work = work_pool_peek(intake->pool, i);
        if (work->state != WORK_FREE)
            release_entry(intake, text_of(work->entry), work->deliveries);
    }
}
