#include "api/http/server.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/http/connections.h"
#include "api/http/h2o_reactor.h"
#include "api/http/linger.h"
#include "api/http/observe_requests.h"
#include "shared/base/socket_port.h"

enum { LISTEN_BACKLOG = 4096, ACCEPTS_PER_TURN = 64 };

/* REQUEST: for the whole of a request, header and body. IDLE: for the wait between two, longer than proxies
 * keep a connection that nobody uses (nginx 60 s, Traefik and Go 90 s). TAKEN: for the peer's kernel to take
 * the next of an answer, which h2o awaits for ever. */
enum { REQUEST_TIMEOUT_MS = 10000, IDLE_TIMEOUT_MS = 120000, TAKEN_TIMEOUT_MS = 15000 };

struct server {
    h2o_globalconf_t config;
    h2o_context_t context;
    h2o_accept_ctx_t accept;
    h2o_socket_t *listener;
    h2o_timeout_entry_t pause; /* linked while no connection can be accepted */
    h2o_timeout_entry_t sweep;
    int port;
    const struct route *routes;
    void *app;
};

struct server_handler {
    h2o_handler_t super;
    struct server *server;
};

struct server_filter {
    h2o_filter_t super;
    struct server *server;
};

static int on_request(h2o_handler_t *self, h2o_req_t *req) {
    struct server *server = ((struct server_handler *)self)->server;
    route_request(server->routes, server->app, req);
    return 0;
}

/* h2o answers what it refuses itself (413, broken chunks) in plain text: this turns that into a problem, and
 * into an exchange, so that it is counted. */
struct problem_stream {
    h2o_ostream_t super;
    struct text body;
};

static void send_problem(h2o_ostream_t *self, h2o_req_t *req, h2o_iovec_t *bufs, size_t count,
                         h2o_send_state_t state) {
    (void)bufs;
    (void)count;
    struct text body = ((struct problem_stream *)self)->body;
    h2o_iovec_t out = {(char *)body.at, body.len};
    h2o_ostream_send_next(self, req, &out, 1, state);
}

static void on_own_error(h2o_filter_t *self, h2o_req_t *req, h2o_ostream_t **slot) {
    const struct server *server = ((struct server_filter *)self)->server;
    enum status status = req->res.status == 413 ? STATUS_TOO_LARGE : STATUS_MALFORMED;
    struct buffer out = BUFFER_EMPTY;
    problem_write(&out, req->res.status, status_row(status)->name, status_row(status)->title, NULL, NULL,
                  NULL);
    h2o_iovec_t body = h2o_strdup(&req->pool, out.at, out.len);
    buffer_fini(&out);
    struct problem_stream *stream = (struct problem_stream *)h2o_add_ostream(req, sizeof(*stream), slot);
    stream->super.do_send = send_problem;
    stream->body = (struct text){body.base, body.len};
    req->res.content_length = body.len;
    h2o_set_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE,
                   H2O_STRLIT("application/problem+json"), 1);
    h2o_setup_next_ostream(req, &stream->super.next);
    linger_after(req);
    exchange_open(req, server->app, route_count(server->routes));
}

static void configure(struct server *server, const struct server_options *options) {
    h2o_config_init(&server->config);
    server->config.server_name = h2o_iovec_init(H2O_STRLIT("soc-api"));
    server->config.http1.upgrade_to_http2 = 0;
    server->config.http1.req_timeout = IDLE_TIMEOUT_MS;
    server->config.handshake_timeout = REQUEST_TIMEOUT_MS;
    server->config.max_request_entity_size = options->body_max;
    h2o_socket_buffer_mmap_settings.threshold = SIZE_MAX; /* else a file in /tmp: a read-only root has none */
    h2o_hostconf_t *host =
        h2o_config_register_host(&server->config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    h2o_pathconf_t *path = h2o_config_register_path(host, "/", 0);
    struct server_handler *handler = (struct server_handler *)h2o_create_handler(path, sizeof(*handler));
    handler->super.on_req = on_request;
    handler->server = server;
    struct server_filter *filter =
        (struct server_filter *)h2o_create_filter(&host->fallback_path, sizeof(*filter));
    filter->super.on_setup_ostream = on_own_error;
    filter->server = server;
}

static SSL_CTX *load_tls(const struct server_options *options, char *why, size_t why_size) {
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    if (tls == NULL)
        abort();
    SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
    if (SSL_CTX_use_certificate_chain_file(tls, options->tls_certificate) == 1 &&
        SSL_CTX_use_PrivateKey_file(tls, options->tls_key, SSL_FILETYPE_PEM) == 1 &&
        SSL_CTX_check_private_key(tls) == 1)
        return tls;
    char reason[160];
    ERR_error_string_n(ERR_get_error(), reason, sizeof(reason));
    snprintf(why, why_size, "the certificate or key cannot be used: %s", reason);
    SSL_CTX_free(tls);
    return NULL;
}

static int bind_one(const struct addrinfo *address) {
    int on = 1;
    unsigned taken_ms = TAKEN_TIMEOUT_MS;
    int fd =
        socket(address->ai_family, address->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, address->ai_protocol);
    if (fd == -1)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &taken_ms, sizeof(taken_ms)); /* accepted ones inherit it */
    if (bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, LISTEN_BACKLOG) == 0)
        return fd;
    int problem = errno;
    close(fd);
    errno = problem;
    return -1;
}

static int listen_at(const struct server_options *options, char *why, size_t why_size) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV}, *found;
    char service[16];
    snprintf(service, sizeof(service), "%d", options->port);
    int problem = getaddrinfo(options->host, service, &hints, &found);
    if (problem != 0) {
        snprintf(why, why_size, "cannot resolve %s: %s", options->host, gai_strerror(problem));
        return -1;
    }
    int fd = bind_one(found);
    if (fd == -1)
        snprintf(why, why_size, "cannot listen on %s port %d: %s", options->host, options->port,
                 strerror(errno));
    freeaddrinfo(found);
    return fd;
}

static void on_accept(h2o_socket_t *listener, const char *error);

static void on_pause_over(h2o_timeout_entry_t *pause) {
    struct server *server = H2O_STRUCT_FROM_MEMBER(struct server, pause, pause);
    h2o_socket_read_start(server->listener, on_accept);
}

/* Without descriptors the listener would stay readable, and the loop turn without rest. */
static void pause_accepting(struct server *server) {
    h2o_socket_read_stop(server->listener);
    server->pause.cb = on_pause_over;
    h2o_timeout_link(server->context.loop, &server->context.one_sec_timeout, &server->pause);
}

static bool accept_one(struct server *server) {
    h2o_socket_t *socket = h2o_evloop_socket_accept(server->listener);
    if (socket == NULL)
        return false;
    connections_add(socket, observe_bare_refusal);
    h2o_accept(&server->accept, socket);
    return true;
}

static void on_accept(h2o_socket_t *listener, const char *error) {
    struct server *server = listener->data;
    if (error != NULL)
        return;
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        if (accept_one(server))
            continue;
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            pause_accepting(server);
        return;
    }
}

static void on_sweep(h2o_timeout_entry_t *sweep) {
    struct server *server = H2O_STRUCT_FROM_MEMBER(struct server, sweep, sweep);
    connections_sweep(REQUEST_TIMEOUT_MS);
    h2o_timeout_link(server->context.loop, &server->context.one_sec_timeout, sweep);
}

/* As long as the process: h2o's loops and configurations are never taken down (they would leak). */
static struct server *volatile kept;

struct server *server_open(const struct server_options *options, char *why, size_t why_size) {
    struct server *server = calloc(1, sizeof(*server));
    if (server == NULL)
        abort();
    kept = server;
    server->routes = options->routes;
    server->app = options->app;
    configure(server, options);
    if (options->tls_certificate[0] != '\0' &&
        (server->accept.ssl_ctx = load_tls(options, why, why_size)) == NULL)
        return NULL;
    int fd = listen_at(options, why, why_size);
    if (fd == -1)
        return NULL;
    server->port = socket_port(fd);
    h2o_context_init(&server->context, h2o_evloop_create(), &server->config);
    server->accept.ctx = &server->context;
    server->accept.hosts = server->config.hosts;
    server->listener = h2o_evloop_socket_create(server->context.loop, fd, H2O_SOCKET_FLAG_DONT_READ);
    server->listener->data = server;
    h2o_socket_read_start(server->listener, on_accept);
    server->sweep.cb = on_sweep;
    h2o_timeout_link(server->context.loop, &server->context.one_sec_timeout, &server->sweep);
    return server;
}

int server_port(const struct server *server) {
    return server->port;
}

struct reactor server_reactor(struct server *server) {
    return h2o_reactor(server->context.loop);
}

void server_turn(struct server *server, int wait_ms) {
    h2o_evloop_run(server->context.loop, wait_ms);
}

void server_end_keep_alive(struct server *server) {
    h2o_context_request_shutdown(&server->context);
}

/* Whom the kernel holds for us, it would reset with the listener. */
void server_stop_accepting(struct server *server) {
    for (int i = 0; i < LISTEN_BACKLOG && accept_one(server); i++)
        ;
    h2o_timeout_unlink(&server->pause);
    h2o_socket_close(server->listener);
    server->listener = NULL;
}
