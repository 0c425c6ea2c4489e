#include "shared/redis/follow_master.h"

#include <stdlib.h>
#include <string.h>

#include "shared/redis/sentinel.h"
#include "shared/telemetry/log.h"

enum { FRESH_MS = 3 * SENTINEL_POLL_MS, SILENT_MS = 30000 };

struct master {
    struct endpoint endpoint;
    struct sentinel sentinels[REDIS_SENTINELS_MAX];
    unsigned count;
};

struct master *master_open(const struct reactor *reactor, const struct redis_url *url) {
    struct master *master = calloc(1, sizeof(*master));
    if (master == NULL)
        abort();
    master->endpoint = (struct endpoint){.path = url->kind == REDIS_URL_UNIX ? url->path : NULL,
                                         .moves = url->kind != REDIS_URL_SENTINEL,
                                         .user = url->user,
                                         .password = url->password,
                                         .database = url->database,
                                         .role = "master"};
    memcpy(master->endpoint.host.host, url->host, sizeof(url->host));
    master->endpoint.host.port = url->port;
    master->count = url->sentinel_count;
    for (unsigned i = 0; i < master->count; i++)
        sentinel_open(&master->sentinels[i], reactor, &url->sentinels[i], url->master);
    return master;
}

void master_close(struct master *master) {
    if (master == NULL)
        return;
    for (unsigned i = 0; i < master->count; i++)
        sentinel_close(&master->sentinels[i]);
    free(master);
}

const struct endpoint *master_endpoint(const struct master *master) {
    return &master->endpoint;
}

static bool is_host(const struct endpoint *endpoint, const struct redis_host *host) {
    return endpoint->moves > 0 && endpoint->host.port == host->port &&
           strcmp(endpoint->host.host, host->host) == 0;
}

static bool most_are_fresh(const struct master *master, int64_t now_ms) {
    unsigned fresh = 0;
    for (unsigned i = 0; i < master->count; i++)
        fresh +=
            master->sentinels[i].answered_ms != 0 && now_ms - master->sentinels[i].answered_ms <= FRESH_MS;
    return 2 * fresh > master->count;
}

/* Of several with the same epoch the one that says what we do already. */
static const struct sentinel *find_best(const struct master *master, int64_t now_ms) {
    const struct sentinel *best = NULL;
    bool may_forget = most_are_fresh(master, now_ms);
    for (unsigned i = 0; i < master->count; i++) {
        const struct sentinel *one = &master->sentinels[i];
        if (one->answered_ms == 0 || (may_forget && now_ms - one->answered_ms > SILENT_MS))
            continue;
        if (best == NULL || one->epoch > best->epoch ||
            (one->epoch == best->epoch && is_host(&master->endpoint, &one->master_host)))
            best = one;
    }
    return best;
}

static void follow(struct master *master, const struct sentinel *best) {
    master->endpoint.host = best->master_host;
    master->endpoint.moves++;
    log_write(LOG_MASTER_FOUND, LOG_STRING("host", best->master_host.host),
              LOG_NUMBER("port", best->master_host.port), LOG_NUMBER("epoch", best->epoch),
              LOG_STRING("sentinel", best->endpoint.host.host),
              LOG_NUMBER("sentinel_port", best->endpoint.host.port));
}

void master_tick(struct master *master, int64_t now_ms) {
    for (unsigned i = 0; i < master->count; i++)
        sentinel_tick(&master->sentinels[i], now_ms);
    const struct sentinel *best = find_best(master, now_ms);
    if (best != NULL && !is_host(&master->endpoint, &best->master_host))
        follow(master, best);
}
