/* The states of a link, what can happen to it, and the table that says what then is done. Pure: link.c acts.
 */
#ifndef SOC_REDIS_LINK_MACHINE_H
#define SOC_REDIS_LINK_MACHINE_H

enum link_state {
    LINK_DOWN,       /* no socket; tries again when the wait is over */
    LINK_SEEKING,    /* no socket; nobody knows yet where the master is */
    LINK_RESOLVING,  /* no socket; the host's name is looked up */
    LINK_CONNECTING, /* socket, not writable yet */
    LINK_GREETING,   /* AUTH, ROLE, SELECT, SCRIPT LOAD, CLIENT ID and SETNAME are under way */
    LINK_UP,         /* the owner's commands flow */
    LINK_LEAVING,    /* given up: nothing is taken, the socket is closed at the end of the turn */
    LINK_STATE_COUNT
};

enum link_event {
    LINK_EVENT_DUE,       /* the wait before the next try is over */
    LINK_EVENT_PLACE,     /* the endpoint is known, or another than before */
    LINK_EVENT_RESOLVED,  /* the host's address is known */
    LINK_EVENT_CONNECTED, /* the socket is open */
    LINK_EVENT_GREETED,   /* the last word of the greeting was answered well */
    LINK_EVENT_CONDEMNED, /* a wrong answer, a deadline, a word of the owner's */
    LINK_EVENT_LOST,      /* the socket is gone */
    LINK_EVENT_TURN_END,  /* link_flush */
    LINK_EVENT_COUNT
};

enum link_action {
    LINK_CANNOT, /* our mistake: it cannot happen in this state */
    LINK_DO_NOTHING,
    LINK_DO_SEEK,    /* goes on at once when the endpoint is known */
    LINK_DO_HURRY,   /* the next try is due at once */
    LINK_DO_RESOLVE, /* goes on at once when the host is an address */
    LINK_DO_CONNECT,
    LINK_DO_GREET,
    LINK_DO_TELL_UP,
    LINK_DO_WRITE, /* what came together in this turn */
    LINK_DO_MOVE,  /* notes why, and that the next try is due at once */
    LINK_DO_CLOSE, /* tells whoever awaits a reply */
    LINK_DO_RETRY, /* logs why, tells the owner if it was up, and waits */
    LINK_ACTION_COUNT
};

struct link_step {
    enum link_state next;
    enum link_action action;
};

struct link_step link_step(enum link_state state, enum link_event event);

const char *link_state_name(enum link_state state);
const char *link_event_name(enum link_event event);

#endif
