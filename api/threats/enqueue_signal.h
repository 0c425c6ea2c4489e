/* Door: a validated signal comes in and is on the stream, with its pending record and its log row, when
 * `done` says STATUS_OK; from there worker/intake/read_signals.h goes on. All signals of one loop turn go in
 * one script call, or in a few; when replicas must confirm them, one WAIT comes behind (group commit). */
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
 * STATUS_OK the signal was not taken, except that after `unknown` (STATUS_UNAVAILABLE) nobody knows, and
 * after STATUS_UNCONFIRMED the master has it. */
struct enqueue_result {
    enum status status;
    struct uuid id;
    bool earlier;
    bool unknown;
};
typedef void (*enqueue_done)(void *arg, const struct enqueue_result *result);

/* `wait_replicas` 0: no WAIT. Else `link` should be used by nobody else: what is sent behind a WAIT waits
 * too. */
struct enqueue_options {
    struct link *const *link;
    const struct keyspace *keyspace;
    int64_t wait_replicas, wait_timeout_ms;
};

struct enqueue *enqueue_new(const struct enqueue_options *options);
void enqueue_free(struct enqueue *enqueue);

/* Can it send? */
bool enqueue_is_up(const struct enqueue *enqueue);

/* The script, for link_open. */
const struct script *enqueue_script(void);

/* `done` is called later, never from here. */
void enqueue_signal(struct enqueue *enqueue, const struct enqueue_order *order, enqueue_done done, void *arg);

/* At the end of the loop turn: sends what came together. */
void enqueue_flush(struct enqueue *enqueue);

#endif
