/* What ws_echo and ws_fanout share: an h2o server on a loopback port whose every path is a WebSocket. */
#ifndef SOC_BENCH_WS_SERVER_H
#define SOC_BENCH_WS_SERVER_H

#include <errno.h>
#include <openssl/ssl.h>
#include <signal.h>

#include "api/live/websocket.h"
#include "tests/bench/bench_util.h"

enum { WS_SERVER_BACKLOG = 1024, WS_SERVER_TURN_MS = 100 };

static struct {
    h2o_globalconf_t config;
    h2o_context_t context;
    h2o_accept_ctx_t accept;
    h2o_socket_t *listener;
} ws_server;

static volatile sig_atomic_t ws_server_stopped;

static inline void ws_server_on_stop(int number) {
    (void)number;
    ws_server_stopped = 1;
}

static inline int ws_server_refuse(h2o_req_t *req, enum status status) {
    req->res.status = status_row(status)->http_status;
    req->res.reason = status_row(status)->title;
    if (status == STATUS_UPGRADE_REQUIRED)
        h2o_add_header_by_str(&req->pool, &req->res.headers, H2O_STRLIT("sec-websocket-version"), 0, NULL,
                              H2O_STRLIT("13"));
    h2o_send_inline(req, status_name(status), strlen(status_name(status)));
    return 0;
}

static inline void ws_server_on_accept(h2o_socket_t *listener, const char *error) {
    h2o_socket_t *socket = error == NULL ? h2o_evloop_socket_accept(listener) : NULL;
    if (socket != NULL)
        h2o_accept(&ws_server.accept, socket);
}

static inline h2o_hostconf_t *ws_server_configure(void) {
    signal(SIGPIPE, SIG_IGN);
    sigaction(SIGTERM, &(struct sigaction){.sa_handler = ws_server_on_stop}, NULL);
    h2o_config_init(&ws_server.config);
    ws_server.config.http1.upgrade_to_http2 = 0;
    return h2o_config_register_host(&ws_server.config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
}

static inline void ws_server_add_path(h2o_hostconf_t *host, const char *path,
                                      int (*on_req)(h2o_handler_t *, h2o_req_t *)) {
    h2o_create_handler(h2o_config_register_path(host, path, 0), sizeof(h2o_handler_t))->on_req = on_req;
}

/* The file holds certificate and key, PEM. */
static inline void ws_server_use_tls(const char *pem_path) {
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    if (SSL_CTX_use_certificate_chain_file(tls, pem_path) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls, pem_path, SSL_FILETYPE_PEM) != 1)
        bench_die("%s: no certificate and key", pem_path);
    ws_server.accept.ssl_ctx = tls;
}

/* Port 0 takes a free one. Prints "port N". */
static inline void ws_server_listen(uint16_t port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    socklen_t address_len = sizeof(address);
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd == -1 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, WS_SERVER_BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &address_len) != 0)
        bench_die("listen: %s", strerror(errno));
    h2o_context_init(&ws_server.context, h2o_evloop_create(), &ws_server.config);
    ws_server.accept.ctx = &ws_server.context;
    ws_server.accept.hosts = ws_server.config.hosts;
    ws_server.listener = h2o_evloop_socket_create(ws_server.context.loop, fd, H2O_SOCKET_FLAG_DONT_READ);
    h2o_socket_read_start(ws_server.listener, ws_server_on_accept);
    printf("port %d\n", ntohs(address.sin_port));
    fflush(stdout);
}

static inline void ws_server_run_turn(void) {
    if (h2o_evloop_run(ws_server.context.loop, WS_SERVER_TURN_MS) != 0 && errno != EINTR)
        bench_die("loop: %s", strerror(errno));
}

#endif
