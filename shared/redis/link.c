#include "shared/redis/link.h"

#include <stdio.h>
#include <stdlib.h>

#include "shared/base/clock.h"
#include "shared/redis/backoff.h"
#include "shared/redis/link_parts.h"
#include "shared/telemetry/log.h"
#include "shared/telemetry/metrics.h"

enum {
    RESOLVE_DEADLINE_MS = 5000,
    CONNECT_DEADLINE_MS = 3000,
    IDLE_MS = 500,           /* so long nothing was asked: is the peer still there? */
    IDLE_DEADLINE_MS = 2000, /* its answer; with IDLE_MS less than a blocking read's deadline */
    STEADY_MS = 2000         /* a connection that held so long begins with the shortest wait again */
};

/* --- the machine --- */

void link_set_why(struct link *link, const char *why) {
    if (link->why[0] == '\0')
        snprintf(link->why, sizeof(link->why), "%s", why);
}

void link_give_up(struct link *link, const char *why) {
    link_set_why(link, why);
    link_event(link, LINK_EVENT_CONDEMNED);
}

void link_refuse(struct link *link, const redisReply *reply) {
    struct text why = reply_shown(reply);
    char words[LINK_WHY_MAX];
    snprintf(words, sizeof(words), "%.*s", (int)why.len, why.at);
    link_give_up(link, words);
}

static void seek(struct link *link) {
    link->why[0] = '\0';
    link->hurry = link->lasting = false;
    link->up_since_ms = 0;
    if (link->endpoint->moves > 0)
        link_event(link, LINK_EVENT_PLACE);
}

static void resolve(struct link *link) {
    const struct endpoint *endpoint = link->endpoint;
    link->deadline_ms = link->now_ms + RESOLVE_DEADLINE_MS;
    if (endpoint->path == NULL && !host_is_numeric(endpoint->host.host)) {
        link->lookup = lookup_begin(link->lookup, endpoint->host.host);
        return;
    }
    if (endpoint->path == NULL)
        snprintf(link->address, sizeof(link->address), "%.*s", LOOKUP_ADDRESS_MAX - 1, endpoint->host.host);
    link_event(link, LINK_EVENT_RESOLVED);
}

static void tell_up(struct link *link) {
    link->up_since_ms = link->heard_ms = link->now_ms;
    link->told = false;
    log_write(LOG_REDIS_UP, LOG_STRING("connection", link->name));
    if (link->hooks->on_up != NULL)
        link->hooks->on_up(link->owner);
}

static void schedule_retry(struct link *link) {
    bool steady = link->up_since_ms != 0 && link->now_ms - link->up_since_ms >= STEADY_MS;
    link->backoff_ms = backoff_next(link->lasting           ? BACKOFF_MAX_MS
                                    : steady || link->hurry ? 0
                                                            : link->backoff_ms);
    link->retry_at_ms = link->hurry ? 0 : clock_monotonic_ms() + link->backoff_ms;
}

static void tell_down(struct link *link) {
    if (link->told)
        return;
    link->told = link->endpoint->told_once;
    log_write(LOG_REDIS_DOWN, LOG_STRING("connection", link->name), LOG_STRING("reason", link->why));
    if (!link->endpoint->told_once)
        metrics_add(METRIC_REDIS_RECONNECTS, 0, 0, 1);
}

static void retry(struct link *link) {
    bool was_up = link->up_since_ms != 0;
    link->address_turn += !was_up;
    link->dirty = false;
    link->client_id = 0;
    schedule_retry(link);
    tell_down(link);
    if (was_up && link->hooks->on_down != NULL)
        link->hooks->on_down(link->owner, link->why);
}

static void act(struct link *link, enum link_action action) {
    switch (action) {
    case LINK_DO_NOTHING: return;
    case LINK_DO_SEEK: seek(link); return;
    case LINK_DO_HURRY: link->retry_at_ms = 0; return;
    case LINK_DO_RESOLVE: resolve(link); return;
    case LINK_DO_CONNECT:
        link->deadline_ms = link->now_ms + CONNECT_DEADLINE_MS;
        socket_connect(link);
        return;
    case LINK_DO_GREET: greet_server(link); return;
    case LINK_DO_TELL_UP: tell_up(link); return;
    case LINK_DO_WRITE: socket_write(link); return;
    case LINK_DO_MOVE:
        link->hurry = true;
        link_set_why(link, "the master moved");
        return;
    case LINK_DO_CLOSE: socket_close(link); return;
    case LINK_DO_RETRY: retry(link); return;
    case LINK_CANNOT:
    case LINK_ACTION_COUNT: break;
    }
    abort();
}

void link_event(struct link *link, enum link_event event) {
    struct link_step step = link_step(link->state, event);
    link->state = step.next;
    act(link, step.action);
}

/* --- commands --- */

static void on_hiredis_reply(redisAsyncContext *context, void *reply_bytes, void *arg) {
    (void)context;
    struct request request = *(struct request *)arg;
    struct link *link = request.link;
    const redisReply *reply = reply_bytes;
    if (reply == NULL) /* the connection is lost: whoever is told now must not send on it */
        link_event(link, LINK_EVENT_CONDEMNED);
    request_remove_oldest(&link->requests);
    link->answered++;
    link->heard_ms = link->now_ms;
    if (reply != NULL && reply_condemns_link(reply)) {
        link->lasting |= reply_is_lasting(reply);
        link_refuse(link, reply);
    }
    enum status status = reply_status(reply);
    if (reply != NULL && status != STATUS_OK)
        metrics_add(METRIC_REDIS_ERRORS, (int)status, 0, 1);
    if (status == STATUS_NO_SCRIPT)
        greet_scripts(link);
    if (request.on_reply != NULL)
        request.on_reply(request.arg, status, reply);
}

enum status link_send_now(struct link *link, struct text command, int64_t deadline_ms, link_reply on_reply,
                          void *arg) {
    struct request *request = request_add(&link->requests);
    request->link = link;
    request->deadline_ms = link->now_ms + deadline_ms;
    request->on_reply = on_reply;
    request->arg = arg;
    if (redisAsyncFormattedCommand(link->context, on_hiredis_reply, request, command.at, command.len) ==
        REDIS_OK) {
        link->dirty = true;
        return STATUS_OK;
    }
    request_remove_newest(&link->requests); /* hiredis refuses while it is closing */
    return STATUS_UNAVAILABLE;
}

enum status link_send(struct link *link, struct text command, int64_t deadline_ms, link_reply on_reply,
                      void *arg) {
    if (link->state != LINK_UP)
        return STATUS_UNAVAILABLE;
    return link_send_now(link, command, deadline_ms, on_reply, arg);
}

bool link_is_up(const struct link *link) {
    return link->state == LINK_UP;
}

long long link_client_id(const struct link *link) {
    return link->client_id;
}

void link_bound_texts(struct link *link, size_t bytes) {
    link->text_max = bytes;
}

void link_condemn(struct link *link, const char *why) {
    if (link->context != NULL)
        link_give_up(link, why);
}

void link_flush(struct link *link) {
    link_event(link, LINK_EVENT_TURN_END);
}

/* --- time --- */

static void follow_lookup(struct link *link) {
    const char *why = "no answer within the deadline";
    char reason[LINK_WHY_MAX];
    enum lookup_state found = lookup_poll(link->lookup, link->address_turn, link->address, &why);
    if (found == LOOKUP_DONE) {
        link_event(link, LINK_EVENT_RESOLVED);
    } else if (found == LOOKUP_FAILED || link->now_ms > link->deadline_ms) {
        snprintf(reason, sizeof(reason), "the name %.120s is not found: %s", link->endpoint->host.host, why);
        link_give_up(link, reason);
    }
}

static void watch_requests(struct link *link) {
    if (request_is_overdue(&link->requests, link->now_ms))
        socket_read_rest(link);
    if (link->context != NULL && request_is_overdue(&link->requests, link->now_ms))
        link_give_up(link, "no reply within the deadline");
}

/* A black hole says nothing: it is found before somebody's request has to wait for it. */
static void watch_silence(struct link *link) {
    static const char ping[] = "*1\r\n$4\r\nPING\r\n";
    if (link->requests.oldest == NULL && link->now_ms - link->heard_ms >= IDLE_MS)
        link_send_now(link, (struct text){ping, sizeof(ping) - 1}, IDLE_DEADLINE_MS, NULL, NULL);
}

static void pass_time(struct link *link) {
    switch (link->state) {
    case LINK_DOWN:
        if (link->now_ms >= link->retry_at_ms)
            link_event(link, LINK_EVENT_DUE);
        return;
    case LINK_RESOLVING: follow_lookup(link); return;
    case LINK_CONNECTING:
        if (link->now_ms > link->deadline_ms)
            link_give_up(link, "no connection within the deadline");
        return;
    case LINK_GREETING: watch_requests(link); return;
    case LINK_UP:
        watch_requests(link);
        if (link->state == LINK_UP)
            watch_silence(link);
        return;
    case LINK_SEEKING:
    case LINK_LEAVING:
    case LINK_STATE_COUNT: return;
    }
}

void link_tick(struct link *link, int64_t now_ms) {
    link->now_ms = now_ms;
    if (link->seen_moves != link->endpoint->moves) {
        link->seen_moves = link->endpoint->moves;
        link_event(link, LINK_EVENT_PLACE);
    }
    pass_time(link);
    link_flush(link);
}

/* --- both ends --- */

struct link *link_open(const struct reactor *reactor, const struct endpoint *endpoint, const char *name,
                       const struct script *const *scripts, int script_count, const struct link_hooks *hooks,
                       void *owner) {
    struct link *link = calloc(1, sizeof(*link));
    if (link == NULL || script_count > LINK_SCRIPTS_MAX)
        abort();
    link->reactor = reactor;
    link->endpoint = endpoint;
    link->scripts = scripts;
    link->script_count = script_count;
    link->hooks = hooks;
    link->owner = owner;
    link->now_ms = clock_monotonic_ms();
    snprintf(link->name, sizeof(link->name), "%s", name);
    return link;
}

void link_close(struct link *link) {
    static const struct link_hooks silent = {NULL, NULL};
    if (link == NULL)
        return;
    link->hooks = &silent;
    link_condemn(link, "closed");
    if (link->context != NULL)
        link_flush(link);
    lookup_free(link->lookup);
    request_queue_fini(&link->requests);
    free(link);
}
