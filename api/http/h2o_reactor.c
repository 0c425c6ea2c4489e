#include "api/http/h2o_reactor.h"

#include <fcntl.h>
#include <stdlib.h>

struct h2o_watch {
    h2o_socket_t *socket; /* around a duplicate of the fd: h2o closes what it wraps */
    reactor_ready ready;
    void *arg;
};

static void on_readable(h2o_socket_t *socket, const char *error) {
    (void)error; /* the owner's read finds it */
    struct h2o_watch *watch = socket->data;
    watch->ready(watch->arg, true, false);
}

static void on_writable(h2o_socket_t *socket, const char *error) {
    (void)error;
    struct h2o_watch *watch = socket->data;
    watch->ready(watch->arg, false, true);
}

static void *watch_fd(void *loop, int fd, reactor_ready ready, void *arg) {
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy == -1)
        return NULL;
    struct h2o_watch *watch = malloc(sizeof(*watch));
    if (watch == NULL)
        abort();
    *watch = (struct h2o_watch){h2o_evloop_socket_create(loop, copy, H2O_SOCKET_FLAG_DONT_READ), ready, arg};
    watch->socket->data = watch;
    return watch;
}

static void want(void *bytes, bool read, bool write) {
    struct h2o_watch *watch = bytes;
    if (read && !h2o_socket_is_reading(watch->socket))
        h2o_socket_read_start(watch->socket, on_readable);
    else if (!read && h2o_socket_is_reading(watch->socket))
        h2o_socket_read_stop(watch->socket);
    if (write && !h2o_socket_is_writing(watch->socket))
        h2o_socket_notify_write(watch->socket, on_writable);
}

static void unwatch(void *bytes) {
    struct h2o_watch *watch = bytes;
    h2o_socket_close(watch->socket);
    free(watch);
}

struct reactor h2o_reactor(h2o_loop_t *loop) {
    return (struct reactor){.loop = loop, .watch = watch_fd, .want = want, .unwatch = unwatch};
}
