/* The bodies of /health and /ready, alike on both programs. */
#ifndef SOC_TELEMETRY_PROBES_H
#define SOC_TELEMETRY_PROBES_H

#include <stdint.h>

#include "shared/base/buffer.h"

/* One thing that readiness hangs on, and the words for it. */
struct probe_component {
    const char *name;
    bool good;
    const char *word_good;
    const char *word_bad;
};

/* {"status":"healthy","version","uptime_seconds"} */
void probe_write_health(struct buffer *out, int64_t uptime_ms);

/* {"status":"ready" or "not_ready","components":{…}}; true when all components are good and it is not
 * `stopping`. */
bool probe_write_ready(struct buffer *out, const struct probe_component *components, unsigned count,
                       bool stopping);

#endif
