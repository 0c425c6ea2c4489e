/* When to close which share of the clients, so that those who come back at once do not all come in the same
 * instant: one each FAREWELL_EACH_MS, or as many more as it takes to be through after FAREWELL_MAX_MS. */
#ifndef SOC_API_FAREWELL_H
#define SOC_API_FAREWELL_H

#include <stdint.h>

enum { FAREWELL_EACH_MS = 10, FAREWELL_MAX_MS = 4000 };

struct farewell {
    int64_t begun_ms, length_ms;
    unsigned count, told;
};

void farewell_begin(struct farewell *farewell, unsigned clients, int64_t now_ms);

/* How many more it is the turn of since the last call; none before farewell_begin. */
unsigned farewell_due(struct farewell *farewell, int64_t now_ms);

#endif
