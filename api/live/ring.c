#include "api/live/ring.h"

#include <stdlib.h>

enum { FIRST_ROOM = 64 };

/* An event lives in slot `sequence % room`; room is a power of two. */
struct ring {
    struct live_event **slots;
    size_t room;
    uint64_t first, last;
    size_t bytes, max_bytes;
};

static void *must(void *memory) {
    if (memory == NULL)
        abort();
    return memory;
}

struct ring *ring_new(size_t max_bytes) {
    struct ring *ring = must(malloc(sizeof(*ring)));
    *ring = (struct ring){.room = FIRST_ROOM, .first = 1, .max_bytes = max_bytes};
    ring->slots = must(malloc(ring->room * sizeof(struct live_event *)));
    return ring;
}

static void ring_drop_first(struct ring *ring) {
    struct live_event *event = ring->slots[ring->first++ & (ring->room - 1)];
    ring->bytes -= live_event_bytes(event);
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

void ring_push(struct ring *ring, struct live_event *event) {
    size_t bytes = live_event_bytes(event);
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
