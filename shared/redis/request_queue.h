/* Commands on their way, in the order sent: Redis answers in order, so the oldest has the next reply. */
#ifndef SOC_REDIS_REQUEST_QUEUE_H
#define SOC_REDIS_REQUEST_QUEUE_H

#include "shared/redis/link.h"

struct request {
    struct link *link;
    struct request *next;
    int64_t deadline_ms;
    link_reply on_reply; /* or NULL */
    void *arg;
};

struct request_queue {
    struct request *oldest, *newest, *spare;
};

/* A new request at the end. */
struct request *request_add(struct request_queue *queue);

/* The oldest leaves when its reply is there, the newest when it could not be sent. */
void request_remove_oldest(struct request_queue *queue);
void request_remove_newest(struct request_queue *queue);

bool request_is_overdue(const struct request_queue *queue, int64_t now_ms);

/* The queue must be empty. */
void request_queue_fini(struct request_queue *queue);

#endif
