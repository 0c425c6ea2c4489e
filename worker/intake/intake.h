/* What the worker's rooms share: who we are, our connections, the threats in our hands. Made in main.c. */
#ifndef SOC_WORKER_INTAKE_H
#define SOC_WORKER_INTAKE_H

#include "shared/config/settings.h"
#include "shared/context/snapshot.h"
#include "shared/redis/keys.h"
#include "shared/redis/link.h"
#include "worker/results/bury_entry.h"
#include "worker/results/commit_analysis.h"

enum { CONSUMER_NAME_MAX = 96 };

struct intake {
    const struct settings *settings;
    struct keyspace keyspace;
    char consumer[CONSUMER_NAME_MAX]; /* new with every start: an earlier life's entries are claimed like
                                         anybody's */
    struct link *reader;              /* XREADGROUP blocks it */
    struct link *commands;
    struct link *context_link; /* XREAD of context:log blocks it */
    struct work_pool *pool;
    struct commit *commit;
    struct burial_options burial;
    const struct snapshot *snapshot; /* NULL until it was loaded once */
    struct reading *reading;
    struct gatherer *gatherer;
    struct recovery *recovery;
    struct watch *watch;
    struct rescue *rescue;
    struct trimming *trimming;
    struct sweeper *sweeper;
    struct context_follower *context;
    bool group_ready;
    bool stopping; /* takes no new entries */
};

#endif
