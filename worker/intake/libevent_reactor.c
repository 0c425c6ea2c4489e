#include "worker/intake/libevent_reactor.h"

#include <stdlib.h>

struct libevent_watch {
    struct event *readable, *writable;
    reactor_ready ready;
    void *arg;
};

static void on_event(evutil_socket_t fd, short what, void *arg) {
    struct libevent_watch *watch = arg;
    (void)fd;
    watch->ready(watch->arg, (what & EV_READ) != 0, (what & EV_WRITE) != 0);
}

static void *watch_fd(void *loop, int fd, reactor_ready ready, void *arg) {
    struct libevent_watch *watch = malloc(sizeof(*watch));
    if (watch == NULL)
        abort();
    *watch = (struct libevent_watch){event_new(loop, fd, EV_READ | EV_PERSIST, on_event, watch),
                                     event_new(loop, fd, EV_WRITE | EV_PERSIST, on_event, watch), ready, arg};
    if (watch->readable == NULL || watch->writable == NULL)
        abort();
    return watch;
}

static void set(struct event *event, bool wanted) {
    if (wanted)
        event_add(event, NULL);
    else
        event_del(event);
}

static void want(void *bytes, bool read, bool write) {
    struct libevent_watch *watch = bytes;
    set(watch->readable, read);
    set(watch->writable, write);
}

static void unwatch(void *bytes) {
    struct libevent_watch *watch = bytes;
    event_free(watch->readable);
    event_free(watch->writable);
    free(watch);
}

struct reactor libevent_reactor(struct event_base *base) {
    return (struct reactor){.loop = base, .watch = watch_fd, .want = want, .unwatch = unwatch};
}
