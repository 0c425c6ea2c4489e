/* Traces of this process: what is kept, and the way of spans to the collector. Nothing runs and nothing is
 * kept before spans_open, or when no endpoint is set. One thread, that of the loop, calls all of these. */
#ifndef SOC_TELEMETRY_SPANS_H
#define SOC_TELEMETRY_SPANS_H

#include "shared/config/settings.h"
#include "shared/telemetry/span.h"

/* Does nothing without an endpoint. `settings` must outlive spans_close. */
void spans_open(const struct settings *settings);

/* Sends what waits, within a bounded time. */
void spans_close(void);

bool spans_on(void);

/* Is this trace one of the share that is kept? By its id alone. */
bool spans_keep(const struct trace_context *context);

/* So long that it is kept whatever the share says. */
bool spans_is_slow(int64_t duration_ns);

/* May a group of `count` spans that nobody chose be kept, for what happened? Always, up to SPANS_FORCED_PER_S
 * of them: when all is slow, telling so must not make it slower. The others are counted as lost. */
bool spans_force(unsigned count);

enum { SPANS_FORCED_PER_S = 2400 }; /* 200 threats */

/* Room for a group of `count` spans, or none at all: then they are counted as lost. Each is begun with
 * span_begin; spans_send hands the group over. Times are monotonic and become wall time by one look at both
 * clocks for the group. */
bool spans_claim(unsigned count);
struct span *span_begin(const char *name, enum span_kind kind, const struct trace_context *context,
                        int64_t start_ns, int64_t end_ns);
void spans_send(void);

/* The monotonic time of an instant in wall time. */
int64_t spans_monotonic_ns(int64_t wall_ns);

/* Brings the counts to the metrics, and tells when the collector stops or begins to take spans. */
void spans_tick(void);

#endif
