#include "api/catalog/follow_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "shared/base/clock.h"
#include "shared/redis/tell_reply.h"
#include "shared/telemetry/log.h"

enum {
    ROWS_PER_READ = 2000,
    BLOCK_MS = 2000,
    CHECK_EVERY_MS = 2000,
    BLOCK_SLACK_MS = 2000,
    POSITION_TEXT_MAX = 48
};

struct follower {
    struct link *const *link;
    const struct keyspace *keyspace;
    const struct follower_hooks *hooks;
    void *arg;
    struct stream_id position;
    bool ready;
    int64_t checked_ms;
    struct command command;
};

static void read_on(struct follower *follower);

struct follower *follower_new(struct link *const *link, const struct keyspace *keyspace,
                              const struct follower_hooks *hooks, void *arg) {
    struct follower *follower = calloc(1, sizeof(*follower));
    if (follower == NULL)
        abort();
    *follower = (struct follower){.link = link, .keyspace = keyspace, .hooks = hooks, .arg = arg};
    return follower;
}

void follower_free(struct follower *follower) {
    if (follower == NULL)
        return;
    command_fini(&follower->command);
    free(follower);
}

bool follower_ready(const struct follower *follower) {
    return follower->ready;
}

static void write_position(const struct follower *follower, char out[POSITION_TEXT_MAX]) {
    snprintf(out, POSITION_TEXT_MAX, "%" PRIu64 "-%" PRIu64, follower->position.ms,
             follower->position.sequence);
}

static void reset(struct follower *follower, const char *why) {
    follower->position = (struct stream_id){0, 0};
    follower->ready = false;
    log_write(LOG_CATALOG_RESET, LOG_STRING("reason", why));
    follower->hooks->on_reset(follower->arg, why);
}

static void take_entry(struct follower *follower, const redisReply *entry) {
    struct log_row row;
    if (!reply_is_array(entry, 2) || !stream_id_parse(reply_text(entry->element[0]), &follower->position))
        return;
    const redisReply *fields = entry->element[1];
    struct text line = reply_text(reply_field(fields, "row"));
    if (line.at == NULL)
        line = TEXT_LITERAL("");
    if (log_row_read(reply_text(reply_field(fields, "kind")), reply_text(reply_field(fields, "id")), line,
                     &row))
        follower->hooks->on_row(follower->arg, follower->position, &row, follower->ready);
}

/* XREAD → [[log, [[id, [name, value, …]], …]]], nil when there is nothing (yet). */
static void on_rows(void *arg, enum status status, const redisReply *reply) {
    struct follower *follower = arg;
    if (status == STATUS_UNAVAILABLE)
        return;
    if (status != STATUS_OK) {
        tell_reply("XREAD threats:log", reply);
        link_condemn(*follower->link, "the log cannot be read"); /* its backoff keeps this from spinning */
        return;
    }
    if (reply_is_array(reply, 1) && reply_is_array(reply->element[0], 2)) {
        const redisReply *entries = reply->element[0]->element[1];
        for (size_t i = 0; reply_is_array(entries, 1) && i < entries->elements; i++)
            take_entry(follower, entries->element[i]);
    } else if (!follower->ready) {
        follower->ready = true;
        follower->hooks->on_ready(follower->arg);
    }
    read_on(follower);
}

static void send_read(struct follower *follower) {
    char position[POSITION_TEXT_MAX];
    write_position(follower, position);
    command_begin(&follower->command, "XREAD");
    command_string(&follower->command, "COUNT");
    command_signed(&follower->command, ROWS_PER_READ);
    if (follower->ready) {
        command_string(&follower->command, "BLOCK");
        command_signed(&follower->command, BLOCK_MS);
    }
    command_words(&follower->command, "STREAMS", keyspace_fixed(follower->keyspace, KEY_LOG), position, NULL);
    link_send(*follower->link, command_finish(&follower->command), BLOCK_MS + BLOCK_SLACK_MS, on_rows,
              follower);
}

/* The row at our position must still be there: if not, the log is another one than we read. */
static void on_check(void *arg, enum status status, const redisReply *reply) {
    struct follower *follower = arg;
    if (status == STATUS_UNAVAILABLE)
        return;
    follower->checked_ms = clock_monotonic_ms();
    if (!reply_is_array(reply, 1))
        reset(follower, "the log no longer holds the last row read");
    send_read(follower);
}

static void send_check(struct follower *follower) {
    char position[POSITION_TEXT_MAX];
    write_position(follower, position);
    command_begin(&follower->command, "XRANGE");
    command_words(&follower->command, keyspace_fixed(follower->keyspace, KEY_LOG), position, position, NULL);
    link_send(*follower->link, command_finish(&follower->command), LINK_DEADLINE_MS, on_check, follower);
}

static void read_on(struct follower *follower) {
    bool begun = follower->position.ms != 0 || follower->position.sequence != 0;
    if (begun && clock_monotonic_ms() - follower->checked_ms >= CHECK_EVERY_MS)
        send_check(follower);
    else
        send_read(follower);
}

void follower_link_up(struct follower *follower) {
    follower->checked_ms = INT64_MIN / 2;
    read_on(follower);
}
