#include "shared/redis/sentinel.h"

#include <stdio.h>

#include "shared/telemetry/log.h"

enum { ANSWER_DEADLINE_MS = 1500 };

static void on_lost(void *owner, const char *why) {
    struct sentinel *sentinel = owner;
    (void)why;
    sentinel->asking = false;
}

void sentinel_open(struct sentinel *sentinel, const struct reactor *reactor, const struct redis_host *host,
                   const char *master) {
    static const struct link_hooks hooks = {NULL, on_lost};
    char name[REDIS_HOST_MAX + 24];
    *sentinel = (struct sentinel){.master = master, .epoch_told = -1};
    sentinel->endpoint = (struct endpoint){
        .host = *host, .moves = 1, .user = "", .password = "", .role = "sentinel", .told_once = true};
    snprintf(name, sizeof(name), "sentinel-%s:%u", host->host, host->port);
    sentinel->link = link_open(reactor, &sentinel->endpoint, name, NULL, 0, &hooks, sentinel);
}

void sentinel_close(struct sentinel *sentinel) {
    link_close(sentinel->link);
    sentinel->link = NULL;
}

static void tell_unknown(struct sentinel *sentinel, struct text why) {
    if (sentinel->told_unknown)
        return;
    sentinel->told_unknown = true;
    log_write(LOG_MASTER_UNKNOWN, LOG_STRING("sentinel", sentinel->endpoint.host.host),
              LOG_NUMBER("port", sentinel->endpoint.host.port), LOG_STRING("master", sentinel->master),
              LOG_TEXT("reason", why));
}

/* SENTINEL MASTER → names and values. */
static void on_master(void *arg, enum status status, const redisReply *reply) {
    struct sentinel *sentinel = arg;
    unsigned long long epoch;
    sentinel->epoch_told = -1;
    if (status == STATUS_OK &&
        text_to_unsigned(reply_text(reply_field(reply, "config-epoch")), INT64_MAX, &epoch))
        sentinel->epoch_told = (long long)epoch;
    else if (reply != NULL)
        tell_unknown(sentinel, reply_shown(reply));
}

/* SENTINEL GET-MASTER-ADDR-BY-NAME → [host, port], nil when it knows none of that name. */
static void on_address(void *arg, enum status status, const redisReply *reply) {
    struct sentinel *sentinel = arg;
    unsigned long long port;
    sentinel->asking = false;
    if (status != STATUS_OK || !reply_is_array(reply, 2) || sentinel->epoch_told < 0)
        return;
    struct text host = reply_text(reply->element[0]);
    if (host.len == 0 || host.len > REDIS_HOST_MAX ||
        !text_to_unsigned(reply_text(reply->element[1]), UINT16_MAX, &port) || port == 0)
        return;
    snprintf(sentinel->master_host.host, sizeof(sentinel->master_host.host), "%.*s", (int)host.len, host.at);
    sentinel->master_host.port = (uint16_t)port;
    sentinel->epoch = sentinel->epoch_told;
    sentinel->answered_ms = sentinel->now_ms;
    sentinel->told_unknown = false;
}

static bool say(struct sentinel *sentinel, struct command *command, const char *word, link_reply on_reply) {
    command_begin(command, "SENTINEL");
    command_words(command, word, sentinel->master, NULL);
    return link_send(sentinel->link, command_finish(command), ANSWER_DEADLINE_MS, on_reply, sentinel) ==
           STATUS_OK;
}

/* While a Sentinel conducts a failover, MASTER still has the old address with the new epoch: the address
 * comes from the other question, asked second, so that an epoch is never newer than its address. */
static void ask(struct sentinel *sentinel) {
    struct command command = COMMAND_EMPTY;
    sentinel->asking = say(sentinel, &command, "MASTER", on_master) &&
                       say(sentinel, &command, "GET-MASTER-ADDR-BY-NAME", on_address);
    sentinel->ask_at_ms = sentinel->now_ms + SENTINEL_POLL_MS;
    command_fini(&command);
}

void sentinel_tick(struct sentinel *sentinel, int64_t now_ms) {
    sentinel->now_ms = now_ms;
    if (!sentinel->asking && now_ms >= sentinel->ask_at_ms && link_is_up(sentinel->link))
        ask(sentinel);
    link_tick(sentinel->link, now_ms);
}
