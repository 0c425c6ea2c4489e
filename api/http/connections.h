/* What is no HTTP/1 request at all (its request line, its headers, or too much of them) h2o refuses with a
 * 400 that no hook of its own tells of. It shows when the connection ends: more was written to it than its
 * requests account for. */
#ifndef SOC_API_BARE_REFUSALS_H
#define SOC_API_BARE_REFUSALS_H

#include <h2o.h>

/* On a new connection. `on_refusal` is called at its end, after such a 400. */
void bare_refusals_watch(h2o_socket_t *socket, void (*on_refusal)(void));

/* What was written to the request's connection so far was for it, or for those before; h2o will not write to
 * one that was upgraded any more. When the request is over, before its connection may close. */
void bare_refusals_account(const h2o_req_t *req);

#endif
