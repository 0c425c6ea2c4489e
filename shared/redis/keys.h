/* The one file that spells Redis keys. A keyspace is a value that is handed around: one process may serve
 * several (shards); nothing is global. */
#ifndef SOC_REDIS_KEYS_H
#define SOC_REDIS_KEYS_H

#include "shared/base/buffer.h"
#include "shared/base/uuid.h"
#include "shared/model/signal.h"

#define CONSUMER_GROUP "soc-workers"
#define RELEASED_CONSUMER "__released" /* holds entries that a draining worker handed back */
#define NEWER_CONSUMERS                                                                                      \
    "__version_" /* and a number: holds entries of a version that some workers do not know */

enum { ENTRY_VERSION = 1 }; /* of what we put into the stream and understand */

enum { KEY_PREFIX_MAX = 64 };

enum fixed_key {
    KEY_STREAM,       /* threats:stream */
    KEY_LOG,          /* threats:log */
    KEY_EVENTS,       /* threats:events, a Pub/Sub channel */
    KEY_DEAD,         /* threats:dead */
    KEY_WORKERS,      /* threats:workers, hash of heartbeat counters */
    KEY_BY_CREATED,   /* threats:by_created, sorted set */
    KEY_LEASE,        /* threats:lease, who trims */
    KEY_CONTEXT_LOG,  /* context:log, stream of changes of the context */
    KEY_INFRA_EVENTS, /* infra:events, hash id → JSON */
    KEY_INTEL_LISTS,  /* intel:lists, hash name → JSON */
    KEY_CUSTOMERS,    /* customers, set of the ids that have a record; "" when it is whole */
    KEY_INCIDENTS,    /* incidents, hash id → JSON of past, imported incidents */
    KEY_COMPLETED,    /* threats:completed, count of analyses stored since the stream began */
    KEY_FAILED,       /* threats:failed, count of entries buried since then */
    KEY_QUARANTINE,   /* threats:quarantine, who handles a suspect entry alone */
    KEY_REAPING,      /* threats:reaping, lease of who removes dead consumers */
    KEY_UPKEEP,       /* threats:upkeep, who expires and trims in this second */
    KEY_SWEEP,        /* threats:sweep, the stream's entry at which the last look of a sweep ended */
    FIXED_KEY_COUNT
};

struct keyspace {
    char prefix[KEY_PREFIX_MAX + 1];
    char fixed[FIXED_KEY_COUNT][KEY_PREFIX_MAX + 32];
    char threat_start[KEY_PREFIX_MAX + 8];
};

/* False when the prefix is longer than KEY_PREFIX_MAX. */
bool keyspace_init(struct keyspace *keyspace, const char *prefix);

static inline const char *keyspace_fixed(const struct keyspace *keyspace, enum fixed_key key) {
    return keyspace->fixed[key];
}

/* Each appends one key. */
void keyspace_threat(const struct keyspace *keyspace, const struct uuid *id, struct buffer *out);
/* What the keys of all threats begin with, for scripts that learn of ids by themselves. */
static inline const char *keyspace_threat_start(const struct keyspace *keyspace) {
    return keyspace->threat_start;
}
void keyspace_customer(const struct keyspace *keyspace, struct text customer_id, struct buffer *out);
void keyspace_intel_list(const struct keyspace *keyspace, struct text name, struct buffer *out);
/* Where an import is gathered before it replaces its list. */
void keyspace_intel_import(const struct keyspace *keyspace, const struct uuid *id, struct buffer *out);
void keyspace_idempotency(const struct keyspace *keyspace, struct text idempotency_key, struct buffer *out);
void keyspace_history_customer(const struct keyspace *keyspace, struct text customer_id,
                               enum threat_type type, struct buffer *out);
void keyspace_history_address(const struct keyspace *keyspace, const struct address *address,
                              struct buffer *out);
void keyspace_history_agent(const struct keyspace *keyspace, uint64_t agent_hash, struct buffer *out);

/* `customer:*` with the prefix (glob characters of the prefix escaped): for the first walk over them. */
void keyspace_customer_pattern(const struct keyspace *keyspace, struct buffer *out);

/* `history:*`, likewise: for the walk over old ones. */
void keyspace_history_pattern(const struct keyspace *keyspace, struct buffer *out);

#endif
