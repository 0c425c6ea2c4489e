#include "worker/intake/trim_stream.h"

#include <stdlib.h>

#include "lua/trim_stream_lua.h"
#include "shared/redis/tell_reply.h"
#include "shared/telemetry/log.h"
#include "shared/telemetry/metrics.h"

enum { LEASE_MS = 1000, LOOK_AGAIN_MS = 100, ERROR_REST_MS = 4000 };

struct trimming {
    struct intake *intake;
    struct buffer unaccounted, looked_to; /* as the last answer told them */
    int64_t at_ms;
    bool asking;
    struct command command;
};

const struct script *trim_script(void) {
    static struct script script;
    return script_once(&script, trim_stream_lua);
}

struct trimming *trimming_new(struct intake *intake) {
    struct trimming *trimming = calloc(1, sizeof(*trimming));
    if (trimming == NULL)
        abort();
    trimming->intake = intake;
    buffer_append_char(&trimming->unaccounted, '0');
    return trimming;
}

void trimming_free(struct trimming *trimming) {
    if (trimming == NULL)
        return;
    buffer_fini(&trimming->unaccounted);
    buffer_fini(&trimming->looked_to);
    command_fini(&trimming->command);
    free(trimming);
}

static void keep(struct buffer *buffer, const redisReply *reply) {
    buffer_clear(buffer);
    buffer_append_text(buffer, reply_text(reply));
}

static void on_trimmed(void *arg, enum status status, const redisReply *reply) {
    struct trimming *trimming = arg;
    trimming->asking = false;
    if (status != STATUS_OK && status != STATUS_NO_SCRIPT && status != STATUS_NO_GROUP && reply != NULL) {
        tell_reply("trim_stream", reply);
        trimming->at_ms += ERROR_REST_MS;
    }
    if (status != STATUS_OK || !reply_is_array(reply, 5))
        return; /* another worker trims */
    int64_t taken_back = reply_integer(reply->element[1], 0);
    keep(&trimming->unaccounted, reply->element[2]);
    keep(&trimming->looked_to, reply->element[3]);
    if (taken_back > 0) {
        log_write(LOG_ENTRIES_REGAINED, LOG_NUMBER("count", taken_back));
        metrics_add(METRIC_TAKEN_BACK, 0, 0, (double)taken_back);
    }
    int64_t wrong_lag = reply_integer(reply->element[4], 0);
    if (wrong_lag != 0)
        log_write(LOG_LAG_REPAIRED, LOG_NUMBER("lag", wrong_lag));
    if (trimming->looked_to.len > 0)
        trimming->at_ms += LOOK_AGAIN_MS - LEASE_MS;
}

void trimming_tick(struct trimming *trimming, int64_t now_ms) {
    const struct intake *intake = trimming->intake;
    struct command *command = &trimming->command;
    if (now_ms < trimming->at_ms || trimming->asking || intake->stopping || !intake->group_ready ||
        intake->snapshot == NULL || !link_is_up(intake->commands))
        return;
    trimming->at_ms = now_ms + LEASE_MS;
    command_begin_script(command, trim_script(), 4);
    command_words(command, keyspace_fixed(&intake->keyspace, KEY_STREAM),
                  keyspace_fixed(&intake->keyspace, KEY_LEASE),
                  keyspace_fixed(&intake->keyspace, KEY_COMPLETED),
                  keyspace_fixed(&intake->keyspace, KEY_FAILED), CONSUMER_GROUP, intake->consumer, NULL);
    command_signed(command, LEASE_MS);
    command_string(command, keyspace_threat_start(&intake->keyspace));
    command_string(command, RELEASED_CONSUMER);
    command_text(command, buffer_text(&trimming->unaccounted));
    command_text(command, buffer_text(&trimming->looked_to));
    trimming->asking = link_send(intake->commands, command_finish(command), LINK_DEADLINE_MS, on_trimmed,
                                 trimming) == STATUS_OK;
}
