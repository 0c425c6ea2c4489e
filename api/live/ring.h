/* The last events of this process, each framed once for all clients, addressed by a sequence number that
 * starts at 1 and has no holes. Bounded in bytes: the oldest leave first. Clients keep a cursor, not a queue.
 */
#ifndef SOC_API_RING_H
#define SOC_API_RING_H

#include "shared/model/log_row.h"

enum live_kind { LIVE_THREAT_CREATED, LIVE_NEW_THREAT, LIVE_THREAT_UPDATED };

/* Borrowed by clients with live_event_ref while a write of theirs holds the bytes. */
struct live_event {
    unsigned references;
    enum live_kind kind;
    uint64_t log_ms, log_sequence; /* the row's stream id */
    struct log_row row;            /* for filters; its texts live in this event */
    size_t frame_bytes;
    char frame[]; /* WebSocket header and payload, unmasked (RFC 6455 section 5.2) */
};

struct ring;

/* `max_bytes` bounds the events with all that they hold, but the newest always stays. */
struct ring *ring_new(size_t max_bytes);
void ring_free(struct ring *ring);

/* Copies row and payload into a framed event at the end. `data` is the JSON value of `data`; the message is
 * {"type":…,"id":"<log id>","data":…}. */
void ring_push(struct ring *ring, enum live_kind kind, uint64_t log_ms, uint64_t log_sequence,
               const struct log_row *row, struct text data);

uint64_t ring_first(const struct ring *ring); /* sequence of the oldest; first > last when empty */
uint64_t ring_last(const struct ring *ring);
struct live_event *ring_peek(const struct ring *ring, uint64_t sequence); /* NULL when it has left */

/* Sequence of the first event behind this log id, ring_last + 1 when there is none. Events must have been
 * pushed in the order of the log. Whether events before ring_first were missed is the caller's question. */
uint64_t ring_find_after(const struct ring *ring, uint64_t log_ms, uint64_t log_sequence);

/* Bytes that the ring holds now, the measure of `max_bytes`. */
size_t ring_bytes(const struct ring *ring);

struct live_event *live_event_ref(struct live_event *event);
void live_event_unref(struct live_event *event);

#endif
