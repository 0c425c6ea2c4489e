#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "shared/redis/link_parts.h"

/* What the peer's kernel has not acknowledged for so long ends the connection: a black hole is found before a
 * command's deadline, and a slow Redis is not taken for one. */
enum { UNACKNOWLEDGED_MS = 3000 };

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
    if (readable && link->context != NULL && link->state != LINK_LEAVING)
        redisAsyncHandleRead(link->context);
    /* Whole texts were taken out of the reader: what is left is the beginning of one. */
    if (link->context != NULL && link->text_max > 0 && link->context->c.reader->len > link->text_max)
        link_condemn(link, "a text in a reply is too large");
}

/* hiredis frees the context when either of these two returns. */
static void on_connect(const redisAsyncContext *context, int result) {
    struct link *link = context->data;
    if (result == REDIS_OK) {
        link_event(link, LINK_EVENT_CONNECTED);
        return;
    }
    link_set_why(link, context->errstr[0] == '\0' ? "connection refused" : context->errstr);
    link->context = NULL;
    link_event(link, LINK_EVENT_LOST);
}

static void on_disconnect(const redisAsyncContext *context, int result) {
    struct link *link = context->data;
    link_set_why(link, result == REDIS_OK ? "closed" : context->errstr);
    link->context = NULL;
    link_event(link, LINK_EVENT_LOST);
}

static void set_options(struct link *link) {
    unsigned unacknowledged_ms = UNACKNOWLEDGED_MS;
    if (link->endpoint->path != NULL)
        return;
    redisEnableKeepAlive(&link->context->c);
    setsockopt(link->context->c.fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_ms,
               sizeof(unacknowledged_ms));
}

static void set_hooks(struct link *link) {
    redisAsyncContext *context = link->context;
    context->data = link;
    context->ev.data = link;
    context->ev.addRead = hook_add_read;
    context->ev.delRead = hook_del_read;
    context->ev.addWrite = hook_add_write;
    context->ev.delWrite = hook_del_write;
    context->ev.cleanup = hook_cleanup;
    redisAsyncSetDisconnectCallback(context, on_disconnect);
    redisAsyncSetConnectCallback(context, on_connect); /* asks for writability */
}

void socket_connect(struct link *link) {
    const struct endpoint *endpoint = link->endpoint;
    redisAsyncContext *context = endpoint->path != NULL
                                     ? redisAsyncConnectUnix(endpoint->path)
                                     : redisAsyncConnect(link->address, endpoint->host.port);
    if (context == NULL)
        abort();
    link->watch =
        context->err ? NULL : link->reactor->watch(link->reactor->loop, context->c.fd, on_ready, link);
    if (link->watch == NULL) {
        link_set_why(link, context->err ? context->errstr : "the loop took no more sockets");
        redisAsyncFree(context);
        link_event(link, LINK_EVENT_LOST);
        return;
    }
    link->context = context;
    set_options(link);
    set_hooks(link);
}

void socket_write(struct link *link) {
    if (!link->dirty)
        return;
    link->dirty = false;
    redisAsyncHandleWrite(link->context);
    if (link->context != NULL && sdslen(link->context->c.obuf) > 0 && !link->want_write) {
        link->want_write = true;
        show_interest(link);
    }
}

/* What has arrived and was not read yet, because we were not let run, is no silence of the peer's. */
void socket_read_rest(struct link *link) {
    uint64_t before;
    do {
        before = link->answered;
        redisAsyncHandleRead(link->context);
    } while (link->context != NULL && link->state != LINK_LEAVING && link->answered != before);
}

/* Outside of every callback: hiredis tells all outstanding requests and then on_disconnect, which it leaves
 * out for a context that never connected. */
void socket_close(struct link *link) {
    redisAsyncFree(link->context);
    if (link->context == NULL)
        return;
    link->context = NULL;
    link_event(link, LINK_EVENT_LOST);
}
