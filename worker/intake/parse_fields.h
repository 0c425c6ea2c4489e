/* The fields of a stream entry: v, id, received_at and signal, as api/threats/enqueue_signal.lua writes them.
 */
#ifndef SOC_WORKER_PARSE_FIELDS_H
#define SOC_WORKER_PARSE_FIELDS_H

#include "shared/redis/reply.h"
#include "worker/results/work.h"

/* Fills id, received_at_ms, signal_json and signal of an empty work. False when the fields are not ours. */
bool parse_fields(struct work *work, const redisReply *fields);

#endif
