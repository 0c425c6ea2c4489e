/* Keeps the context in memory: loads customers, infra events and intel lists once, then follows context:log
 * and reads again what it names (`kind` customer with `id`, infra, intel, all). */
#ifndef SOC_WORKER_FOLLOW_CONTEXT_H
#define SOC_WORKER_FOLLOW_CONTEXT_H

#include "worker/intake/intake.h"

struct context_follower;

struct context_follower *context_follower_new(struct intake *intake);
void context_follower_free(struct context_follower *follower);

/* From the link's hooks: everything may have changed meanwhile. */
void context_link_up(struct context_follower *follower);

#endif
