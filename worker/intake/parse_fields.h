/* The fields of a stream entry: v, id, received_at and signal, as api/threats/enqueue_signal.lua writes them.
 */
#ifndef SOC_WORKER_PARSE_FIELDS_H
#define SOC_WORKER_PARSE_FIELDS_H

#include "shared/redis/reply.h"
#include "worker/results/work.h"

enum entry_kind {
    ENTRY_READABLE,
    ENTRY_NEWER, /* of a version above ENTRY_VERSION: for newer workers */
    ENTRY_UNREADABLE
};

struct entry_fault {
    enum dead_reason reason;
    struct text detail; /* static, or in the work's arena */
    unsigned version;   /* of a newer one */
    bool id_known;      /* the work's id is the entry's */
};

/* Fills id, received_at_ms, signal_json and signal of an empty work when the entry is readable, `fault` when
 * it is not. */
enum entry_kind parse_fields(struct work *work, const redisReply *fields, struct entry_fault *fault);

#endif
