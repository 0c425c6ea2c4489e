#include "worker/results/bury_entry.h"

#include "lua/bury_entry_lua.h"
#include "shared/base/clock.h"
#include "shared/model/analysis.h"
#include "shared/redis/tell_reply.h"
#include "shared/telemetry/log_threat.h"
#include "shared/telemetry/metrics.h"

enum { BURIAL_KEYS = 5 };

const struct script *bury_script(void) {
    static struct script script;
    return script_once(&script, bury_entry_lua);
}

void burial_begin(struct command *command, const struct script *script, const struct burial_options *options,
                  int more_keys) {
    static const enum fixed_key keys[BURIAL_KEYS] = {KEY_STREAM, KEY_DEAD, KEY_LOG, KEY_BY_CREATED,
                                                     KEY_FAILED};
    command_begin_script(command, script, BURIAL_KEYS + more_keys);
    for (int i = 0; i < BURIAL_KEYS; i++)
        command_string(command, keyspace_fixed(options->keyspace, keys[i]));
}

void burial_arguments(struct command *command, const struct burial_options *options) {
    command_words(command, CONSUMER_GROUP, options->consumer, NULL);
    command_signed(command, clock_wall_ms());
    command_string(command, keyspace_threat_start(options->keyspace));
    command_signed(command, ANALYSIS_SCHEMA_VERSION);
}

void burial_count(unsigned long long buried, unsigned long long dropped) {
    metrics_add(METRIC_DEAD_LETTERS, 0, 0, buried);
    if (dropped == 0)
        return;
    metrics_add(METRIC_LETTERS_DROPPED, 0, 0, dropped);
    log_write(LOG_LETTERS_DROPPED, LOG_NUMBER("count", dropped));
}

/* [word, dropped] */
static void on_reply(void *arg, enum status status, const redisReply *reply) {
    (void)arg;
    if (status == STATUS_OK && reply_is_array(reply, 2) && text_is(reply_text(reply->element[0]), "OK"))
        burial_count(1, (unsigned long long)reply_integer(reply->element[1], 0));
    else if (status != STATUS_OK && reply != NULL)
        tell_reply("bury_entry", reply);
}

void bury_entry(const struct burial_options *options, const struct burial *burial) {
    struct command command = COMMAND_EMPTY;
    const char *reason = vocabulary_word(&vocabulary_dead_reason, (int)burial->reason);
    const char *stage = vocabulary_word(&vocabulary_dead_stage, (int)burial->stage);
    /* Without burial->detail, which may hold what a signal said. */
    log_write(LOG_ENTRY_BURIED, LOG_THREAT(burial->threat, burial->trace, burial->customer_name),
              LOG_TEXT("entry", burial->entry), LOG_STRING("reason", reason), LOG_STRING("stage", stage),
              LOG_NUMBER("deliveries", burial->deliveries));
    burial_begin(&command, bury_script(), options, 0);
    burial_arguments(&command, options);
    command_text(&command, burial->entry);
    command_signed(&command, burial->deliveries);
    command_words(&command, reason, stage, NULL);
    command_text(&command, burial->detail);
    command_string(&command, burial->readable ? "1" : "0");
    link_send(*options->link, command_finish(&command), LINK_DEADLINE_MS, on_reply, NULL);
    command_fini(&command);
}
