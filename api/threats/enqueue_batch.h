/* Signals of one loop turn on their way to Redis: one script call. enqueue_signal.c sends it; nobody else
 * needs this. */
#ifndef SOC_API_ENQUEUE_BATCH_H
#define SOC_API_ENQUEUE_BATCH_H

#include "api/threats/enqueue_signal.h"

enum { BATCH_MAX = 16 };

struct batch_item {
    enqueue_done done;
    void *arg;
    struct enqueue_result result;
};

struct round;

struct batch {
    struct enqueue *enqueue;
    struct batch *next; /* in `spare`, in `waiting` or of its round */
    struct round *round;
    struct command keys, arguments, whole;
    struct batch_item items[BATCH_MAX];
    unsigned count;
    unsigned attempts;
};

struct batch *batch_new(void);
void batch_free(struct batch *batch);

/* Starts over, with the keys that every script call has. */
void batch_begin(struct batch *batch, const struct keyspace *keyspace);

/* `confirmed`: replicas must confirm it. `scratch` is overwritten. */
void batch_add(struct batch *batch, const struct keyspace *keyspace, const struct enqueue_order *order,
               bool confirmed, struct buffer *scratch);

/* Writes the script call into `whole`. */
void batch_finish(struct batch *batch);

/* All of them, with what they mean. */
void batch_set_status(struct batch *batch, enum status status, bool unknown);
void batch_take_answers(struct batch *batch, const redisReply *reply);

#endif
