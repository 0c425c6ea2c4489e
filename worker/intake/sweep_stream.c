#include "worker/intake/sweep_stream.h"

#include <stdlib.h>

#include "lua/sweep_stream_lua.h"
#include "shared/redis/tell_reply.h"

/* Windows are small because Redis hands out entries only whole. */
enum { SWEEP_EVERY_MS = 1000, ERROR_REST_MS = 4000, LEASE_LOOK_MS = 300, WINDOW = 200, DONE_MAX = 10000 };

struct sweeper {
    struct intake *intake;
    int64_t now_ms, sweep_at_ms;
    bool asking;
    struct command command;
};

const struct script *sweep_script(void) {
    static struct script script;
    return script_once(&script, sweep_stream_lua);
}

struct sweeper *sweeper_new(struct intake *intake) {
    struct sweeper *sweeper = calloc(1, sizeof(*sweeper));
    if (sweeper == NULL)
        abort();
    sweeper->intake = intake;
    return sweeper;
}

void sweeper_free(struct sweeper *sweeper) {
    if (sweeper == NULL)
        return;
    command_fini(&sweeper->command);
    free(sweeper);
}

static void sweep(struct sweeper *sweeper);

static void on_swept(void *arg, enum status status, const redisReply *reply) {
    struct sweeper *sweeper = arg;
    long long answer = status == STATUS_OK ? reply_integer(reply, 0) : 0;
    sweeper->asking = false;
    sweeper->sweep_at_ms = sweeper->now_ms + (answer < 0 ? LEASE_LOOK_MS : SWEEP_EVERY_MS);
    if (answer > 0 && !sweeper->intake->stopping)
        sweep(sweeper);
    if (status != STATUS_OK && reply != NULL && status != STATUS_NO_SCRIPT && status != STATUS_NO_GROUP) {
        tell_reply("sweep_stream", reply);
        sweeper->sweep_at_ms += ERROR_REST_MS;
    }
}

static void sweep(struct sweeper *sweeper) {
    const struct intake *intake = sweeper->intake;
    const struct keyspace *keyspace = &intake->keyspace;
    command_begin_script(&sweeper->command, sweep_script(), 3);
    command_words(&sweeper->command, keyspace_fixed(keyspace, KEY_STREAM),
                  keyspace_fixed(keyspace, KEY_LEASE), keyspace_fixed(keyspace, KEY_SWEEP), CONSUMER_GROUP,
                  intake->consumer, NULL);
    command_signed(&sweeper->command, WINDOW);
    command_signed(&sweeper->command, DONE_MAX);
    command_string(&sweeper->command, keyspace_threat_start(keyspace));
    sweeper->asking = link_send(intake->commands, command_finish(&sweeper->command), LINK_DEADLINE_MS,
                                on_swept, sweeper) == STATUS_OK;
}

void sweeper_tick(struct sweeper *sweeper, int64_t now_ms) {
    const struct intake *intake = sweeper->intake;
    sweeper->now_ms = now_ms;
    if (!sweeper->asking && now_ms >= sweeper->sweep_at_ms && intake->group_ready && !intake->stopping &&
        link_is_up(intake->commands))
        sweep(sweeper);
}
