/* One WebSocket connection (RFC 6455, version 13) over an h2o socket that was upgraded from HTTP/1.1. Own
 * messages and control frames are made by protocol.h; data frames come framed from outside and are written in
 * batches without copying. Every end comes from the loop (a timer of h2o's), never from inside a call: a
 * websocket is valid until its on_gone returns. A connection that is closing ends by itself within
 * WEBSOCKET_CLOSE_SECONDS. The process ignores SIGPIPE. TCP_NODELAY comes from h2o_evloop_socket_accept. */
#ifndef SOC_API_WEBSOCKET_H
#define SOC_API_WEBSOCKET_H

#include <h2o.h>

#include "api/live/protocol.h"
#include "shared/base/status.h"
#include "shared/base/text.h"

enum {
    WEBSOCKET_MESSAGE_MAX = 16 * 1024,
    WEBSOCKET_WRITE_FRAMES_MAX = 64,
    WEBSOCKET_WRITE_BYTES_MAX = 64 * 1024,
    WEBSOCKET_RECEIVE_BYTES = 32 * 1024, /* SO_RCVBUF: two of the longest messages */
    WEBSOCKET_CLOSE_SECONDS = 5
};

struct websocket;

/* A piece of one write, held until `on_release(holder)` after the write. */
struct websocket_piece {
    const char *bytes;
    size_t len; /* not 0 */
    void *holder;
};

/* In every hook every call of this header may be made. */
struct websocket_events {
    /* The handshake is through: what was sent before goes out now. Not called when it was closed before. */
    void (*on_open)(void *owner);
    /* One whole message, borrowed; text is valid UTF-8. Without on_binary, binary ones are refused with 1003.
     */
    void (*on_text)(void *owner, struct text message);
    void (*on_binary)(void *owner, struct text message);
    /* The socket can take more: fill at most `max` pieces of whole frames, about WEBSOCKET_WRITE_BYTES_MAX
     * bytes together, and return how many. Called only while open and no write is under way. NULL: no pieces.
     */
    unsigned (*on_fill)(void *owner, struct websocket_piece *pieces, unsigned max);
    void (*on_release)(void *owner, void *holder);
    void (*on_pong)(void *owner); /* may be NULL */
    /* The connection is over and everything released. `reason` is a word for metrics: closed (either side
     * said so), lost (without a word), protocol (the client broke the rules), timeout (it did not answer our
     * close), aborted. */
    void (*on_gone)(void *owner, const char *reason);
    size_t message_bytes_max; /* more: 1009. 0 is WEBSOCKET_MESSAGE_MAX */
};

/* Checks the handshake of `req` and answers 101, or returns the status to answer instead (nothing was sent):
 * STATUS_UPGRADE_REQUIRED, STATUS_MALFORMED (bad key). Origin is judged by the caller before. `req` is not to
 * be touched after success. `events` is borrowed for good. */
enum status websocket_accept(h2o_req_t *req, const struct websocket_events *events, void *owner,
                             struct websocket **websocket);

/* Something may be there to write: ask on_fill, now or when the write under way ends. */
void websocket_wake(struct websocket *websocket);

void websocket_ping(struct websocket *websocket);

/* A message of its own, copied and framed here; goes before the next on_fill. Nothing once it is closing. */
void websocket_send_text(struct websocket *websocket, struct text message);
void websocket_send_binary(struct websocket *websocket, struct text message);

/* Sends a close frame behind what was sent so far, and ends when the peer's comes. `reason` has at most 123
 * bytes. */
void websocket_close(struct websocket *websocket, enum close_code code, const char *reason);

/* Ends without a word (dead peer, drain deadline). */
void websocket_abort(struct websocket *websocket);

#endif
