/* The one result type of fallible functions. The table in status.c says, for each status, what HTTP
 * answers and what a worker does with the stream entry that met it. */
#ifndef SOC_BASE_STATUS_H
#define SOC_BASE_STATUS_H

enum status {
    STATUS_OK = 0,
    STATUS_MALFORMED,        /* the bytes are not what the protocol asks for (bad JSON, bad header) */
    STATUS_INVALID,          /* well-formed, but fields break the model's rules */
    STATUS_TOO_LARGE,        /* over a stated byte limit */
    STATUS_UNSUPPORTED_TYPE, /* content type we do not read */
    STATUS_NOT_FOUND,
    STATUS_CONFLICT, /* the thing is in a state that does not allow it */
    STATUS_METHOD_NOT_ALLOWED,
    STATUS_FORBIDDEN,        /* WebSocket Origin that is not allowed */
    STATUS_UPGRADE_REQUIRED, /* /ws without a WebSocket handshake of version 13 */
    STATUS_TIMEOUT,          /* a deadline of ours passed */
    STATUS_UNAVAILABLE,      /* Redis away, loading or not the master */
    STATUS_OVERLOADED,       /* outstanding work is over its limit */
    STATUS_NO_MEMORY,        /* Redis answered OOM */
    STATUS_UNCONFIRMED,      /* done on the master, but fewer replicas than asked for said so */
    STATUS_NO_SCRIPT,        /* Redis does not know the script (any more) */
    STATUS_NO_GROUP,         /* stream or consumer group is gone */
    STATUS_WRONG_TYPE,       /* a key of ours holds another type */
    STATUS_FENCED,           /* another consumer owns the entry now, or a later delivery does */
    STATUS_GONE,             /* the entry is no longer pending: somebody finished it */
    STATUS_POISON,           /* delivered too often without a result */
    STATUS_INTERNAL,         /* a reply that should not exist; logged with its text */
    STATUS_COUNT
};

enum entry_action {
    ENTRY_ACKNOWLEDGE, /* done, or somebody else's: forget it */
    ENTRY_RETRY,       /* keep it pending and try again */
    ENTRY_BURY         /* to the dead letters */
};

struct status_row {
    const char *name;  /* stable word for logs, metrics and the problem's type */
    int http_status;   /* RFC 9110 */
    const char *title; /* RFC 9457 title */
    enum entry_action entry_action;
};

const struct status_row *status_row(enum status status);
const char *status_name(enum status status);

#endif
