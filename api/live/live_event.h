/* A message framed once for all clients who get it. Borrowed with live_event_ref while a write holds the
 * bytes. */
#ifndef SOC_API_LIVE_EVENT_H
#define SOC_API_LIVE_EVENT_H

#include "shared/model/log_row.h"
#include "shared/redis/stream_id.h"

enum live_kind { LIVE_THREAT_CREATED, LIVE_NEW_THREAT, LIVE_THREAT_UPDATED };

struct live_event {
    unsigned references;
    enum live_kind kind;
    uint64_t log_ms, log_sequence; /* the row's stream id */
    uint64_t pushed_bytes;         /* the hub's count with this event; 0 outside of the ring */
    uint64_t rows;                 /* the hub's count of log rows with this event; 0 outside of the ring */
    struct log_row row;            /* for filters; its texts live in this event */
    size_t frame_bytes;
    char frame[]; /* WebSocket header and payload, unmasked (RFC 6455 section 5.2) */
};

/* Copies row and payload. `data` is the JSON value of `data`; the message is
 * {"type":…,"id":"<log id>","data":…}. */
struct live_event *live_event_new(enum live_kind kind, uint64_t log_ms, uint64_t log_sequence,
                                  const struct log_row *row, struct text data);

/* The event that a row becomes: a completed one with its body is a new_threat; without it, as when the record
 * has expired since, it is a threat_updated with a summary. `body` may have no bytes. */
struct live_event *live_event_of_row(struct stream_id position, const struct log_row *row, struct text body);

/* Does the row become an event at all? */
bool live_event_is_due(const struct log_row *row);

/* A message that is no event: kind, ids and row mean nothing. */
struct live_event *live_event_of_message(struct text message);

struct live_event *live_event_ref(struct live_event *event);
void live_event_unref(struct live_event *event);

static inline struct stream_id live_event_id(const struct live_event *event) {
    return (struct stream_id){event->log_ms, event->log_sequence};
}

/* All that it holds. */
size_t live_event_bytes(const struct live_event *event);

#endif
