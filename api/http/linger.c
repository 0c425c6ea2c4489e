#include "api/http/linger.h"

#include <fcntl.h>
#include <stdlib.h>

/* Past the first, connections are closed as ever. */
enum { LINGERING_MAX = 64, SECONDS_MAX = 5, BYTES_MAX = 20 * 1024 * 1024 };

struct lingering {
    h2o_socket_t *socket; /* of a descriptor of our own */
    h2o_context_t *context;
    h2o_timeout_entry_t timer;
    int seconds; /* -1: it still has to be half closed */
    size_t bytes;
};

static unsigned count;

static void end(struct lingering *lingering) {
    count--;
    h2o_timeout_unlink(&lingering->timer);
    h2o_socket_close(lingering->socket);
    free(lingering);
}

static void on_read(h2o_socket_t *socket, const char *error) {
    struct lingering *lingering = socket->data;
    lingering->bytes += socket->input->size;
    h2o_buffer_consume(&socket->input, socket->input->size);
    if (error != NULL || lingering->bytes > BYTES_MAX)
        end(lingering);
}

static void on_timer(h2o_timeout_entry_t *timer) {
    struct lingering *lingering = H2O_STRUCT_FROM_MEMBER(struct lingering, timer, timer);
    if (lingering->seconds < 0)
        shutdown(h2o_socket_get_fd(lingering->socket), SHUT_WR);
    if (++lingering->seconds == SECONDS_MAX)
        end(lingering);
    else
        h2o_timeout_link(lingering->context->loop, &lingering->context->one_sec_timeout, timer);
}

/* h2o is about to close its descriptor: with ours the connection outlives that. It is half closed a turn
 * later, after TLS' last word. */
static void on_request_end(void *bytes) {
    h2o_conn_t *conn = *(h2o_conn_t **)bytes;
    h2o_socket_t *socket = conn->callbacks->get_socket(conn);
    int fd =
        socket == NULL || count >= LINGERING_MAX ? -1 : fcntl(h2o_socket_get_fd(socket), F_DUPFD_CLOEXEC, 0);
    if (fd == -1)
        return;
    struct lingering *lingering = calloc(1, sizeof(*lingering));
    if (lingering == NULL)
        abort();
    count++;
    lingering->context = conn->ctx;
    lingering->seconds = -1;
    lingering->timer.cb = on_timer;
    lingering->socket = h2o_evloop_socket_create(conn->ctx->loop, fd, 0);
    lingering->socket->data = lingering;
    h2o_socket_read_start(lingering->socket, on_read);
    h2o_timeout_link(conn->ctx->loop, &conn->ctx->zero_timeout, &lingering->timer);
}

void linger_after(h2o_req_t *req) {
    h2o_conn_t **conn = h2o_mem_alloc_shared(&req->pool, sizeof(*conn), on_request_end);
    *conn = req->conn;
}
