/* One connection to Redis that keeps itself up: connects, greets, watches deadlines and silence, follows its
 * endpoint, comes back with jittered backoff. hiredis' async context on whatever loop the reactor wraps.
 * Nothing here waits. Its states and what happens in them are the table in link_machine.c.
 *
 * A turn of the loop: callbacks run and send commands; then the owner calls link_flush, which writes what
 * they sent in one go and buries a connection that was condemned meanwhile. link_tick, every few tens of ms,
 * owns time: reconnects and deadlines. */
#ifndef SOC_REDIS_LINK_H
#define SOC_REDIS_LINK_H

#include "shared/redis/command.h"
#include "shared/redis/endpoint.h"
#include "shared/redis/link_machine.h"
#include "shared/redis/reactor.h"
#include "shared/redis/reply.h"
#include "shared/redis/script.h"

struct link;

struct link_hooks {
    void (*on_up)(void *owner);
    /* After every outstanding command was told STATUS_UNAVAILABLE. Not called for failed attempts. */
    void (*on_down)(void *owner, const char *why);
};

/* `status` is the reply's; `reply` is NULL when there is none (connection lost). Both die with the call. */
typedef void (*link_reply)(void *arg, enum status status, const redisReply *reply);

enum { LINK_SCRIPTS_MAX = 20, LINK_DEADLINE_MS = 3500 };

/* `name` goes to CLIENT SETNAME and the logs. `endpoint` and `scripts` must outlive the link. The first
 * attempt is made by the first link_tick. */
struct link *link_open(const struct reactor *reactor, const struct endpoint *endpoint, const char *name,
                       const struct script *const *scripts, int script_count, const struct link_hooks *hooks,
                       void *owner);
void link_close(struct link *link);

bool link_is_up(const struct link *link);

/* Sends a finished command. STATUS_UNAVAILABLE, and no callback, when the link is not up. The reply must come
 * within `deadline_ms`, or the whole connection is given up: Redis answers in order. */
enum status link_send(struct link *link, struct text command, int64_t deadline_ms, link_reply on_reply,
                      void *arg);

void link_flush(struct link *link);
void link_tick(struct link *link, int64_t now_ms);

/* The id of this connection in Redis (CLIENT ID), for CLIENT UNBLOCK; 0 when not known. */
long long link_client_id(const struct link *link);

/* A reply with a text longer than this is not waited for: the connection is given up before it is all in
 * memory. */
void link_bound_texts(struct link *link, size_t bytes);

/* Gives the connection up from outside (a wrong answer, a test). Comes back by itself. */
void link_condemn(struct link *link, const char *why);

#endif
