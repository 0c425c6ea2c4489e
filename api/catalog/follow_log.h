/* Follows threats:log: reads it from its start, then as it grows, and tells every row in order. Notices a log
 * that was flushed, rolled back or trimmed past its cursor and starts over. */
#ifndef SOC_API_FOLLOW_LOG_H
#define SOC_API_FOLLOW_LOG_H

#include "shared/model/log_row.h"
#include "shared/redis/keys.h"
#include "shared/redis/link.h"
#include "shared/redis/stream_id.h"

struct follower;

struct follower_hooks {
    /* `live` is false while the log is read for the first time (or again after a reset). */
    void (*on_row)(void *arg, struct stream_id position, const struct log_row *row, bool live);
    /* Forget all rows: the log is read again from its start. */
    void (*on_reset)(void *arg, const char *why);
    void (*on_ready)(void *arg);
};

/* The link is this follower's alone: XREAD blocks it. */
struct follower *follower_new(struct link *const *link, const struct keyspace *keyspace,
                              const struct follower_hooks *hooks, void *arg);
void follower_free(struct follower *follower);

/* From the link's hooks. */
void follower_link_up(struct follower *follower);

/* The log was read to its end at least once since the start or the last reset. */
bool follower_ready(const struct follower *follower);

#endif
