/* How much work waits, as XINFO and XPENDING tell it: asked of Redis once a second, answered from memory. Lag
 * is told only when Redis' figure can be true; what is outstanding is then lag + pending, else the stream's
 * length, which is never less. */
#ifndef SOC_API_BACKLOG_H
#define SOC_API_BACKLOG_H

#include "shared/json/writer.h"
#include "shared/redis/keys.h"
#include "shared/redis/link.h"

struct backlog;

struct backlog *backlog_new(struct link *const *link, const struct keyspace *keyspace);
void backlog_free(struct backlog *backlog);
void backlog_tick(struct backlog *backlog, int64_t now_ms);

/* Never less than what is outstanding, as of the last answer; 0 before the first. */
uint64_t backlog_outstanding(const struct backlog *backlog);

/* Asks Redis now; `done` gets the JSON of GET /api/backlog, or a status without one. */
typedef void (*backlog_done)(void *arg, enum status status, struct text json);
void backlog_ask(struct backlog *backlog, backlog_done done, void *arg);

#endif
