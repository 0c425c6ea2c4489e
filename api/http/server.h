/* The HTTP/1.1 server: listener, TLS, h2o's loop. One loop, one thread; HTTP/2 is off (2.2.5 has no
 * rapid-reset mitigation), the ingress terminates it. */
#ifndef SOC_API_SERVER_H
#define SOC_API_SERVER_H

#include "api/http/route_request.h"
#include "shared/redis/reactor.h"

struct server_options {
    const char *host;
    int port;                    /* 0: any free one */
    const char *tls_certificate; /* PEM files; "" for plain HTTP */
    const char *tls_key;
    const struct route *routes;
    size_t body_max; /* bytes of a request body; longer ones are answered 413 */
    void *app;
};

struct server;

/* NULL with one line in `why` on failure. SO_REUSEPORT is set: several processes may share a port. */
struct server *server_open(const struct server_options *options, char *why, size_t why_size);
int server_port(const struct server *server);
struct reactor server_reactor(struct server *server);

/* One turn of the loop: waits at most `wait_ms` for something to do. */
void server_turn(struct server *server, int wait_ms);

/* From now on every answer closes its connection. */
void server_end_keep_alive(struct server *server);

/* Nobody connects any more; who has connected before is served. */
void server_stop_accepting(struct server *server);

#endif
