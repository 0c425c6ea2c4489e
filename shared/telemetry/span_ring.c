#include "shared/telemetry/span_ring.h"

#include <stdlib.h>

void span_ring_init(struct span_ring *ring, unsigned slots) {
    ring->slots = calloc(slots, sizeof(*ring->slots));
    if (ring->slots == NULL || (slots & (slots - 1)) != 0)
        abort();
    ring->mask = slots - 1;
    ring->claimed = 0;
    atomic_init(&ring->written, 0);
    atomic_init(&ring->read, 0);
}

void span_ring_fini(struct span_ring *ring) {
    free(ring->slots);
    ring->slots = NULL;
}

bool span_ring_has_room(struct span_ring *ring, unsigned count) {
    uint64_t read = atomic_load_explicit(&ring->read, memory_order_acquire);
    return ring->claimed + count - read <= ring->mask + 1;
}

struct span *span_ring_claim(struct span_ring *ring) {
    return &ring->slots[ring->claimed++ & ring->mask];
}

void span_ring_publish(struct span_ring *ring) {
    atomic_store_explicit(&ring->written, ring->claimed, memory_order_release);
}

uint64_t span_ring_count(struct span_ring *ring) {
    uint64_t read = atomic_load_explicit(&ring->read, memory_order_relaxed);
    return atomic_load_explicit(&ring->written, memory_order_acquire) - read;
}

const struct span *span_ring_peek(const struct span_ring *ring, uint64_t i) {
    return &ring->slots[(atomic_load_explicit(&ring->read, memory_order_relaxed) + i) & ring->mask];
}

void span_ring_release(struct span_ring *ring, uint64_t count) {
    atomic_fetch_add_explicit(&ring->read, count, memory_order_release);
}
