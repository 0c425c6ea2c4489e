/* How much work waits, as Redis tells it at one instant: asked once a second for metrics and admission, and
 * for GET /api/backlog when it is asked for. */
#ifndef SOC_API_BACKLOG_H
#define SOC_API_BACKLOG_H

#include "api/backlog/admission.h"
#include "api/backlog/required_workers.h"
#include "shared/base/buffer.h"
#include "shared/redis/keys.h"
#include "shared/redis/link.h"

struct backlog;

/* The script, for link_open. */
const struct script *backlog_script(void);

/* `admission` learns of every sample; `required` is copied. */
struct backlog *backlog_new(struct link *const *link, const struct keyspace *keyspace,
                            struct admission *admission, const struct required_workers *required);
void backlog_free(struct backlog *backlog);
void backlog_tick(struct backlog *backlog, int64_t now_ms);

/* Asks Redis now; `done` gets the JSON of GET /api/backlog, or a status without one. */
typedef void (*backlog_done)(void *arg, enum status status, struct text json);
void backlog_ask(struct backlog *backlog, backlog_done done, void *arg);

#endif
