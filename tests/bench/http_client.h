/* One keep-alive HTTP/1.1 connection that carries one request at a time. Answers must have a Content-Length.
 */
#ifndef SOC_BENCH_HTTP_CLIENT_H
#define SOC_BENCH_HTTP_CLIENT_H

#include <strings.h>

#include "tests/bench/bench_util.h"

enum { HTTP_READ_BYTES = 1 << 16 };

struct http_client {
    int fd;
    struct buffer in;
    size_t answer_bytes; /* head and body of the answer under way; 0 until its head is whole */
    size_t body_at;
    struct text unsent; /* the rest of the request that the socket had no room for */
};

struct http_answer {
    int status;
    struct text body; /* borrowed until http_client_next */
};

static inline void http_client_fini(struct http_client *client) {
    close(client->fd);
    buffer_fini(&client->in);
}

/* `request` is borrowed until it is sent. */
static inline void http_client_send(struct http_client *client, struct text request) {
    ssize_t sent = send(client->fd, request.at, request.len, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN)
        bench_die("send: %s", strerror(errno));
    size_t done = sent < 0 ? 0 : (size_t)sent;
    client->unsent = (struct text){request.at + done, request.len - done};
}

static inline void http_client_read_head(struct http_client *client) {
    static const char name[] = "\r\ncontent-length:";
    const char *end = memmem(client->in.at, client->in.len, "\r\n\r\n", 4);
    if (end == NULL)
        return;
    for (const char *at = client->in.at; at < end; at++) {
        if (*at != '\r' || strncasecmp(at, name, sizeof(name) - 1) != 0)
            continue;
        client->body_at = (size_t)(end + 4 - client->in.at);
        client->answer_bytes = client->body_at + strtoul(at + sizeof(name) - 1, NULL, 10);
        return;
    }
    bench_die("an answer without Content-Length: %.*s", (int)(end - client->in.at), client->in.at);
}

/* Reads what is there; true when a whole answer has come. */
static inline bool http_client_read(struct http_client *client, struct http_answer *answer) {
    size_t want = client->answer_bytes > client->in.len + HTTP_READ_BYTES
                      ? client->answer_bytes - client->in.len
                      : HTTP_READ_BYTES;
    ssize_t got = recv(client->fd, buffer_reserve(&client->in, want + 1), want, 0);
    if (got == 0 || (got < 0 && errno != EAGAIN))
        bench_die("the server closed a connection: %s", got == 0 ? "end" : strerror(errno));
    if (got < 0)
        return false;
    client->in.len += (size_t)got;
    client->in.at[client->in.len] = '\0';
    if (client->answer_bytes == 0)
        http_client_read_head(client);
    if (client->answer_bytes == 0 || client->in.len < client->answer_bytes)
        return false;
    answer->status = atoi(client->in.at + sizeof("HTTP/1.1"));
    answer->body = (struct text){client->in.at + client->body_at, client->answer_bytes - client->body_at};
    return true;
}

/* Done with the answer: ready for the next request. */
static inline void http_client_next(struct http_client *client) {
    buffer_clear(&client->in);
    client->answer_bytes = 0;
}

#endif
