#include "shared/redis/link.h"

#include <hiredis/async.h>
#include <stdio.h>
#include <stdlib.h>

#include "shared/base/clock.h"
#include "shared/telemetry/log.h"
#include "shared/telemetry/metrics.h"

enum {
    BACKOFF_FIRST_MS = 50,
    BACKOFF_MAX_MS = 2000,
    CONNECT_DEADLINE_MS = 3000,
    WHY_MAX = 160,
    NAME_MAX_BYTES = 64
};

/* One command on its way, in the order sent: hiredis answers in order, so the oldest has the next reply. */
struct request {
    struct link *link;
    struct request *next;
    int64_t deadline_ms;
    link_reply on_reply;
    void *arg;
};

struct link {
    const struct reactor *reactor;
    const struct redis_url *url;
    char name[NAME_MAX_BYTES];
    const struct script *const *scripts;
    int script_count;
    const struct link_hooks *hooks;
    void *owner;

    enum link_state state;
    redisAsyncContext *context;
    void *watch;
    bool want_read, want_write;
    bool dirty;      /* commands wait in hiredis' buffer for link_flush */
    bool condemned;  /* to be dropped by link_flush, outside of every callback */
    bool was_up;     /* in this attempt */
    size_t text_max; /* bytes of one text in a reply; 0: any */
    char why[WHY_MAX];
    long long client_id;

    int64_t now_ms; /* of the last tick */
    int64_t retry_at_ms;
    int64_t connect_deadline_ms;
    int64_t backoff_ms;

    struct request *oldest, *newest, *spare;
};

static struct request *request_take(struct link *link) {
    struct request *request = link->spare;
    if (request != NULL) {
        link->spare = request->next;
        return request;
    }
    request = malloc(sizeof(*request));
    if (request == NULL)
        abort();
    return request;
}

static void queue_add(struct link *link, struct request *request) {
    request->next = NULL;
    if (link->newest == NULL)
        link->oldest = request;
    else
        link->newest->next = request;
    link->newest = request;
}

static void queue_remove_oldest(struct link *link, struct request *request) {
    link->oldest = request->next;
    if (link->oldest == NULL)
        link->newest = NULL;
    request->next = link->spare;
    link->spare = request;
}

/* The one mover between the states; each state's comment in link.h says what holds in it. */
static void enter_state(struct link *link, enum link_state state) {
    link->state = state;
}

static void schedule_retry(struct link *link) {
    int64_t wait = link->backoff_ms == 0 ? BACKOFF_FIRST_MS : link->backoff_ms;
    link->backoff_ms = wait * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : wait * 2;
    link->retry_at_ms = clock_monotonic_ms() + wait / 2 + (int64_t)(random() % (wait / 2 + 1));
}

static void forget_context(struct link *link) {
    bool was_up = link->was_up;
    link->context = NULL;
    link->dirty = link->condemned = link->was_up = false;
    link->client_id = 0;
    enter_state(link, LINK_DOWN);
    schedule_retry(link);
    log_write(LOG_REDIS_DOWN, LOG_STRING("connection", link->name), LOG_STRING("reason", link->why));
    metrics_add(METRIC_REDIS_RECONNECTS, 0, 0, 1);
    if (was_up && link->hooks->on_down != NULL)
        link->hooks->on_down(link->owner, link->why);
}

static void set_why(struct link *link, const char *why) {
    if (link->why[0] == '\0')
        snprintf(link->why, sizeof(link->why), "%s", why);
}

void link_bound_texts(struct link *link, size_t bytes) {
    link->text_max = bytes;
}

void link_condemn(struct link *link, const char *why) {
    if (link->context == NULL)
        return;
    set_why(link, why);
    link->condemned = true;
}

static void send_script_loads(struct link *link);

static void on_hiredis_reply(redisAsyncContext *context, void *reply_bytes, void *arg) {
    (void)context;
    struct request *request = arg;
    struct link *link = request->link;
    link_reply on_reply = request->on_reply;
    void *reply_arg = request->arg;
    const redisReply *reply = reply_bytes;
    if (reply == NULL)
        enter_state(link, LINK_DOWN);
    queue_remove_oldest(link, request);
    if (reply != NULL && reply_condemns_link(reply))
        link_condemn(link, reply->str);
    enum status status = reply_status(reply);
    if (status == STATUS_NO_SCRIPT)
        send_script_loads(link);
    if (on_reply != NULL)
        on_reply(reply_arg, status, reply);
}

static enum status send_now(struct link *link, struct text command, int64_t deadline_ms, link_reply on_reply,
                            void *arg) {
    struct request *request = request_take(link);
    *request = (struct request){
        .link = link, .deadline_ms = link->now_ms + deadline_ms, .on_reply = on_reply, .arg = arg};
    queue_add(link, request);
    if (redisAsyncFormattedCommand(link->context, on_hiredis_reply, request, command.at, command.len) ==
        REDIS_OK) {
        link->dirty = true;
        return STATUS_OK;
    }
    /* hiredis refuses while it is closing: the request is the newest, take it off again. */
    struct request **at = &link->oldest;
    link->newest = NULL;
    while (*at != request) {
        link->newest = *at;
        at = &(*at)->next;
    }
    *at = NULL;
    request->next = link->spare;
    link->spare = request;
    return STATUS_UNAVAILABLE;
}

enum status link_send(struct link *link, struct text command, int64_t deadline_ms, link_reply on_reply,
                      void *arg) {
    if (link->state != LINK_UP || link->condemned)
        return STATUS_UNAVAILABLE;
    return send_now(link, command, deadline_ms, on_reply, arg);
}

bool link_is_up(const struct link *link) {
    return link->state == LINK_UP && !link->condemned;
}

long long link_client_id(const struct link *link) {
    return link->client_id;
}

static void on_greeting(void *arg, enum status status, const redisReply *reply) {
    struct link *link = arg;
    if (status != STATUS_OK && reply != NULL)
        link_condemn(link, reply->str);
}

static void on_client_id(void *arg, enum status status, const redisReply *reply) {
    struct link *link = arg;
    on_greeting(arg, status, reply);
    if (status == STATUS_OK)
        link->client_id = reply_integer(reply, 0);
}

/* The last word of the greeting: the owner may speak from here on. */
static void on_greeted(void *arg, enum status status, const redisReply *reply) {
    struct link *link = arg;
    on_greeting(arg, status, reply);
    if (status != STATUS_OK || link->condemned)
        return;
    enter_state(link, LINK_UP);
    link->backoff_ms = 0;
    link->was_up = true;
    log_write(LOG_REDIS_UP, LOG_STRING("connection", link->name));
    if (link->hooks->on_up != NULL)
        link->hooks->on_up(link->owner);
}

static void send_script_loads(struct link *link) {
    struct command command = COMMAND_EMPTY;
    for (int i = 0; i < link->script_count; i++) {
        command_begin(&command, "SCRIPT");
        command_words(&command, "LOAD", link->scripts[i]->text, NULL);
        send_now(link, command_finish(&command), LINK_DEADLINE_MS, on_greeting, link);
    }
    command_fini(&command);
}

static void greet(struct link *link) {
    struct command command = COMMAND_EMPTY;
    const struct redis_url *url = link->url;
    enter_state(link, LINK_GREETING);
    if (url->password[0] != '\0') {
        command_begin(&command, "AUTH");
        if (url->user[0] != '\0')
            command_string(&command, url->user);
        command_string(&command, url->password);
        send_now(link, command_finish(&command), LINK_DEADLINE_MS, on_greeting, link);
    }
    if (url->database != 0) {
        command_begin(&command, "SELECT");
        command_signed(&command, url->database);
        send_now(link, command_finish(&command), LINK_DEADLINE_MS, on_greeting, link);
    }
    send_script_loads(link);
    command_begin(&command, "CLIENT");
    command_words(&command, "ID", NULL);
    send_now(link, command_finish(&command), LINK_DEADLINE_MS, on_client_id, link);
    command_begin(&command, "CLIENT");
    command_words(&command, "SETNAME", link->name, NULL);
    send_now(link, command_finish(&command), LINK_DEADLINE_MS, on_greeted, link);
    command_fini(&command);
}

static void on_connect(const redisAsyncContext *context, int result) {
    struct link *link = context->data;
    if (result == REDIS_OK) {
        greet(link);
        return;
    }
    set_why(link, context->errstr[0] == '\0' ? "connection refused" : context->errstr);
    forget_context(link); /* hiredis frees the context when this returns */
}

static void on_disconnect(const redisAsyncContext *context, int result) {
    struct link *link = context->data;
    set_why(link, result == REDIS_OK ? "closed" : context->errstr);
    forget_context(link);
}

static void show_interest(struct link *link) {
    if (link->watch != NULL)
        link->reactor->want(link->watch, link->want_read, link->want_write);
}

static void hook_add_read(void *arg) {
    struct link *link = arg;
    if (link->want_read)
        return;
    link->want_read = true;
    show_interest(link);
}

static void hook_del_read(void *arg) {
    struct link *link = arg;
    link->want_read = false;
    show_interest(link);
}

/* hiredis asks for this with every command; once connected link_flush writes, and only what the kernel did
 * not take then waits for writability. */
static void hook_add_write(void *arg) {
    struct link *link = arg;
    if (link->state != LINK_CONNECTING)
        return;
    link->want_write = true;
    show_interest(link);
}

static void hook_del_write(void *arg) {
    struct link *link = arg;
    if (!link->want_write)
        return;
    link->want_write = false;
    show_interest(link);
}

static void hook_cleanup(void *arg) {
    struct link *link = arg;
    if (link->watch != NULL)
        link->reactor->unwatch(link->watch);
    link->watch = NULL;
    link->want_read = link->want_write = false;
}

static void on_ready(void *arg, bool readable, bool writable) {
    struct link *link = arg;
    if (writable && link->context != NULL)
        redisAsyncHandleWrite(link->context);
    if (writable && link->context != NULL && link->want_write)
        show_interest(link); /* a loop may tell writability once only: not all was taken yet */
    if (readable && link->context != NULL && !link->condemned)
        redisAsyncHandleRead(link->context);
    /* Whole texts were taken out of the reader: what is left is the beginning of one. */
    if (link->context != NULL && link->text_max > 0 && link->context->c.reader->len > link->text_max)
        link_condemn(link, "a text in a reply is too large");
}

static redisAsyncContext *start_connect(const struct redis_url *url) {
    return url->kind == REDIS_URL_UNIX ? redisAsyncConnectUnix(url->path)
                                       : redisAsyncConnect(url->host, url->port);
}

static void attempt(struct link *link) {
    link->why[0] = '\0';
    redisAsyncContext *context = start_connect(link->url);
    if (context == NULL)
        abort();
    link->watch =
        context->err ? NULL : link->reactor->watch(link->reactor->loop, context->c.fd, on_ready, link);
    if (link->watch == NULL) {
        set_why(link, context->err ? context->errstr : "the loop took no more sockets");
        redisAsyncFree(context);
        forget_context(link);
        return;
    }
    if (link->url->kind == REDIS_URL_TCP)
        redisEnableKeepAlive(&context->c);
    context->data = link;
    context->ev.data = link;
    context->ev.addRead = hook_add_read;
    context->ev.delRead = hook_del_read;
    context->ev.addWrite = hook_add_write;
    context->ev.delWrite = hook_del_write;
    context->ev.cleanup = hook_cleanup;
    link->context = context;
    enter_state(link, LINK_CONNECTING);
    link->connect_deadline_ms = link->now_ms + CONNECT_DEADLINE_MS;
    redisAsyncSetDisconnectCallback(context, on_disconnect);
    redisAsyncSetConnectCallback(context, on_connect); /* asks for writability */
}

/* Outside of every callback: hiredis tells all outstanding requests and then on_disconnect, which hiredis
 * leaves out for a context that never connected. */
static void drop(struct link *link) {
    bool connected = link->state != LINK_CONNECTING;
    redisAsyncContext *context = link->context;
    enter_state(link, LINK_DOWN);
    redisAsyncFree(context);
    if (!connected && link->context != NULL)
        forget_context(link);
}

void link_flush(struct link *link) {
    if (link->condemned && link->context != NULL) {
        drop(link);
        return;
    }
    if (!link->dirty || link->context == NULL || link->state == LINK_CONNECTING)
        return;
    link->dirty = false;
    redisAsyncHandleWrite(link->context);
    if (link->context != NULL && sdslen(link->context->c.obuf) > 0 && !link->want_write) {
        link->want_write = true;
        show_interest(link);
    }
}

static bool has_overdue_request(const struct link *link) {
    for (const struct request *request = link->oldest; request != NULL; request = request->next)
        if (link->now_ms > request->deadline_ms)
            return true;
    return false;
}

void link_tick(struct link *link, int64_t now_ms) {
    link->now_ms = now_ms;
    if (link->context == NULL) {
        if (now_ms >= link->retry_at_ms)
            attempt(link);
        return;
    }
    if (link->state == LINK_CONNECTING && now_ms > link->connect_deadline_ms)
        link_condemn(link, "no connection within the deadline");
    if (has_overdue_request(link))
        link_condemn(link, "no reply within the deadline");
    link_flush(link);
}

struct link *link_open(const struct reactor *reactor, const struct redis_url *url, const char *name,
                       const struct script *const *scripts, int script_count, const struct link_hooks *hooks,
                       void *owner) {
    struct link *link = calloc(1, sizeof(*link));
    if (link == NULL || script_count > LINK_SCRIPTS_MAX)
        abort();
    link->reactor = reactor;
    link->url = url;
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
    set_why(link, "closed");
    if (link->context != NULL)
        drop(link);
    while (link->spare != NULL) {
        struct request *request = link->spare;
        link->spare = request->next;
        free(request);
    }
    free(link);
}
