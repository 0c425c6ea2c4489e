#include "api/http/connections.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "shared/base/clock.h"

/* An interim answer may stand at the end, when a client leaves instead of sending the body that it announced.
 */
enum { INTERIM_BYTES = sizeof("HTTP/1.1 100 Continue\r\n\r\n") - 1 };

/* Where it is: before its first request, between two, amid one, or its peer waits for us. */
enum stage { STAGE_NEW, STAGE_IDLE, STAGE_READING, STAGE_ANSWERING };

struct connection {
    h2o_socket_t *socket;
    size_t accounted; /* of its bytes_written, which counts above TLS */
    void (*on_refusal)(void);
    struct connection *next, **link; /* of all */
    enum stage stage;
    int64_t since_ms; /* STAGE_NEW, STAGE_READING: when that began */
};

static struct connection *first;

static void forget(struct connection *connection) {
    *connection->link = connection->next;
    if (connection->next != NULL)
        connection->next->link = connection->link;
    free(connection);
}

/* h2o frees the socket itself later in this turn. */
static void on_close(void *data) {
    struct connection *connection = data;
    if (connection->socket->bytes_written - connection->accounted > INTERIM_BYTES)
        connection->on_refusal();
    forget(connection);
}

void connections_add(h2o_socket_t *socket, void (*on_refusal)(void)) {
    struct connection *connection = malloc(sizeof(*connection));
    if (connection == NULL)
        abort();
    *connection = (struct connection){.socket = socket,
                                      .on_refusal = on_refusal,
                                      .next = first,
                                      .link = &first,
                                      .since_ms = clock_monotonic_ms()};
    if (first != NULL)
        first->link = &connection->next;
    first = connection;
    socket->on_close.cb = on_close;
    socket->on_close.data = connection;
}

static struct connection *connection_of(const h2o_req_t *req) {
    return req->conn->callbacks->get_socket(req->conn)->on_close.data;
}

void connections_note_request(const h2o_req_t *req) {
    struct connection *connection = connection_of(req);
    if (connection != NULL)
        connection->stage = STAGE_ANSWERING;
}

void connections_note_end(const h2o_req_t *req) {
    struct connection *connection = connection_of(req);
    if (connection == NULL)
        return;
    connection->accounted = connection->socket->bytes_written;
    connection->stage = STAGE_IDLE;
    if (req->res.status != 101)
        return;
    connection->socket->on_close.cb = NULL;
    connection->socket->on_close.data = NULL;
    forget(connection);
}

/* What has come of a request stays in the socket's buffer until it is whole. */
static void look_at(struct connection *connection, int64_t now_ms, int64_t limit_ms) {
    if (connection->stage == STAGE_IDLE && connection->socket->input->size > 0) {
        connection->stage = STAGE_READING;
        connection->since_ms = now_ms;
    }
    bool is_awaited = connection->stage == STAGE_NEW || connection->stage == STAGE_READING;
    if (is_awaited && now_ms - connection->since_ms >= limit_ms)
        shutdown(h2o_socket_get_fd(connection->socket), SHUT_RDWR); /* h2o reads its end */
}

void connections_sweep(int64_t limit_ms) {
    int64_t now_ms = clock_monotonic_ms();
    for (struct connection *connection = first; connection != NULL; connection = connection->next)
        look_at(connection, now_ms, limit_ms);
}
