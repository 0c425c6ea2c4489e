/* Every plain connection from its acceptance to its end, or until it becomes a WebSocket, for two things that
 * h2o has no hook for.
 *
 * What is no HTTP/1 request at all (its request line, its headers, or too much of them) h2o refuses with a
 * 400 that nobody is told of. It shows when the connection ends: more was written to it than its requests
 * account for.
 *
 * h2o has one time limit for the wait between two requests and for a request. The wait must be longer than
 * that of proxies, which would else send a request just when we close: a 502 to whoever posted. A request
 * must not be allowed to drip for so long. So the limit of a request is kept here. */
#ifndef SOC_API_CONNECTIONS_H
#define SOC_API_CONNECTIONS_H

#include <h2o.h>

/* On a new connection. `on_refusal` is called at its end, after such a 400. */
void connections_add(h2o_socket_t *socket, void (*on_refusal)(void));

/* A request has come whole, body and all. */
void connections_note_request(const h2o_req_t *req);

/* It is over: what was written to its connection so far was for it, or for those before; h2o will not write
 * to one that was upgraded any more. Before the connection may close. */
void connections_note_end(const h2o_req_t *req);

/* Once a second: ends those whose request, or whose first one, has been on its way for `limit_ms`. */
void connections_sweep(int64_t limit_ms);

#endif
