/* What the files of a link share, and its tests; nobody else. */
#ifndef SOC_REDIS_LINK_PARTS_H
#define SOC_REDIS_LINK_PARTS_H

#include <hiredis/async.h>

#include "shared/redis/look_up_name.h"
#include "shared/redis/request_queue.h"

enum { LINK_WHY_MAX = 256, LINK_NAME_MAX = 300 };

struct link {
    const struct reactor *reactor;
    const struct endpoint *endpoint;
    char name[LINK_NAME_MAX];
    const struct script *const *scripts;
    int script_count;
    const struct link_hooks *hooks;
    void *owner;

    enum link_state state;
    unsigned seen_moves; /* of the endpoint */
    struct lookup *lookup;
    unsigned address_turn; /* which of the name's addresses: the next after each that failed */
    char address[LOOKUP_ADDRESS_MAX];
    redisAsyncContext *context;
    void *watch;
    bool want_read, want_write;
    bool dirty;   /* commands wait in hiredis' buffer for link_flush */
    bool hurry;   /* the next wait is none */
    bool lasting; /* the next wait is a long one */
    bool told;    /* of an endpoint that is told once */
    char why[LINK_WHY_MAX];
    long long client_id;

    int64_t now_ms;      /* of the last tick */
    int64_t retry_at_ms; /* LINK_DOWN */
    int64_t deadline_ms; /* LINK_RESOLVING, LINK_CONNECTING */
    int64_t up_since_ms; /* 0: was not up in this attempt */
    int64_t heard_ms;    /* the last reply */
    int64_t backoff_ms;

    struct request_queue requests;
    uint64_t answered; /* replies so far */
    size_t text_max;   /* bytes of one text in a reply; 0: any */
};

/* The one mover between the states. */
void link_event(struct link *link, enum link_event event);

/* Says why, unless something was said before, and then LINK_EVENT_CONDEMNED. */
void link_give_up(struct link *link, const char *why);
void link_refuse(struct link *link, const redisReply *reply);
void link_set_why(struct link *link, const char *why);

/* As link_send, in any state with a socket. */
enum status link_send_now(struct link *link, struct text command, int64_t deadline_ms, link_reply on_reply,
                          void *arg);

/* link_socket.c: hiredis and the loop. */
void socket_connect(struct link *link);
void socket_write(struct link *link);
void socket_read_rest(struct link *link);
void socket_close(struct link *link);

/* greet_server.c */
void greet_server(struct link *link);
void greet_scripts(struct link *link);

#endif
