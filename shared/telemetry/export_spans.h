/* Brings spans to the collector, on a thread of its own: whatever the collector does, the loop never waits
 * for it. What it does not take in time is lost and counted. */
#ifndef SOC_TELEMETRY_EXPORT_SPANS_H
#define SOC_TELEMETRY_EXPORT_SPANS_H

#include "shared/telemetry/encode_spans.h"

enum span_loss {
    SPAN_LOSS_QUEUE_FULL,  /* more came than the exporter gets rid of */
    SPAN_LOSS_EXCESS,      /* more were kept for what happened than are allowed in a second */
    SPAN_LOSS_REJECTED,    /* the collector will not take them */
    SPAN_LOSS_UNAVAILABLE, /* it did not take them however often it was asked */
    SPAN_LOSS_SHUTDOWN,    /* we ended before it took them */
    SPAN_LOSS_COUNT
};

/* Since the start; written by the exporter's thread, all but the first two losses. */
struct span_counts {
    _Atomic uint64_t exported, lost[SPAN_LOSS_COUNT];
};

/* How the last POST went. */
struct export_state {
    _Atomic long http_status;   /* 0: no answer yet, or none at all */
    const char *_Atomic reason; /* NULL: it was taken, or nothing was sent yet */
};

struct exporter;

/* `endpoint` is copied; the rest is borrowed. */
struct exporter *exporter_open(const char *endpoint, const struct span_resource *resource,
                               struct span_ring *ring, struct span_counts *counts,
                               struct export_state *state);

/* What waits is sent, for at most EXPORT_FLUSH_MS and a second; the rest is counted as lost. */
void exporter_close(struct exporter *exporter);

enum { EXPORT_FLUSH_MS = 2000 };

/* Pause before the `attempt`-th retry, from 1: doubled each time, bounded, spread by `chance` (0 to 1). */
int64_t export_pause_ms(unsigned attempt, double chance);

#endif
