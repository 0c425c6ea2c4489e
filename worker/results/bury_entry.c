#include "worker/results/bury_entry.h"

#include <stdlib.h>

#include "lua/bury_entry_lua.h"
#include "shared/base/clock.h"
#include "shared/model/analysis.h"
#include "shared/model/log_row.h"
#include "shared/telemetry/log.h"
#include "shared/telemetry/metrics.h"

struct grave {
    burial_done done;
    void *arg;
};

const struct script *bury_script(void) {
    static struct script script;
    return script_once(&script, bury_entry_lua);
}

/* What GET /api/threats/{id} shows of it from now on. */
static void write_record(struct buffer *out, const struct burial *burial, int64_t now_ms) {
    char id[UUID_LENGTH];
    struct writer writer;
    uuid_write(burial->id, id);
    writer_init(&writer, out);
    writer_open_object(&writer);
    writer_member_text(&writer, "id", (struct text){id, UUID_LENGTH});
    writer_member_signed(&writer, "schema_version", ANALYSIS_SCHEMA_VERSION);
    writer_key(&writer, "signal");
    signal_write(&writer, burial->readable_signal);
    writer_member_string(&writer, "status", vocabulary_word(&vocabulary_threat_status, THREAT_FAILED));
    writer_member_string(&writer, "failure_reason", burial->reason);
    writer_member_string(&writer, "failure_stage", burial->stage);
    writer_member_time(&writer, "created_at", burial->received_at_ms);
    writer_member_time(&writer, "completed_at", now_ms);
    writer_close_object(&writer);
}

static void write_row(struct buffer *out, const struct burial *burial, int64_t now_ms) {
    struct log_row row =
        log_row_of_signal(EVENT_FAILED, burial->id, burial->received_at_ms, burial->readable_signal);
    row.completed_at_ms = now_ms;
    row.status = THREAT_FAILED;
    row.requires_review = true;
    log_row_write(out, &row);
}

static void add_threat(struct command *command, const struct burial *burial, int64_t now_ms) {
    struct buffer text = BUFFER_EMPTY;
    char id[UUID_LENGTH];
    uuid_write(burial->id, id);
    command_text(command, (struct text){id, UUID_LENGTH});
    command_signed(command, burial->received_at_ms);
    write_record(&text, burial, now_ms);
    command_text(command, buffer_text(&text));
    buffer_clear(&text);
    write_row(&text, burial, now_ms);
    command_text(command, buffer_text(&text));
    buffer_fini(&text);
}

static void add_keys(struct command *command, const struct keyspace *keyspace, const struct burial *burial) {
    command_words(command, keyspace_fixed(keyspace, KEY_STREAM), keyspace_fixed(keyspace, KEY_DEAD),
                  keyspace_fixed(keyspace, KEY_LOG), NULL);
    if (burial->id == NULL)
        return;
    struct buffer key = BUFFER_EMPTY;
    keyspace_threat(keyspace, burial->id, &key);
    command_text(command, buffer_text(&key));
    command_string(command, keyspace_fixed(keyspace, KEY_BY_CREATED));
    buffer_fini(&key);
}

static void on_reply(void *arg, enum status status, const redisReply *reply) {
    struct grave *grave = arg;
    if (status == STATUS_OK && text_is(reply_text(reply), "FENCED"))
        status = STATUS_FENCED;
    else if (status == STATUS_OK && text_is(reply_text(reply), "GONE"))
        status = STATUS_GONE;
    else if (status == STATUS_OK)
        metrics_add(METRIC_DEAD_LETTERS, 0, 0, 1);
    else if (reply != NULL)
        log_write(LOG_REDIS_REPLY, LOG_STRING("command", "bury_entry"), LOG_TEXT("reply", reply_text(reply)));
    if (grave->done != NULL)
        grave->done(grave->arg, status);
    free(grave);
}

void bury_entry(const struct burial_options *options, const struct burial *burial, burial_done done,
                void *arg) {
    struct command command = COMMAND_EMPTY;
    struct grave *grave = malloc(sizeof(*grave));
    int64_t now_ms = clock_wall_ms();
    if (grave == NULL)
        abort();
    *grave = (struct grave){done, arg};
    log_write(LOG_ENTRY_BURIED, LOG_TEXT("entry", burial->entry), LOG_STRING("reason", burial->reason),
              LOG_STRING("stage", burial->stage), LOG_NUMBER("deliveries", burial->deliveries));
    command_begin_script(&command, bury_script(), burial->id == NULL ? 3 : 5);
    add_keys(&command, options->keyspace, burial);
    command_words(&command, CONSUMER_GROUP, options->consumer, NULL);
    command_text(&command, burial->entry);
    command_signed(&command, burial->deliveries);
    command_words(&command, burial->reason, burial->stage, NULL);
    command_signed(&command, now_ms);
    command_text(&command, burial->signal);
    if (burial->id != NULL)
        add_threat(&command, burial, now_ms);
    else
        command_words(&command, "", "", "", "", NULL);
    if (link_send(*options->link, command_finish(&command), LINK_DEADLINE_MS, on_reply, grave) != STATUS_OK)
        on_reply(grave, STATUS_UNAVAILABLE, NULL);
    command_fini(&command);
}
