/* The last events of this process, each framed once for all clients, addressed by a sequence number that
 * starts at 1 and has no holes. Bounded in bytes: the oldest leave first. Clients keep a cursor, not a queue.
 */
#ifndef SOC_API_RING_H
#define SOC_API_RING_H

#include "api/live/live_event.h"

struct ring;

/* `max_bytes` bounds the events with all that they hold, but the newest always stays. */
struct ring *ring_new(size_t max_bytes);
void ring_free(struct ring *ring);

/* Takes the event over. */
void ring_push(struct ring *ring, struct live_event *event);

uint64_t ring_first(const struct ring *ring); /* sequence of the oldest; first > last when empty */
uint64_t ring_last(const struct ring *ring);
struct live_event *ring_peek(const struct ring *ring, uint64_t sequence); /* NULL when it has left */

/* Sequence of the first event behind this log id, ring_last + 1 when there is none. Events must have been
 * pushed in the order of the log. Whether events before ring_first were missed is the caller's question. */
uint64_t ring_find_after(const struct ring *ring, uint64_t log_ms, uint64_t log_sequence);

/* Bytes that the ring holds now, the measure of `max_bytes`. */
size_t ring_bytes(const struct ring *ring);

#endif
