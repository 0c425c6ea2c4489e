#include "api/threats/stored_threat.h"

#include <stdlib.h>

#include "shared/model/stored_body.h"

struct look {
    struct exchange *exchange;
    struct uuid id;
    stored_handler handle;
    void *arg;
};

bool threat_id_of(struct exchange *exchange, struct uuid *id) {
    if (uuid_parse(exchange->id, id))
        return true;
    exchange_answer_bad_parameter(exchange, "id", "must be a UUID");
    return false;
}

static bool was_given_up(struct text data) {
    struct arena arena = ARENA_EMPTY;
    struct stored_body parts;
    bool failed =
        stored_body_read(data, &arena, &parts) &&
        text_is(stored_body_text(parts.status), vocabulary_word(&vocabulary_threat_status, THREAT_FAILED));
    arena_fini(&arena);
    return failed;
}

/* HMGET threat:{id} data verdict entry */
static enum status take_record(const redisReply *reply, struct stored_threat *stored, const char **why) {
    stored->data = reply_text(reply->element[0]);
    stored->verdict = reply_text(reply->element[1]);
    if (stored->data.len == 0 && reply_text(reply->element[2]).len == 0) {
        *why = "no threat has this id";
        return STATUS_NOT_FOUND;
    }
    if (stored->data.len > 0 && !was_given_up(stored->data))
        return STATUS_OK;
    *why = stored->data.len == 0 ? "the threat is not analysed yet"
                                 : "the threat was given up without an analysis";
    return STATUS_CONFLICT;
}

static void on_record(void *arg, enum status status, const redisReply *reply) {
    struct look *look = arg;
    struct stored_threat stored = {.id = look->id};
    const char *why = NULL;
    if (status == STATUS_OK && !reply_is_array(reply, 3))
        status = STATUS_INTERNAL;
    if (status == STATUS_OK)
        status = take_record(reply, &stored, &why);
    if (status == STATUS_OK) {
        look->handle(look->exchange, look->arg, &stored);
    } else {
        exchange_answer_problem(look->exchange, status, why);
        look->handle(look->exchange, look->arg, NULL);
    }
    exchange_release(look->exchange);
    free(look);
}

void with_stored_threat(struct exchange *exchange, stored_handler handle, void *arg) {
    struct api *api = exchange->app;
    struct command command = COMMAND_EMPTY;
    struct buffer key = BUFFER_EMPTY;
    struct uuid id;
    if (!threat_id_of(exchange, &id)) {
        handle(exchange, arg, NULL);
        return;
    }
    struct look *look = malloc(sizeof(*look));
    if (look == NULL)
        abort();
    *look = (struct look){exchange, id, handle, arg};
    exchange_hold(exchange);
    keyspace_threat(&api->keyspace, &id, &key);
    command_begin(&command, "HMGET");
    command_text(&command, buffer_text(&key));
    command_words(&command, "data", "verdict", "entry", NULL);
    if (link_send(api->commands, command_finish(&command), LINK_DEADLINE_MS, on_record, look) != STATUS_OK)
        on_record(look, STATUS_UNAVAILABLE, NULL);
    command_fini(&command);
    buffer_fini(&key);
}
