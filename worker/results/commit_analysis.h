/* Door: a finished analysis comes in; when it leaves, Redis has it stored, indexed, logged, published and
 * acknowledged, or has said that it belongs to another worker by now. From threats:log the APIs go on
 * (api/live/push_event.h).
 *
 * Analyses of one loop turn go together in one fenced script. Whatever happens to the connection, an analysis
 * is offered again until Redis has answered: the fence makes that harmless. */
#ifndef SOC_WORKER_COMMIT_ANALYSIS_H
#define SOC_WORKER_COMMIT_ANALYSIS_H

#include "shared/redis/keys.h"
#include "shared/redis/link.h"
#include "worker/results/work.h"

struct commit;

/* STATUS_OK: stored. STATUS_FENCED, STATUS_GONE: somebody else's. Anything else: Redis keeps refusing this
 * one, bury it. */
typedef void (*commit_done)(void *arg, struct work *work, enum status status);

struct commit_options {
    struct link *const *link;
    const struct keyspace *keyspace;
    const char *consumer;
    bool publish;
    unsigned attempts_max; /* refusals of one analysis before it is given up */
    commit_done done;
    void *arg;
};

struct commit *commit_new(const struct commit_options *options);
void commit_free(struct commit *commit);
const struct script *commit_script(void);

/* Takes the work until `done`. */
void commit_analysis(struct commit *commit, struct work *work);

/* At the end of the loop turn. */
void commit_flush(struct commit *commit);

/* Offers again what was refused or lost with the connection. */
void commit_tick(struct commit *commit);

#endif
