/* Moves an entry that cannot be analysed to the dead letters: fenced like a commit, never retried in a loop.
 * The script takes what it needs from the entry itself; the threat that the entry names is marked as failed.
 */
#ifndef SOC_WORKER_BURY_ENTRY_H
#define SOC_WORKER_BURY_ENTRY_H

#include "shared/base/uuid.h"
#include "shared/model/vocabulary.h"
#include "shared/redis/keys.h"
#include "shared/redis/link.h"
#include "shared/telemetry/trace_context.h"

/* Everything is copied. */
struct burial {
    const struct uuid *threat; /* NULL: not known, as the customer's name is then too */
    struct text customer_name;
    struct text entry; /* stream id */
    unsigned deliveries;
    enum dead_reason reason;
    enum dead_stage stage;
    struct text detail; /* may be empty */
    bool readable;      /* its signal is one */
    const struct trace_context *trace;
};

struct burial_options {
    struct link *const *link;
    const struct keyspace *keyspace;
    const char *consumer;
};

const struct script *bury_script(void);

/* When Redis does not take it, the entry stays pending for a later delivery. */
void bury_entry(const struct burial_options *options, const struct burial *burial);

/* Begins a call of `script` with the keys and arguments that every script with bury.lua.in has, and room for
 * `more_keys` keys: they follow, then burial_arguments. */
void burial_begin(struct command *command, const struct script *script, const struct burial_options *options,
                  int more_keys);
void burial_arguments(struct command *command, const struct burial_options *options);

/* Counts and tells what a script buried, and what fell out. */
void burial_count(unsigned long long buried, unsigned long long dropped);

#endif
