#include "api/live/protocol.h"

#include <stdlib.h>
#include <wslay/wslay.h>

/* A client's header: 2 bytes, the mask, and 0, 2 or 8 bytes of length. FRAGMENT_BYTES_MIN bounds what a
 * message cut into tiny fragments can cost: each is an allocation of wslay's. */
enum { CLIENT_HEADER_MIN = 6, FRAGMENT_BYTES_MIN = 16, QUEUED_FRAME_BYTES = 64, CLOSE_CODE_BYTES = 2 };
enum { CLOSE_FRAME_MAX = CLIENT_HEADER_MIN + FRAME_CONTROL_BYTES_MAX, OPCODE_MASK = 0xf };

static void queue_close(struct protocol *protocol, enum close_code code, struct text reason) {
    int result =
        wslay_event_queue_close(protocol->parser, (uint16_t)code, (const uint8_t *)reason.at, reason.len);
    if (result != 0 && result != WSLAY_ERR_NO_MORE_MSG)
        abort();
}

static void refuse(struct protocol *protocol, enum close_code code) {
    queue_close(protocol, code, TEXT_NONE);
    wslay_event_shutdown_read(protocol->parser);
    protocol->peer = PEER_BROKEN;
}

static size_t client_frame_bytes(uint64_t payload_bytes) {
    size_t length_bytes = payload_bytes > UINT16_MAX ? 8 : payload_bytes > FRAME_CONTROL_BYTES_MAX ? 2 : 0;
    return CLIENT_HEADER_MIN + length_bytes + (size_t)payload_bytes;
}

static void begin_data_frame(struct protocol *protocol,
                             const struct wslay_event_on_frame_recv_start_arg *frame) {
    protocol->fragments++;
    if (frame->opcode == WSLAY_BINARY_FRAME && !protocol->takes_binary)
        refuse(protocol, CLOSE_UNSUPPORTED);
    else if (protocol->fragments > 1 + protocol->message_bytes_max / FRAGMENT_BYTES_MIN)
        refuse(protocol, CLOSE_TOO_BIG);
    if (frame->fin)
        protocol->fragments = 0;
}

static void on_frame_start(struct wslay_event_context *parser,
                           const struct wslay_event_on_frame_recv_start_arg *frame, void *context) {
    (void)parser;
    struct protocol *protocol = context;
    protocol->frame_bytes = client_frame_bytes(frame->payload_length);
    if (!wslay_is_ctrl_frame(frame->opcode))
        begin_data_frame(protocol, frame);
    if (frame->opcode != WSLAY_CONNECTION_CLOSE)
        return;
    protocol->close_began = true;
    if (frame->payload_length > 0 &&
        frame->payload_length < CLOSE_CODE_BYTES) /* wslay lets half a code pass */
        refuse(protocol, CLOSE_PROTOCOL_ERROR);
}

static void on_frame_end(struct wslay_event_context *parser, void *context) {
    (void)parser;
    struct protocol *protocol = context;
    protocol->unfinished_bytes -= protocol->frame_bytes;
}

static void on_message(struct wslay_event_context *parser, const struct wslay_event_on_msg_recv_arg *message,
                       void *context) {
    struct protocol *protocol = context;
    if (protocol->close_queued || !wslay_event_get_read_enabled(parser))
        return;
    if (message->opcode == WSLAY_TEXT_FRAME || message->opcode == WSLAY_BINARY_FRAME ||
        message->opcode == WSLAY_PONG)
        protocol->on_message(
            protocol->owner, (enum frame_opcode)message->opcode,
            (struct text){message->msg == NULL ? "" : (const char *)message->msg, message->msg_length});
}

static ssize_t take_input(struct wslay_event_context *parser, uint8_t *at, size_t room, int flags,
                          void *context) {
    (void)flags;
    struct protocol *protocol = context;
    size_t waiting = protocol->out.len + wslay_event_get_queued_msg_length(parser) +
                     wslay_event_get_queued_msg_count(parser) * QUEUED_FRAME_BYTES;
    size_t len = protocol->input.len < room ? protocol->input.len : room;
    if (len == 0 || waiting >= PROTOCOL_OUT_MAX) {
        wslay_event_set_error(parser, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    memcpy(at, protocol->input.at, len);
    protocol->input.at += len;
    protocol->input.len -= len;
    protocol->unfinished_bytes += len;
    return (ssize_t)len;
}

static ssize_t collect_output(struct wslay_event_context *parser, const uint8_t *bytes, size_t len, int flags,
                              void *context) {
    (void)parser, (void)flags;
    struct protocol *protocol = context;
    buffer_append(&protocol->out, bytes, len);
    return (ssize_t)len;
}

static void need_parser(struct protocol *protocol) {
    static const struct wslay_event_callbacks callbacks = {
        .recv_callback = take_input,
        .send_callback = collect_output,
        .on_frame_recv_start_callback = on_frame_start,
        .on_frame_recv_end_callback = on_frame_end,
        .on_msg_recv_callback = on_message,
    };
    if (protocol->parser != NULL)
        return;
    if (wslay_event_context_server_init(&protocol->parser, &callbacks, protocol) != 0)
        abort();
    wslay_event_config_set_max_recv_msg_length(protocol->parser, protocol->message_bytes_max);
}

static void drop_parser(struct protocol *protocol) {
    if (protocol->parser != NULL)
        wslay_event_context_free(protocol->parser);
    protocol->parser = NULL;
}

static void judge_peer(struct protocol *protocol) {
    if (protocol->peer != PEER_TALKING || wslay_event_get_read_enabled(protocol->parser))
        return;
    bool answered_us = protocol->close_queued && protocol->close_began;
    protocol->peer =
        answered_us || wslay_event_get_close_received(protocol->parser) ? PEER_CLOSED : PEER_BROKEN;
}

/* Moves what wslay has queued into `out`. */
static void take_queued(struct protocol *protocol) {
    if (protocol->close_queued)
        return;
    if (wslay_event_send(protocol->parser) != 0)
        abort(); /* collect_output cannot fail */
    if (wslay_event_get_close_sent(protocol->parser))
        protocol->close_queued = true;
}

/* Takes over what wslay has queued and lets the parser go when it holds nothing. */
static void settle(struct protocol *protocol) {
    judge_peer(protocol);
    take_queued(protocol);
    bool at_rest = protocol->unfinished_bytes == 0 && protocol->fragments == 0;
    if (protocol->close_queued ? protocol->peer != PEER_TALKING : at_rest)
        drop_parser(protocol);
}

/* wslay ends with an empty close frame where a header itself is wrong (RFC 6455 section 5.5, 5.2): say 1002.
 */
static void fail_header(struct protocol *protocol) {
    char code[CLOSE_CODE_BYTES] = {(char)(CLOSE_PROTOCOL_ERROR >> 8), (char)(CLOSE_PROTOCOL_ERROR & 0xff)};
    if (!protocol->close_queued)
        frame_append(&protocol->out, FRAME_CLOSE, (struct text){code, sizeof(code)});
    protocol->close_queued = true;
    protocol->peer = PEER_BROKEN;
    drop_parser(protocol);
}

void protocol_init(struct protocol *protocol, protocol_message_handler handler, void *owner) {
    *protocol = (struct protocol){.on_message = handler, .owner = owner};
}

void protocol_fini(struct protocol *protocol) {
    drop_parser(protocol);
    buffer_fini(&protocol->out);
    buffer_fini(&protocol->close_frame);
}

/* wslay 1.1.1 judges the reason of a close frame wrongly when it comes in pieces: it leaves the first two
 * bytes of each out. So a new parser gets the frame from its start whenever there is more of it. No message
 * that is under way matters behind a close frame. */
static struct text resume_close(struct protocol *protocol, struct text bytes) {
    size_t room = CLOSE_FRAME_MAX - protocol->close_frame.len;
    drop_parser(protocol);
    protocol->unfinished_bytes = 0;
    buffer_append(&protocol->close_frame, bytes.at, bytes.len < room ? bytes.len : room);
    return buffer_text(&protocol->close_frame);
}

/* `taken` is what the parser has just read. */
static void keep_close(struct protocol *protocol, struct text taken) {
    const char *frame = taken.at + taken.len - protocol->unfinished_bytes;
    bool begun = protocol->unfinished_bytes > 0 && protocol->unfinished_bytes <= taken.len &&
                 (*frame & OPCODE_MASK) == FRAME_CLOSE;
    if (!begun)
        buffer_clear(&protocol->close_frame);
    else if (taken.at != protocol->close_frame.at)
        buffer_append(&protocol->close_frame, frame, protocol->unfinished_bytes);
}

size_t protocol_receive(struct protocol *protocol, struct text bytes) {
    if (protocol->peer != PEER_TALKING || bytes.len == 0 || protocol->out.len >= PROTOCOL_OUT_MAX)
        return 0;
    size_t known = protocol->close_frame.len;
    if (known > 0)
        bytes = resume_close(protocol, bytes);
    need_parser(protocol);
    protocol->input = bytes;
    int result = wslay_event_recv(protocol->parser);
    size_t taken = bytes.len - protocol->input.len;
    protocol->input = TEXT_NONE;
    keep_close(protocol, (struct text){bytes.at, taken});
    if (result == WSLAY_ERR_NOMEM)
        abort();
    if (result != 0)
        fail_header(protocol);
    else
        settle(protocol);
    return taken - known;
}

void protocol_send(struct protocol *protocol, enum frame_opcode opcode, struct text payload) {
    if (protocol->parser != NULL)
        take_queued(protocol); /* a pong that was due before */
    if (!protocol->close_queued)
        frame_append(&protocol->out, opcode, payload);
}

void protocol_close(struct protocol *protocol, enum close_code code, const char *reason) {
    if (protocol->close_queued)
        return;
    need_parser(protocol);
    queue_close(protocol, code, text_of(reason));
    take_queued(protocol); /* what breaks the rules in the same reading drops the parser */
    protocol->close_queued = true;
    if (protocol->input.at == NULL)
        settle(protocol);
}
