#include "shared/redis/request_queue.h"

#include <stdlib.h>

struct request *request_add(struct request_queue *queue) {
    struct request *request = queue->spare;
    if (request != NULL)
        queue->spare = request->next;
    else if ((request = malloc(sizeof(*request))) == NULL)
        abort();
    *request = (struct request){0};
    if (queue->newest == NULL)
        queue->oldest = request;
    else
        queue->newest->next = request;
    queue->newest = request;
    return request;
}

static void retire(struct request_queue *queue, struct request *request) {
    request->next = queue->spare;
    queue->spare = request;
}

void request_remove_oldest(struct request_queue *queue) {
    struct request *request = queue->oldest;
    queue->oldest = request->next;
    if (queue->oldest == NULL)
        queue->newest = NULL;
    retire(queue, request);
}

void request_remove_newest(struct request_queue *queue) {
    struct request **at = &queue->oldest, *request = queue->newest;
    queue->newest = NULL;
    while (*at != request) {
        queue->newest = *at;
        at = &(*at)->next;
    }
    *at = NULL;
    retire(queue, request);
}

bool request_is_overdue(const struct request_queue *queue, int64_t now_ms) {
    for (const struct request *request = queue->oldest; request != NULL; request = request->next)
        if (now_ms > request->deadline_ms)
            return true;
    return false;
}

void request_queue_fini(struct request_queue *queue) {
    while (queue->spare != NULL) {
        struct request *request = queue->spare;
        queue->spare = request->next;
        free(request);
    }
}
