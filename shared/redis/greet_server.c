#include <stdio.h>

#include "shared/redis/link_parts.h"

static void on_greeting(void *arg, enum status status, const redisReply *reply) {
    struct link *link = arg;
    if (status != STATUS_OK && reply != NULL)
        link_refuse(link, reply);
}

static void on_client_id(void *arg, enum status status, const redisReply *reply) {
    struct link *link = arg;
    on_greeting(arg, status, reply);
    if (status == STATUS_OK)
        link->client_id = reply_integer(reply, 0);
}

static void greet_master(struct link *link);

/* ROLE → [role, …]: a replica takes no writes, and its data is old. Nothing more is said to one. */
static void on_role(void *arg, enum status status, const redisReply *reply) {
    struct link *link = arg;
    struct text role = reply_is_array(reply, 1) ? reply_text(reply->element[0]) : TEXT_LITERAL("");
    char why[LINK_WHY_MAX];
    on_greeting(arg, status, reply);
    if (status != STATUS_OK)
        return;
    if (text_is(role, link->endpoint->role)) {
        greet_master(link);
        return;
    }
    snprintf(why, sizeof(why), "it is not the %s: its role is %.*s", link->endpoint->role, (int)role.len,
             role.at);
    link_give_up(link, why);
}

/* The last word of the greeting: the owner may speak from here on. */
static void on_greeted(void *arg, enum status status, const redisReply *reply) {
    struct link *link = arg;
    on_greeting(arg, status, reply);
    if (status == STATUS_OK)
        link_event(link, LINK_EVENT_GREETED);
}

static void say(struct link *link, struct command *command, link_reply on_reply) {
    link_send_now(link, command_finish(command), LINK_DEADLINE_MS, on_reply, link);
}

void greet_scripts(struct link *link) {
    struct command command = COMMAND_EMPTY;
    for (int i = 0; i < link->script_count; i++) {
        command_begin(&command, "SCRIPT");
        command_words(&command, "LOAD", link->scripts[i]->text, NULL);
        say(link, &command, on_greeting);
    }
    command_fini(&command);
}

static void say_password(struct link *link, struct command *command) {
    const struct endpoint *endpoint = link->endpoint;
    command_begin(command, "AUTH");
    if (endpoint->user[0] != '\0')
        command_string(command, endpoint->user);
    command_string(command, endpoint->password);
    say(link, command, on_greeting);
}

void greet_server(struct link *link) {
    struct command command = COMMAND_EMPTY;
    if (link->endpoint->password[0] != '\0')
        say_password(link, &command);
    command_begin(&command, "ROLE");
    say(link, &command, on_role);
    command_fini(&command);
}

static void greet_master(struct link *link) {
    struct command command = COMMAND_EMPTY;
    const struct endpoint *endpoint = link->endpoint;
    if (endpoint->database != 0) {
        command_begin(&command, "SELECT");
        command_signed(&command, endpoint->database);
        say(link, &command, on_greeting);
    }
    greet_scripts(link);
    command_begin(&command, "CLIENT");
    command_words(&command, "ID", NULL);
    say(link, &command, on_client_id);
    command_begin(&command, "CLIENT");
    command_words(&command, "SETNAME", link->name, NULL);
    say(link, &command, on_greeted);
    command_fini(&command);
}
