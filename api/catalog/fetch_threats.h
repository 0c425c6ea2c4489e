/* Threats by id as they are shown: the stored analysis with its verdict, or the pending record read from the
 * stream entry. One pipelined round trip, a second one only for those still pending. */
#ifndef SOC_API_FETCH_THREATS_H
#define SOC_API_FETCH_THREATS_H

#include "shared/redis/keys.h"
#include "shared/redis/link.h"
#include "shared/telemetry/trace_context.h"

enum { FETCH_MAX = 1000 };

struct fetched {
    struct text
        body;      /* JSON, borrowed until the callback returns; at == NULL: nothing is stored under the id */
    bool finished; /* completed or failed, not pending */
    struct trace_context trace; /* that the threat is part of, and that is kept; none unless asked for */
};

/* `threats[i]` belongs to ids[i]. Without STATUS_OK there are none. */
typedef void (*fetch_done)(void *arg, enum status status, const struct fetched *threats, unsigned count);

struct fetch_source {
    struct link *const *link;
    const struct keyspace *keyspace;
    bool traces; /* each threat's is wanted */
};

/* `ids` is copied, count at most FETCH_MAX. `done` is called later, or at once with STATUS_UNAVAILABLE when
 * there is no connection, or with STATUS_OK when count is 0. */
void fetch_threats(const struct fetch_source *source, const struct uuid *ids, unsigned count, fetch_done done,
                   void *arg);

/* Appends the stored body as it is shown, with the verdict (empty: none yet). */
void fetched_write(struct buffer *out, struct text data, struct text verdict);

#endif
