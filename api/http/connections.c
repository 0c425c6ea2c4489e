#include "api/http/bare_refusals.h"

#include <stdlib.h>

/* An interim answer may stand at the end, when a client leaves instead of sending the body that it announced.
 */
enum { INTERIM_BYTES = sizeof("HTTP/1.1 100 Continue\r\n\r\n") - 1 };

struct watched {
    const h2o_socket_t *socket;
    size_t accounted; /* of its bytes_written, which counts above TLS */
    void (*on_refusal)(void);
};

/* h2o frees the socket itself later in this turn. */
static void on_close(void *data) {
    struct watched *watched = data;
    if (watched->socket->bytes_written - watched->accounted > INTERIM_BYTES)
        watched->on_refusal();
    free(watched);
}

void bare_refusals_watch(h2o_socket_t *socket, void (*on_refusal)(void)) {
    struct watched *watched = malloc(sizeof(*watched));
    if (watched == NULL)
        abort();
    *watched = (struct watched){.socket = socket, .on_refusal = on_refusal};
    socket->on_close.cb = on_close;
    socket->on_close.data = watched;
}

void bare_refusals_account(const h2o_req_t *req) {
    h2o_socket_t *socket = req->conn->callbacks->get_socket(req->conn);
    struct watched *watched = socket->on_close.data;
    if (watched == NULL)
        return;
    watched->accounted = socket->bytes_written;
    if (req->res.status != 101)
        return;
    socket->on_close.cb = NULL;
    socket->on_close.data = NULL;
    free(watched);
}
