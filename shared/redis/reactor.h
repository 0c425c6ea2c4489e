/* The event loop as a Redis link sees it, so that one link module runs on h2o's loop and on libevent's. */
#ifndef SOC_REDIS_REACTOR_H
#define SOC_REDIS_REACTOR_H

#include <stdbool.h>

typedef void (*reactor_ready)(void *arg, bool readable, bool writable);

struct reactor {
    void *loop;
    /* Starts to watch `fd`, which stays the caller's; NULL on failure. Nothing is reported before `want`. */
    void *(*watch)(void *loop, int fd, reactor_ready ready, void *arg);
    /* Level-triggered interest; `ready` is called from the loop, never from here. */
    void (*want)(void *watch, bool read, bool write);
    /* Before `fd` is closed; allowed inside `ready`. */
    void (*unwatch)(void *watch);
};

#endif
