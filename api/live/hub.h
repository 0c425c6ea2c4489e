/* What all WebSocket clients share: the ring, how far the log has come, and the queues for what Redis must be
 * asked. Internal to api/live. */
#ifndef SOC_API_HUB_H
#define SOC_API_HUB_H

#include "api/live/log_marks.h"
#include "api/live/log_pages.h"
#include "api/live/push_event.h"
#include "api/live/ring.h"

struct client;
struct newest_batch;

/* First come, first served. A client stands in one at most. */
struct client_queue {
    struct client *first, *last;
};

struct hub {
    const struct live_options *options;
    struct ring *ring;
    bool ready;              /* the log was read: else clients wait for their batch */
    uint64_t generation;     /* of the log: counts its resets */
    uint64_t pushed_bytes;   /* of all frames ever pushed: a client's distance is a subtraction */
    uint64_t catalog_rows;   /* that the catalog has taken: what a batch was made from */
    struct stream_id passed; /* the last row that went by, pushed or not */
    struct log_marks marks;
    struct stream_id floor;  /* the last row that went by unpushed: the ring is whole only behind it */
    uint64_t floor_sequence; /* what the first event behind the floor is numbered */
    struct client *clients;
    unsigned count;
    int64_t now_ms;

    struct client_queue common_queue;  /* want a batch without a filter */
    struct newest_batch *common_batch; /* the last one; NULL: none */
    bool common_loading, giving;
    struct client_queue own_queue; /* want a batch with a filter of their own */
    unsigned own_loading;
    bool serving_own;

    struct client_queue page_queue; /* want a page of the log */
    struct log_pages *pages;
};

void hub_init(struct hub *hub, const struct live_options *options);
void hub_fini(struct hub *hub);

/* The log is another one and read again from its start. */
void hub_restart(struct hub *hub);

/* A row went by: as an event, or as none that anybody may miss. */
void hub_pass(struct hub *hub, struct stream_id position);

/* A row went by that is not in the ring although it is an event. */
void hub_pass_by(struct hub *hub, struct stream_id position);

/* So many rows went by like that, up to here. */
void hub_lose(struct hub *hub, uint64_t rows, struct stream_id position);

/* Takes the event into the ring. */
void hub_push(struct hub *hub, struct live_event *event);

/* Is every event behind `position`, which has passed, in the ring? */
bool hub_holds_after(const struct hub *hub, struct stream_id position);

/* Is there certainly a row of exactly this id? */
bool hub_knows(const struct hub *hub, struct stream_id position);

void queue_join(struct client_queue *queue, struct client *client);
void queue_leave(struct client *client);

#endif
