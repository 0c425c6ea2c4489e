/* One dashboard on /ws: its place in the log, its filter, its pings. Internal to api/live. */
#ifndef SOC_API_CLIENT_H
#define SOC_API_CLIENT_H

#include "api/live/hub.h"
#include "api/live/websocket.h"

enum client_stage {
    CLIENT_WAITING,  /* for the handshake, or in a queue for its batch, or while that is fetched */
    CLIENT_RESUMING, /* has a page of the log, or stands in the queue for one */
    CLIENT_LIVE,     /* its cursor is in the ring */
    CLIENT_CLOSING   /* nothing follows the close frame */
};

/* The batch of the newest threats comes first after the handshake, or says that a client must start over. */
enum batch_type { BATCH_INITIAL, BATCH_RESET, BATCH_TYPE_COUNT };

/* What goes out before any event, in this order: the batches, and where what follows goes on. */
enum client_message { MESSAGE_POSITION = BATCH_TYPE_COUNT, MESSAGE_COUNT };

struct client {
    struct hub *hub;
    struct client *previous, *next;
    struct websocket *websocket;
    enum client_stage stage;
    struct client_queue *queue; /* NULL: in none */
    struct client *queue_previous, *queue_next;

    enum batch_type batch_type;
    struct newest_batch *batch;                 /* its own, being fetched */
    struct live_event *messages[MESSAGE_COUNT]; /* by enum batch_type and enum client_message */
    bool has_resume;                            /* asked for before the batch was there */
    struct stream_id resume_from;

    struct stream_id cursor;       /* the last row that is dealt with */
    struct stream_id skip_through; /* events up to here were told from the log already */
    uint64_t next_sequence;        /* CLIENT_LIVE: in the ring */
    uint64_t seen_bytes;           /* hub->pushed_bytes at the cursor */
    uint64_t told_rows;            /* hub->marks.rows at the last id that the client was told */

    struct log_page *page; /* CLIENT_RESUMING: held; NULL: it waits for one */
    unsigned page_index;   /* of the next row */
    struct log_span span;  /* what it waits for, or what the page was read for */
    bool owes_position;    /* told where it stands once it has all */
    bool counted;          /* in soc_websocket_resume_total */
    bool catching_up;      /* it resumed and was not near the end of the ring since */
    int64_t progress_ms;   /* the last time that the socket took something, or had nothing to take */
    int64_t page_since_ms;

    bool filtered;
    struct query filter;
    char filter_customer[SIGNAL_CUSTOMER_ID_MAX + 1]; /* what filter.customer_id borrows */
    int64_t ping_due_ms;
    int64_t pong_due_ms;     /* 0: none awaited */
    int64_t behind_since_ms; /* further behind than the bound since then; 0: it is not */
};

/* Answers 101 or a problem. */
void client_open(struct hub *hub, struct exchange *exchange);

extern const struct websocket_events client_events;
int64_t client_next_ping_ms(const struct hub *hub);

/* A message that says where the cursor is. It goes out with the next write. */
void client_tell_position(struct client *client);
void client_drop_message(struct client *client, enum client_message message);

/* Looks at the distance, and wakes the socket or closes it with 1013. */
void client_wake(struct client *client);
void client_tick(struct client *client);
void client_close(struct client *client, enum close_code code, const char *reason);

/* The log is being read again: no more events, and a reset when it is read. */
void client_hold(struct client *client);

/* websocket_events.on_text: ping, subscribe, resume; anything else is answered with an error. */
void client_on_text(void *owner, struct text text);

static inline bool client_wants(const struct client *client, const struct live_event *event) {
    return !client->filtered || query_matches(&client->filter, &event->row);
}

#endif
