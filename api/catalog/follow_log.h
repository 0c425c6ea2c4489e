/* Follows threats:log: reads it from its start, then as it grows, and tells every row in order.
 *
 * A log can be flushed, rolled back, restored or trimmed past the cursor. At least every two seconds, and
 * whenever the connection comes up, the follower compares the row at its position with the one it read there,
 * and the rows that were ever added with those it has counted: so a log that is another one is noticed within
 * four seconds, even when its ids have passed the cursor meanwhile. Then it starts over. */
#ifndef SOC_API_FOLLOW_LOG_H
#define SOC_API_FOLLOW_LOG_H

#include "shared/model/log_row.h"
#include "shared/redis/keys.h"
#include "shared/redis/link.h"
#include "shared/redis/stream_id.h"

struct follower;

enum row_age {
    ROW_PAST,    /* read at the start, or again after a reset */
    ROW_NEW,     /* it has just happened */
    ROW_REPEATED /* written again for those who start to read: it says what is, nothing happened */
};

struct follower_hooks {
    void (*on_row)(void *arg, struct stream_id position, const struct log_row *row, enum row_age age);
    /* Forget all rows: the log is read again from its start. */
    void (*on_reset)(void *arg, const char *why);
    void (*on_ready)(void *arg);
};

/* The script, for link_open. */
const struct script *follower_script(void);

/* The link is this follower's alone: XREAD blocks it. */
struct follower *follower_new(struct link *const *link, const struct keyspace *keyspace,
                              const struct follower_hooks *hooks, void *arg);
void follower_free(struct follower *follower);

/* From the link's hooks. */
void follower_link_up(struct follower *follower);

/* Reads again after a pause that an error made. */
void follower_tick(struct follower *follower, int64_t now_ms);

/* The log was read to its end since the start or the last reset, and can be read. */
bool follower_ready(const struct follower *follower);

#endif
