/* The reactor on libevent's loop. */
#ifndef SOC_WORKER_LIBEVENT_REACTOR_H
#define SOC_WORKER_LIBEVENT_REACTOR_H

#include <event2/event.h>

#include "shared/redis/reactor.h"

struct reactor libevent_reactor(struct event_base *base);

#endif
