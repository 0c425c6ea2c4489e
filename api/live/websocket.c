#include "api/live/websocket.h"

#include <h2o/http1.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "api/live/handshake.h"

enum phase {
    PHASE_UPGRADING, /* h2o still writes the 101 and holds the socket */
    PHASE_OPEN,
    PHASE_CLOSING,   /* one close frame is on its way; the timer counts */
    PHASE_LINGERING, /* all is said: the peer's last bytes are read and dropped until it hangs up, so that the
                        kernel does not answer them with a reset that overtakes our close frame */
    PHASE_ENDED      /* the timer will free it in this turn */
};

/* One write: own frames first, then pieces. */
struct flight {
    struct buffer own;
    size_t bytes;
    unsigned count;
    void *holders[];
};

struct websocket {
    h2o_socket_t *socket; /* NULL while upgrading */
    h2o_context_t *context;
    const struct websocket_events *events;
    void *owner;
    struct protocol protocol;
    struct flight *flight; /* NULL: none under way */
    h2o_timeout_entry_t
        timer; /* unlinked, or on one_sec_timeout while closing, or on zero_timeout once ended */
    unsigned closing_seconds;
    const char *reason; /* the word for on_gone, once known */
    enum phase phase;
    bool busy; /* inside a hook or about to write anyway: whoever set it settles at its end */
};

static void on_read(h2o_socket_t *socket, const char *error);

static void release_flight(struct websocket *websocket) {
    struct flight *flight = websocket->flight;
    if (flight == NULL)
        return;
    for (unsigned i = 0; i < flight->count; i++)
        websocket->events->on_release(websocket->owner, flight->holders[i]);
    buffer_fini(&flight->own);
    free(flight);
    websocket->flight = NULL;
}

static void on_end(h2o_timeout_entry_t *entry) {
    struct websocket *websocket = H2O_STRUCT_FROM_MEMBER(struct websocket, timer, entry);
    websocket->busy = true;
    if (websocket->socket != NULL)
        h2o_socket_close(websocket->socket);
    websocket->socket = NULL;
    release_flight(websocket);
    websocket->events->on_gone(websocket->owner, websocket->reason);
    protocol_fini(&websocket->protocol);
    free(websocket);
}

static void set_timer(struct websocket *websocket, h2o_timeout_t *timeout, h2o_timeout_cb callback) {
    h2o_timeout_unlink(&websocket->timer);
    websocket->timer.cb = callback;
    h2o_timeout_link(websocket->context->loop, timeout, &websocket->timer);
}

static void end(struct websocket *websocket, const char *reason) {
    if (websocket->reason == NULL)
        websocket->reason = reason;
    if (websocket->phase == PHASE_ENDED)
        return;
    bool upgrading = websocket->phase == PHASE_UPGRADING;
    websocket->phase = PHASE_ENDED;
    if (upgrading) /* h2o holds the socket: on_upgraded ends it */
        return;
    if (websocket->socket != NULL)
        h2o_socket_read_stop(websocket->socket);
    set_timer(websocket, &websocket->context->zero_timeout, on_end);
}

static void on_closing_second(h2o_timeout_entry_t *entry) {
    struct websocket *websocket = H2O_STRUCT_FROM_MEMBER(struct websocket, timer, entry);
    if (++websocket->closing_seconds >= WEBSOCKET_CLOSE_SECONDS)
        end(websocket, "timeout");
    else
        set_timer(websocket, &websocket->context->one_sec_timeout, on_closing_second);
}

static void on_written(h2o_socket_t *socket, const char *error);

/* Starts a write of what there is; false when there is nothing. */
static bool launch(struct websocket *websocket) {
    struct websocket_piece pieces[WEBSOCKET_WRITE_FRAMES_MAX];
    h2o_iovec_t vectors[WEBSOCKET_WRITE_FRAMES_MAX];
    struct buffer own = websocket->protocol.out;
    websocket->protocol.out = BUFFER_EMPTY;
    unsigned first = own.len > 0, count = 0;
    if (websocket->phase == PHASE_OPEN && websocket->events->on_fill != NULL)
        count = websocket->events->on_fill(websocket->owner, pieces, WEBSOCKET_WRITE_FRAMES_MAX - first);
    if (first + count == 0)
        return false;
    struct flight *flight = malloc(sizeof(*flight) + count * sizeof(void *));
    if (flight == NULL)
        abort();
    *flight = (struct flight){.own = own, .bytes = own.len, .count = count};
    vectors[0] = h2o_iovec_init(own.at, own.len);
    for (unsigned i = 0; i < count; i++) {
        vectors[first + i] = h2o_iovec_init(pieces[i].bytes, pieces[i].len);
        flight->holders[i] = pieces[i].holder;
        flight->bytes += pieces[i].len;
    }
    websocket->flight = flight;
    h2o_socket_write(websocket->socket, vectors, first + count, on_written);
    return true;
}

static bool has_said_all(const struct websocket *websocket) {
    return websocket->protocol.close_queued && websocket->protocol.out.len == 0 && websocket->flight == NULL;
}

static void update_phase(struct websocket *websocket) {
    const struct protocol *protocol = &websocket->protocol;
    if (websocket->phase == PHASE_OPEN && protocol->close_queued) {
        websocket->phase = PHASE_CLOSING;
        set_timer(websocket, &websocket->context->one_sec_timeout, on_closing_second);
    }
    if (websocket->phase != PHASE_CLOSING)
        return;
    if (protocol->peer == PEER_BROKEN)
        websocket->reason = "protocol";
    if (!has_said_all(websocket) || protocol->peer == PEER_TALKING)
        return;
    websocket->phase = PHASE_LINGERING;
    shutdown(h2o_socket_get_fd(websocket->socket), SHUT_WR);
}

static bool wants_input(const struct websocket *websocket) {
    return websocket->phase == PHASE_LINGERING ||
           (websocket->phase != PHASE_ENDED && websocket->protocol.peer == PEER_TALKING &&
            websocket->protocol.out.len < PROTOCOL_OUT_MAX);
}

static void update_reading(struct websocket *websocket) {
    bool wanted = wants_input(websocket);
    if (wanted == (bool)h2o_socket_is_reading(websocket->socket))
        return;
    if (wanted)
        h2o_socket_read_start(websocket->socket, on_read);
    else
        h2o_socket_read_stop(websocket->socket);
}

/* Brings writing, phase and reading in line with what has happened. The end of every call and every callback.
 */
static void settle(struct websocket *websocket) {
    if (websocket->busy || websocket->phase == PHASE_UPGRADING || websocket->phase == PHASE_ENDED)
        return;
    websocket->busy = true;
    update_phase(websocket);
    while (websocket->flight == NULL && (launch(websocket) || websocket->protocol.out.len > 0))
        ;
    update_phase(websocket);
    websocket->busy = false;
    update_reading(websocket);
}

/* Hands what has come to the protocol, or drops it when the peer is not heard any more. */
static void receive(struct websocket *websocket) {
    h2o_buffer_t **input = &websocket->socket->input;
    bool busy = websocket->busy;
    websocket->busy = true;
    size_t taken = protocol_receive(&websocket->protocol, (struct text){(*input)->bytes, (*input)->size});
    websocket->busy = busy;
    if (websocket->protocol.peer != PEER_TALKING || websocket->phase == PHASE_ENDED)
        taken = (*input)->size;
    h2o_buffer_consume(input, taken);
}

static void on_read(h2o_socket_t *socket, const char *error) {
    struct websocket *websocket = socket->data;
    if (error != NULL) {
        end(websocket, websocket->phase == PHASE_OPEN ? "lost" : "closed");
        return;
    }
    receive(websocket);
    settle(websocket);
}

/* h2o 2.2.5 forgets to look at the socket's state again when a write that was begun outside of its loop was
 * done at once: with more than 256 sockets ready it would go on waiting for writability and abort when that
 * comes. */
static void show_state(h2o_socket_t *socket) {
    if (h2o_socket_is_reading(socket))
        h2o_socket_read_start(socket, on_read);
    else
        h2o_socket_read_stop(socket);
}

static void on_written(h2o_socket_t *socket, const char *error) {
    struct websocket *websocket = socket->data;
    show_state(socket);
    websocket->busy = true;
    release_flight(websocket);
    websocket->busy = false;
    if (error != NULL) {
        end(websocket, websocket->phase == PHASE_OPEN ? "lost" : "closed");
        return;
    }
    if (websocket->phase != PHASE_ENDED)
        receive(websocket);
    settle(websocket);
}

/* h2o reads whatever the kernel holds into memory, so the kernel's buffer is the bound on a flood. */
static void bound_input(h2o_socket_t *socket) {
    int bytes = WEBSOCKET_RECEIVE_BYTES;
    setsockopt(h2o_socket_get_fd(socket), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
}

static void on_upgraded(void *data, h2o_socket_t *socket, size_t request_bytes) {
    struct websocket *websocket = data;
    bool ended = websocket->phase == PHASE_ENDED;
    websocket->phase = PHASE_OPEN;
    websocket->socket = socket;
    if (socket == NULL || ended) {
        end(websocket, "lost");
        return;
    }
    socket->data = websocket;
    bound_input(socket);
    h2o_buffer_consume(&socket->input, request_bytes);
    websocket->busy = true;
    if (!websocket->protocol.close_queued)
        websocket->events->on_open(websocket->owner);
    receive(websocket);
    websocket->busy = false;
    settle(websocket);
}

static void on_message(void *owner, enum frame_opcode opcode, struct text payload) {
    struct websocket *websocket = owner;
    const struct websocket_events *events = websocket->events;
    if (websocket->phase == PHASE_ENDED)
        return;
    if (opcode == FRAME_TEXT)
        events->on_text(websocket->owner, payload);
    else if (opcode == FRAME_BINARY)
        events->on_binary(websocket->owner, payload);
    else if (opcode == FRAME_PONG && events->on_pong != NULL)
        events->on_pong(websocket->owner);
}

enum status websocket_accept(h2o_req_t *req, const struct websocket_events *events, void *owner,
                             struct websocket **result) {
    struct text key;
    enum status status = handshake_check(req, &key);
    if (status != STATUS_OK)
        return status;
    struct websocket *websocket = malloc(sizeof(*websocket));
    if (websocket == NULL)
        abort();
    *websocket = (struct websocket){.context = req->conn->ctx, .events = events, .owner = owner};
    protocol_init(&websocket->protocol, on_message, websocket);
    websocket->protocol.takes_binary = events->on_binary != NULL;
    websocket->protocol.message_bytes_max =
        events->message_bytes_max != 0 ? events->message_bytes_max : WEBSOCKET_MESSAGE_MAX;
    *result = websocket;
    handshake_respond(req, key);
    h2o_http1_upgrade(req, NULL, 0, on_upgraded, websocket);
    return STATUS_OK;
}

void websocket_wake(struct websocket *websocket) {
    if (websocket->flight == NULL)
        settle(websocket);
}

static void send_frame(struct websocket *websocket, enum frame_opcode opcode, struct text payload) {
    if (websocket->phase > PHASE_OPEN)
        return;
    protocol_send(&websocket->protocol, opcode, payload);
    settle(websocket);
}

void websocket_ping(struct websocket *websocket) {
    send_frame(websocket, FRAME_PING, TEXT_NONE);
}

void websocket_send_text(struct websocket *websocket, struct text message) {
    send_frame(websocket, FRAME_TEXT, message);
}

void websocket_send_binary(struct websocket *websocket, struct text message) {
    send_frame(websocket, FRAME_BINARY, message);
}

void websocket_close(struct websocket *websocket, enum close_code code, const char *reason) {
    if (websocket->phase > PHASE_OPEN)
        return;
    protocol_close(&websocket->protocol, code, reason);
    settle(websocket);
}

void websocket_abort(struct websocket *websocket) {
    end(websocket, "aborted");
}
