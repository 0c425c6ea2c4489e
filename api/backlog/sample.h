/* One answer of read_backlog.lua, judged by what can be true. */
#ifndef SOC_API_SAMPLE_H
#define SOC_API_SAMPLE_H

#include "shared/redis/reply.h"

/* Counts are -1 when they are not known, ages when there is nothing of that age. */
struct backlog_sample {
    int64_t now_ms; /* Redis' clock */
    int64_t length, received, completed, failed, dead_letters;
    bool group_there;
    int64_t lag, pending, consumers; /* lag only when it is valid */
    int64_t oldest_waiting_ms, oldest_pending_ms;
    int64_t stream_ahead_ms; /* of its last id before Redis' clock; 0 when it is not */
    const redisReply *named; /* borrowed: [[name, pending, idle, alive], …] or NULL */
};

/* False when the reply is none of the script's. */
bool sample_read(const redisReply *reply, struct backlog_sample *sample);

/* Lag + pending; without a valid lag what the stream holds, which is never less. */
int64_t sample_outstanding(const struct backlog_sample *sample);

/* Received less completed, failed and outstanding. Positive: entries are gone that nobody finished. Negative:
 * finished ones come again. False when it is not known. */
bool sample_unaccounted(const struct backlog_sample *sample, int64_t *unaccounted);

/* Is the outstanding figure the truth, and not only an upper bound of it? */
bool sample_is_exact(const struct backlog_sample *sample);

#endif
