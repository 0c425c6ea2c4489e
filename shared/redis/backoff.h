/* How long to wait before the next try: random between half and three times the last wait ("decorrelated
 * jitter"; from the shortest wait alone it would hardly grow), and what is too long becomes anything in the
 * upper half of BACKOFF_MAX_MS, so that many who failed together never come back together. */
#ifndef SOC_REDIS_BACKOFF_H
#define SOC_REDIS_BACKOFF_H

#include <stdint.h>

enum { BACKOFF_FIRST_MS = 50, BACKOFF_MAX_MS = 2000 };

/* The wait after one of `last_ms`; 0: there was none. */
int64_t backoff_next(int64_t last_ms);

#endif
