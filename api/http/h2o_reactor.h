/* The reactor on h2o's own loop. */
#ifndef SOC_API_H2O_REACTOR_H
#define SOC_API_H2O_REACTOR_H

#include <h2o.h>

#include "shared/redis/reactor.h"

struct reactor h2o_reactor(h2o_loop_t *loop);

#endif
