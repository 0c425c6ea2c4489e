/* What a client on /ws may say, and its inside, which client.c and client_messages.c share. */
#ifndef SOC_API_CLIENT_MESSAGES_H
#define SOC_API_CLIENT_MESSAGES_H

#include "api/live/client.h"

struct client {
    struct hub *hub;
    struct client *previous, *next;
    struct websocket *websocket; /* NULL once it is gone */
    uint64_t next_sequence;      /* cursor in the ring */
    uint64_t seen_bytes;         /* hub->pushed_bytes at the cursor */
    bool greeted;                /* the first batch is out: events may follow */
    unsigned fetches;            /* batches under way that will come back to this client */
    bool filtered;
    struct query filter;
    char filter_customer[SIGNAL_CUSTOMER_ID_MAX + 1]; /* what filter.customer_id borrows */
    int64_t ping_due_ms;
    int64_t pong_due_ms;     /* 0: none awaited */
    int64_t behind_since_ms; /* further behind than the bound since then; 0: it is not */
};

/* websocket_events.on_text: ping, subscribe, resume; anything else is answered with an error. */
void client_on_text(void *owner, struct text text);

#endif
