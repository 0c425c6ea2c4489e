/* Door: a validated signal comes in and is on the stream, with its pending record and its log row, when
 * `done` says STATUS_OK; from there worker/intake/read_signals.h goes on. All signals of one loop turn go in
 * one script call. */
#ifndef SOC_API_ENQUEUE_SIGNAL_H
#define SOC_API_ENQUEUE_SIGNAL_H

#include "shared/redis/keys.h"
#include "shared/redis/link.h"

struct enqueue;

struct enqueue_order {
    struct uuid id;
    const struct signal *signal; /* copied */
    int64_t received_at_ms;
    struct text traceparent;     /* W3C, or empty */
    struct text idempotency_key; /* or empty */
};

/* `id` is the order's, or the one that its idempotency key had before (`earlier`). On any status but
 * STATUS_OK the signal was not taken, except that after STATUS_UNAVAILABLE with `sent` nobody knows. */
struct enqueue_result {
    enum status status;
    struct uuid id;
    bool earlier;
    bool sent;
};
typedef void (*enqueue_done)(void *arg, const struct enqueue_result *result);

struct enqueue *enqueue_new(struct link *const *link, const struct keyspace *keyspace);
void enqueue_free(struct enqueue *enqueue);

/* The script, for link_open. */
const struct script *enqueue_script(void);

/* `done` is called later, never from here. */
void enqueue_signal(struct enqueue *enqueue, const struct enqueue_order *order, enqueue_done done, void *arg);

/* At the end of the loop turn: sends what came together. */
void enqueue_flush(struct enqueue *enqueue);

#endif
