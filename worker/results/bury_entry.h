/* Moves an entry that cannot be analysed to the dead letters: fenced like a commit, never retried in a loop.
 */
#ifndef SOC_WORKER_BURY_ENTRY_H
#define SOC_WORKER_BURY_ENTRY_H

#include "shared/redis/keys.h"
#include "shared/redis/link.h"

/* Everything is copied. */
struct burial {
    struct text entry; /* stream id */
    unsigned deliveries;
    const char *reason; /* a word: malformed, delivered_too_often, refused */
    const char *stage;  /* where: read, claim, commit */
    struct text signal; /* as far as it is known; may be empty */
    /* The threat it was to become, when the entry names one and its signal can be read; else NULL. */
    const struct uuid *id;
    const struct signal *readable_signal;
    int64_t received_at_ms;
};

typedef void (*burial_done)(void *arg, enum status status);

struct burial_options {
    struct link *const *link;
    const struct keyspace *keyspace;
    const char *consumer;
};

const struct script *bury_script(void);

/* STATUS_OK, STATUS_FENCED and STATUS_GONE end it; anything else leaves the entry pending, for a later
 * delivery. `done` may be NULL; it is called in any case, at once when there is no connection. */
void bury_entry(const struct burial_options *options, const struct burial *burial, burial_done done,
                void *arg);

#endif
