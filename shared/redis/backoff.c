#include "shared/redis/backoff.h"

#include <stdlib.h>

int64_t backoff_next(int64_t last_ms) {
    int64_t last = last_ms < BACKOFF_FIRST_MS ? BACKOFF_FIRST_MS : last_ms;
    int64_t wait = BACKOFF_FIRST_MS + (int64_t)(random() % (3 * last - BACKOFF_FIRST_MS + 1));
    return wait > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : wait;
}
