/* One dashboard on /ws: its cursor in the ring, its filter, its pings. Internal to api/live. */
#ifndef SOC_API_CLIENT_H
#define SOC_API_CLIENT_H

#include "api/live/push_event.h"
#include "api/live/ring.h"
#include "api/live/websocket.h"

/* What all clients share. */
struct hub {
    const struct live_options *options;
    struct ring *ring;
    uint64_t pushed_bytes;   /* of all frames ever pushed: a client's distance is a subtraction */
    struct stream_id passed; /* the last row that went by, pushed or not */
    struct stream_id floor;  /* the last row that went by unpushed: the ring is whole only behind it */
    uint64_t floor_sequence; /* what the first event behind the floor is numbered */
    struct client *clients;
    unsigned count;
    int64_t now_ms;
};

/* Answers 101 or a problem. */
void client_open(struct hub *hub, struct exchange *exchange);

/* Looks at the distance, and wakes the socket or closes it with 1013. */
void client_wake(struct client *client);
void client_tick(struct client *client);
void client_close(struct client *client, enum close_code code, const char *reason);

/* Sends {"type":"reset"} with a fresh batch; the cursor goes to the ring's end. */
void client_reset(struct client *client);
struct client *client_next(const struct client *client);

#endif
