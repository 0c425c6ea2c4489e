#include "worker/intake/follow_context.h"

#include <stdio.h>
#include <stdlib.h>

#include "shared/redis/tell_reply.h"
#include "worker/intake/load_context.h"

enum {
    BLOCK_MS = 2000,
    BLOCK_SLACK_MS = 2000,
    CHANGES_PER_READ = 1000,
    LIST_NAME_MAX = 128 /* as shared/context/intel_lists.h has it */
};

struct context_follower {
    struct intake *intake;
    struct context_load *load;
    struct context_wish wish;
    char position[ENTRY_ID_MAX]; /* in context:log */
    struct command command;
};

static void read_changes(struct context_follower *follower);

static void on_loaded(void *owner, bool whole) {
    struct context_follower *follower = owner;
    if (whole)
        read_changes(follower);
    else
        link_condemn(follower->intake->context_link,
                     "the context could not be read"); /* comes back with backoff */
}

struct context_follower *context_follower_new(struct intake *intake) {
    struct context_follower *follower = calloc(1, sizeof(*follower));
    if (follower == NULL)
        abort();
    follower->intake = intake;
    follower->load = context_load_new(intake, on_loaded, follower);
    return follower;
}

void context_follower_free(struct context_follower *follower) {
    if (follower == NULL)
        return;
    context_load_free(follower->load);
    snapshot_free((struct snapshot *)follower->intake->snapshot);
    buffer_fini(&follower->wish.customers.bytes);
    buffer_fini(&follower->wish.lists.bytes);
    command_fini(&follower->command);
    free(follower);
}

static void note_change(struct context_wish *wish, const redisReply *fields) {
    struct text kind = reply_text(reply_field(fields, "kind"));
    struct text id = reply_text(reply_field(fields, "id"));
    if (text_is(kind, "customer"))
        wish->parts |= wanted_names_add(&wish->customers, id, SIGNAL_CUSTOMER_ID_MAX) ? 0 : CONTEXT_CUSTOMERS;
    else if (text_is(kind, "infra"))
        wish->parts |= CONTEXT_INFRA;
    else if (text_is(kind, "intel"))
        wish->parts |= wanted_names_add(&wish->lists, id, LIST_NAME_MAX) ? 0 : CONTEXT_INTEL;
    else
        wish->parts |= CONTEXT_ALL_PARTS;
    wish->search |= (wish->parts & CONTEXT_CUSTOMERS) != 0;
}

static void keep_position(struct context_follower *follower, const redisReply *id) {
    struct text text = reply_text(id);
    if (text.len > 0 && text.len < sizeof(follower->position)) {
        memcpy(follower->position, text.at, text.len);
        follower->position[text.len] = '\0';
    }
}

static void on_changes(void *arg, enum status status, const redisReply *reply) {
    struct context_follower *follower = arg;
    if (status == STATUS_UNAVAILABLE)
        return;
    if (status != STATUS_OK) {
        tell_reply("XREAD context:log", reply);
        link_condemn(follower->intake->context_link, "the context's log cannot be read");
        return;
    }
    const redisReply *entries = reply_is_array(reply, 1) && reply_is_array(reply->element[0], 2)
                                    ? reply->element[0]->element[1]
                                    : NULL;
    for (size_t i = 0; entries != NULL && reply_is_array(entries, 1) && i < entries->elements; i++) {
        if (!reply_is_array(entries->element[i], 2))
            continue;
        keep_position(follower, entries->element[i]->element[0]);
        note_change(&follower->wish, entries->element[i]->element[1]);
    }
    if (follower->wish.parts != 0 || follower->wish.customers.count > 0 || follower->wish.lists.count > 0)
        context_load_begin(follower->load, &follower->wish);
    else
        read_changes(follower);
}

static void read_changes(struct context_follower *follower) {
    command_begin(&follower->command, "XREAD");
    command_string(&follower->command, "COUNT");
    command_signed(&follower->command, CHANGES_PER_READ);
    command_string(&follower->command, "BLOCK");
    command_signed(&follower->command, BLOCK_MS);
    command_words(&follower->command, "STREAMS", keyspace_fixed(&follower->intake->keyspace, KEY_CONTEXT_LOG),
                  follower->position, NULL);
    link_send(follower->intake->context_link, command_finish(&follower->command), BLOCK_MS + BLOCK_SLACK_MS,
              on_changes, follower);
}

/* The log's end is noted before anything is loaded: a change in between is read twice, never missed. */
static void on_log_end(void *arg, enum status status, const redisReply *reply) {
    struct context_follower *follower = arg;
    if (status == STATUS_UNAVAILABLE)
        return;
    snprintf(follower->position, sizeof(follower->position), "0-0");
    if (status == STATUS_OK && reply_is_array(reply, 1) && reply_is_array(reply->element[0], 1))
        keep_position(follower, reply->element[0]->element[0]);
    context_load_begin(follower->load, &follower->wish);
}

void context_link_up(struct context_follower *follower) {
    follower->wish.parts = CONTEXT_ALL_PARTS;
    follower->wish.search = false;
    command_begin(&follower->command, "XREVRANGE");
    command_words(&follower->command, keyspace_fixed(&follower->intake->keyspace, KEY_CONTEXT_LOG), "+", "-",
                  "COUNT", "1", NULL);
    link_send(follower->intake->context_link, command_finish(&follower->command), LINK_DEADLINE_MS,
              on_log_end, follower);
}
