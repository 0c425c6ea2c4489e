/* One Sentinel: a link to it and what it last said about the master. */
#ifndef SOC_REDIS_SENTINEL_H
#define SOC_REDIS_SENTINEL_H

#include "shared/redis/link.h"

/* How often a Sentinel is asked. */
enum { SENTINEL_POLL_MS = 500 };

struct sentinel {
    const char *master; /* its name */
    struct endpoint endpoint;
    struct link *link;
    bool asking;
    bool told_unknown; /* that it does not know the master was logged */
    int64_t now_ms, ask_at_ms;
    /* its answers */
    long long epoch_told; /* of the answer that is coming in; -1: none */
    int64_t answered_ms;  /* 0: never */
    long long epoch;      /* of the master's configuration */
    struct redis_host master_host;
};

void sentinel_open(struct sentinel *sentinel, const struct reactor *reactor, const struct redis_host *host,
                   const char *master);
void sentinel_close(struct sentinel *sentinel);
void sentinel_tick(struct sentinel *sentinel, int64_t now_ms);

#endif
