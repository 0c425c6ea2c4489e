/* The server's side of one RFC 6455 conversation, without a socket: takes the bytes that came, hands out
 * whole messages, and collects in `out` the frames that answer. Masking, fragments, UTF-8, sizes and close
 * codes are judged here (by wslay); a fault queues the close frame that names it. The parser with its 9 KB
 * exists only while a frame or a message is incomplete. */
#ifndef SOC_API_PROTOCOL_H
#define SOC_API_PROTOCOL_H

#include <stdint.h>

#include "api/live/frame.h"

enum { PROTOCOL_OUT_MAX = 64 * 1024 };

enum close_code { /* RFC 6455 section 7.4.1 and the IANA registry */
                  CLOSE_NORMAL = 1000,
                  CLOSE_GOING_AWAY = 1001,
                  CLOSE_PROTOCOL_ERROR = 1002,
                  CLOSE_UNSUPPORTED = 1003,
                  CLOSE_BAD_TEXT = 1007,
                  CLOSE_TOO_BIG = 1009,
                  CLOSE_TRY_LATER = 1013
};

enum peer_state {
    PEER_TALKING,
    PEER_CLOSED, /* its close frame came */
    PEER_BROKEN  /* it broke the rules: nothing more is read from it */
};

/* A whole message or pong, borrowed. Inside, the other calls may be made but protocol_receive and
 * protocol_fini. */
typedef void (*protocol_message_handler)(void *owner, enum frame_opcode opcode, struct text payload);

struct protocol {
    protocol_message_handler on_message;
    void *owner;
    size_t message_bytes_max; /* more: 1009 */
    bool takes_binary;        /* else 1003 */
    bool close_queued;        /* our close frame is in `out`, or was; nothing follows it */
    enum peer_state peer;
    struct buffer out; /* whole frames; whoever sends takes them */

    struct wslay_event_context *parser;
    struct text input;         /* during protocol_receive: what the parser has not taken yet */
    size_t unfinished_bytes;   /* taken by the parser beyond the last whole frame */
    size_t frame_bytes;        /* of the frame under way, header and payload */
    unsigned fragments;        /* so far of the message under way */
    bool close_began;          /* a close frame of the peer's was seen, be it a bad one */
    struct buffer close_frame; /* what has come of one that is not whole */
};

void protocol_init(struct protocol *protocol, protocol_message_handler on_message, void *owner);
void protocol_fini(struct protocol *protocol);

/* Returns how many bytes were taken: all, or fewer once `out` has reached PROTOCOL_OUT_MAX (offer the rest
 * when it was sent) or the peer no longer talks (throw the rest away). */
size_t protocol_receive(struct protocol *protocol, struct text bytes);

/* Each does nothing once the close frame is queued. A reason has at most 123 bytes. */
void protocol_send(struct protocol *protocol, enum frame_opcode opcode, struct text payload);
void protocol_close(struct protocol *protocol, enum close_code code, const char *reason);

#endif
