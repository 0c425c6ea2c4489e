#include "shared/redis/backoff.h"

#include <stdlib.h>

static int64_t between(int64_t least, int64_t most) {
    return least + (int64_t)(random() % (most - least + 1));
}

int64_t backoff_next(int64_t last_ms) {
    int64_t last = last_ms < BACKOFF_FIRST_MS ? BACKOFF_FIRST_MS : last_ms;
    int64_t least = last / 2 < BACKOFF_FIRST_MS ? BACKOFF_FIRST_MS : last / 2;
    int64_t wait = between(least, 3 * last);
    return wait > BACKOFF_MAX_MS ? between(BACKOFF_MAX_MS / 2, BACKOFF_MAX_MS) : wait;
}
