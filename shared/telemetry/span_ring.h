/* Spans on their way from the loop's thread to the exporter's: a bounded ring, one writer, one reader, no
 * lock. Spans are claimed in groups, so that a full ring loses whole groups and never half a trace. */
#ifndef SOC_TELEMETRY_SPAN_RING_H
#define SOC_TELEMETRY_SPAN_RING_H

#include <stdatomic.h>

#include "shared/telemetry/span.h"

struct span_ring {
    struct span *slots;
    uint64_t mask;    /* number of slots - 1 */
    uint64_t claimed; /* the writer's: slots handed out */
    _Atomic uint64_t written, read;
};

/* `slots` is a power of two. */
void span_ring_init(struct span_ring *ring, unsigned slots);
void span_ring_fini(struct span_ring *ring);

/* The writer's: is there room for `count` more; the next of them; all claimed ones are the reader's now. */
bool span_ring_has_room(struct span_ring *ring, unsigned count);
struct span *span_ring_claim(struct span_ring *ring);
void span_ring_publish(struct span_ring *ring);

/* The reader's: how many there are, the i-th of them, the first `count` are the writer's again. */
uint64_t span_ring_count(struct span_ring *ring);
const struct span *span_ring_peek(const struct span_ring *ring, uint64_t i);
void span_ring_release(struct span_ring *ring, uint64_t count);

#endif
