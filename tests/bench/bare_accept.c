/* The yardstick for POST → 202: an h2o server that puts each body on the stream as it is and answers, with
 * nothing checked, indexed or counted. One pipelined XADD a request, one write to Redis a loop turn.
 *
 *     bare_accept PORT REDIS_SOCKET */
#include <h2o.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <signal.h>

#include "shared/base/uuid.h"
#include "tests/bench/bench_util.h"
#include "tests/bench/resp.h"

struct server {
    h2o_globalconf_t config;
    h2o_context_t context;
    h2o_accept_ctx_t accept;
    redisAsyncContext *redis;
    h2o_socket_t *redis_socket;
    bool redis_dirty; /* commands wait to be written at the end of this turn */
    struct uuid_source ids;
    struct buffer command;
};

static struct server server;

/* One request on its way through Redis. Whichever end goes first, request or reply, unties the other. */
struct pending {
    h2o_req_t *request;       /* NULL once the client is gone */
    struct pending **in_pool; /* NULLed once the reply has come */
    char id[UUID_LENGTH];
};

static void forget_request(void *slot) {
    struct pending *pending = *(struct pending **)slot;
    if (pending != NULL)
        pending->request = NULL;
}

static struct pending *pending_new(h2o_req_t *request) {
    struct pending *pending = malloc(sizeof(*pending));
    if (pending == NULL)
        abort();
    pending->request = request;
    pending->in_pool = h2o_mem_alloc_shared(&request->pool, sizeof(pending), forget_request);
    *pending->in_pool = pending;
    return pending;
}

static void answer(struct pending *pending, bool stored) {
    h2o_req_t *request = pending->request;
    char *location = h2o_mem_alloc_pool(&request->pool, sizeof("/api/threats/") - 1 + UUID_LENGTH);
    memcpy(location, "/api/threats/", sizeof("/api/threats/") - 1);
    memcpy(location + sizeof("/api/threats/") - 1, pending->id, UUID_LENGTH);
    char body[128];
    int len =
        snprintf(body, sizeof(body), "{\"id\":\"%.*s\",\"status\":\"pending\"}", UUID_LENGTH, pending->id);
    request->res.status = stored ? 202 : 503;
    request->res.content_length = (size_t)len;
    request->res.reason = stored ? "Accepted" : "Service Unavailable";
    h2o_add_header(&request->pool, &request->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL,
                   H2O_STRLIT("application/json"));
    h2o_add_header(&request->pool, &request->res.headers, H2O_TOKEN_LOCATION, NULL, location,
                   sizeof("/api/threats/") - 1 + UUID_LENGTH);
    h2o_send_inline(request, body, (size_t)len);
}

static void on_stored(redisAsyncContext *redis, void *reply, void *data) {
    (void)redis;
    struct pending *pending = data;
    const redisReply *entry = reply;
    if (pending->request != NULL) {
        *pending->in_pool = NULL;
        answer(pending, entry != NULL && entry->type == REDIS_REPLY_STRING);
    }
    free(pending);
}

static int on_request(h2o_handler_t *handler, h2o_req_t *request) {
    (void)handler;
    int64_t now_ms = clock_wall_ms();
    struct uuid id = uuid_next(&server.ids, now_ms);
    struct pending *pending = pending_new(request);
    uuid_write(&id, pending->id);
    struct buffer *command = &server.command;
    buffer_clear(command);
    resp_begin(command, 11);
    resp_string(command, "XADD");
    resp_string(command, "threats:stream");
    resp_string(command, "*");
    resp_string(command, "v");
    resp_string(command, "1");
    resp_string(command, "id");
    resp_text(command, (struct text){pending->id, UUID_LENGTH});
    resp_string(command, "signal");
    resp_text(command, (struct text){request->entity.base, request->entity.len});
    resp_string(command, "received_at");
    resp_signed(command, now_ms);
    if (redisAsyncFormattedCommand(server.redis, on_stored, pending, command->at, command->len) != REDIS_OK)
        bench_die("redis: %s", server.redis->errstr);
    return 0;
}

static void on_redis_readable(h2o_socket_t *socket, const char *error) {
    (void)socket;
    if (error != NULL)
        bench_die("redis: %s", error);
    redisAsyncHandleRead(server.redis);
}

static void on_redis_writable(h2o_socket_t *socket, const char *error) {
    (void)socket;
    if (error != NULL)
        bench_die("redis: %s", error);
    server.redis_dirty = true;
}

static void mark_dirty(void *unused) {
    (void)unused;
    server.redis_dirty = true;
}

/* Writes what the turn gathered; waits for room when the socket is full. */
static void flush_redis(void) {
    server.redis_dirty = false;
    redisAsyncHandleWrite(server.redis);
    if (!server.redis_dirty)
        return;
    server.redis_dirty = false;
    if (!h2o_socket_is_writing(server.redis_socket))
        h2o_socket_notify_write(server.redis_socket, on_redis_writable);
}

static void connect_redis(const char *path) {
    server.redis = redisAsyncConnectUnix(path);
    if (server.redis == NULL || server.redis->err)
        bench_die("redis at %s: %s", path, server.redis == NULL ? "no memory" : server.redis->errstr);
    server.redis->ev.addWrite = mark_dirty;
    server.redis_socket =
        h2o_evloop_socket_create(server.context.loop, dup(server.redis->c.fd), H2O_SOCKET_FLAG_DONT_READ);
    h2o_socket_read_start(server.redis_socket, on_redis_readable);
}

static void on_accept(h2o_socket_t *listener, const char *error) {
    if (error != NULL)
        return;
    h2o_socket_t *client;
    while ((client = h2o_evloop_socket_accept(listener)) != NULL)
        h2o_accept(&server.accept, client);
}

static void start_http(int port) {
    h2o_config_init(&server.config);
    server.config.http1.upgrade_to_http2 = 0;
    h2o_hostconf_t *host =
        h2o_config_register_host(&server.config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    h2o_pathconf_t *path = h2o_config_register_path(host, "/api/threats", 0);
    h2o_create_handler(path, sizeof(h2o_handler_t))->on_req = on_request;
    h2o_context_init(&server.context, h2o_evloop_create(), &server.config);
    server.accept = (h2o_accept_ctx_t){.ctx = &server.context, .hosts = server.config.hosts};
    int fd = bench_listen("127.0.0.1", port);
    h2o_socket_t *listener = h2o_evloop_socket_create(server.context.loop, fd, H2O_SOCKET_FLAG_DONT_READ);
    h2o_socket_read_start(listener, on_accept);
}

int main(int argc, char **argv) {
    if (argc != 3)
        bench_die("usage: bare_accept PORT REDIS_SOCKET");
    signal(SIGPIPE, SIG_IGN);
    uuid_source_init(&server.ids);
    start_http(atoi(argv[1]));
    connect_redis(argv[2]);
    while (h2o_evloop_run(server.context.loop, INT32_MAX) == 0)
        if (server.redis_dirty)
            flush_redis();
    return 1;
}
