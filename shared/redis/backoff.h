/* How long to wait before the next try: random between the shortest wait and three times the last one, at
 * most BACKOFF_MAX_MS ("decorrelated jitter"), so that many who failed together do not come back together. */
#ifndef SOC_REDIS_BACKOFF_H
#define SOC_REDIS_BACKOFF_H

#include <stdint.h>

enum { BACKOFF_FIRST_MS = 50, BACKOFF_MAX_MS = 2000 };

/* The wait after one of `last_ms`; 0: there was none. */
int64_t backoff_next(int64_t last_ms);

#endif
