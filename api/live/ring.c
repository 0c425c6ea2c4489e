#include "api/live/ring.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/live/frame.h"

enum { FIRST_ROOM = 64, PREFIX_MAX = 96 };

/* An event lives in slot `sequence % room`; room is a power of two. */
struct ring {
    struct live_event **slots;
    size_t room;
    uint64_t first, last;
    size_t bytes, max_bytes;
};

static const char *const type_names[] = {
    [LIVE_THREAT_CREATED] = "threat_created",
    [LIVE_NEW_THREAT] = "new_threat",
    [LIVE_THREAT_UPDATED] = "threat_updated",
};

static void *must(void *memory) {
    if (memory == NULL)
        abort();
    return memory;
}

static size_t event_bytes(const struct live_event *event) {
    return sizeof(*event) + event->frame_bytes + event->row.customer_id.len + event->row.customer_name.len;
}

static char *put(char *at, struct text text) {
    if (text.len > 0)
        memcpy(at, text.at, text.len);
    return at + text.len;
}

static void event_set_row(struct live_event *event, const struct log_row *row) {
    char *id = event->frame + event->frame_bytes;
    char *name = put(id, row->customer_id);
    put(name, row->customer_name);
    event->row = *row;
    event->row.customer_id = (struct text){id, row->customer_id.len};
    event->row.customer_name = (struct text){name, row->customer_name.len};
}

static struct live_event *event_new(enum live_kind kind, uint64_t log_ms, uint64_t log_sequence,
                                    const struct log_row *row, struct text data) {
    char prefix[PREFIX_MAX], header[FRAME_HEADER_MAX];
    int prefix_bytes =
        snprintf(prefix, sizeof(prefix),
                 "{\"type\":\"%s\",\"id\":\"%" PRIu64 "-%" PRIu64 "\",\"data\":", type_names[kind], log_ms,
                 log_sequence);
    size_t payload_bytes = (size_t)prefix_bytes + data.len + 1;
    size_t header_bytes = frame_header_write(header, FRAME_TEXT, payload_bytes);
    size_t frame_bytes = header_bytes + payload_bytes;
    struct live_event *event =
        must(malloc(sizeof(*event) + frame_bytes + row->customer_id.len + row->customer_name.len));
    event->references = 1;
    event->kind = kind;
    event->log_ms = log_ms;
    event->log_sequence = log_sequence;
    event->frame_bytes = frame_bytes;
    char *at = put(event->frame, (struct text){header, header_bytes});
    at = put(at, (struct text){prefix, (size_t)prefix_bytes});
    put(at, data)[0] = '}';
    event_set_row(event, row);
    return event;
}

struct live_event *live_event_ref(struct live_event *event) {
    event->references++;
    return event;
}

void live_event_unref(struct live_event *event) {
    if (event != NULL && --event->references == 0)
        free(event);
}

struct ring *ring_new(size_t max_bytes) {
    struct ring *ring = must(malloc(sizeof(*ring)));
    *ring = (struct ring){.room = FIRST_ROOM, .first = 1, .max_bytes = max_bytes};
    ring->slots = must(malloc(ring->room * sizeof(struct live_event *)));
    return ring;
}

static void ring_drop_first(struct ring *ring) {
    struct live_event *event = ring->slots[ring->first++ & (ring->room - 1)];
    ring->bytes -= event_bytes(event);
    live_event_unref(event);
}

void ring_free(struct ring *ring) {
    if (ring == NULL)
        return;
    while (ring->first <= ring->last)
        ring_drop_first(ring);
    free(ring->slots);
    free(ring);
}

static void ring_grow(struct ring *ring) {
    size_t room = ring->room * 2;
    struct live_event **slots = must(malloc(room * sizeof(struct live_event *)));
    for (uint64_t sequence = ring->first; sequence <= ring->last; sequence++)
        slots[sequence & (room - 1)] = ring->slots[sequence & (ring->room - 1)];
    free(ring->slots);
    ring->slots = slots;
    ring->room = room;
}

void ring_push(struct ring *ring, enum live_kind kind, uint64_t log_ms, uint64_t log_sequence,
               const struct log_row *row, struct text data) {
    struct live_event *event = event_new(kind, log_ms, log_sequence, row, data);
    size_t bytes = event_bytes(event);
    while (ring->first <= ring->last && ring->bytes + bytes > ring->max_bytes)
        ring_drop_first(ring);
    if (ring->last - ring->first + 1 == ring->room)
        ring_grow(ring);
    ring->slots[++ring->last & (ring->room - 1)] = event;
    ring->bytes += bytes;
}

uint64_t ring_first(const struct ring *ring) {
    return ring->first;
}

uint64_t ring_last(const struct ring *ring) {
    return ring->last;
}

struct live_event *ring_peek(const struct ring *ring, uint64_t sequence) {
    if (sequence < ring->first || sequence > ring->last)
        return NULL;
    return ring->slots[sequence & (ring->room - 1)];
}

static bool event_is_after(const struct live_event *event, uint64_t log_ms, uint64_t log_sequence) {
    return event->log_ms > log_ms || (event->log_ms == log_ms && event->log_sequence > log_sequence);
}

uint64_t ring_find_after(const struct ring *ring, uint64_t log_ms, uint64_t log_sequence) {
    uint64_t low = ring->first, high = ring->last + 1;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (event_is_after(ring_peek(ring, middle), log_ms, log_sequence))
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

size_t ring_bytes(const struct ring *ring) {
    return ring->bytes;
}
