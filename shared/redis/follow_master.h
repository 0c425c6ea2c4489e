/* Where the links of a process go: to the host or socket of REDIS_URL, or to the master that the Sentinels of
 * a redis+sentinel URL agree on. Each Sentinel is asked every 500 ms; the answer with the highest
 * configuration epoch counts, so one that was cut off and knows only an old master leads nobody astray. A
 * Sentinel that is silent keeps its say, until most of the others have been answering without it for a while.
 */
#ifndef SOC_REDIS_FOLLOW_MASTER_H
#define SOC_REDIS_FOLLOW_MASTER_H

#include "shared/redis/endpoint.h"
#include "shared/redis/reactor.h"

struct master;

/* `reactor` and `url` must outlive it. */
struct master *master_open(const struct reactor *reactor, const struct redis_url *url);
void master_close(struct master *master);

/* For link_open; lives as long as `master`. */
const struct endpoint *master_endpoint(const struct master *master);

void master_tick(struct master *master, int64_t now_ms);

#endif
