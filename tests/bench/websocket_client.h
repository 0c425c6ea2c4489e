/* A WebSocket client (RFC 6455) just good enough to listen: opens, splits frames, answers pings. Frames of a
 * server are unmasked, and ours sends no fragments. */
#ifndef SOC_BENCH_WEBSOCKET_CLIENT_H
#define SOC_BENCH_WEBSOCKET_CLIENT_H

#include <poll.h>

#include "tests/bench/bench_util.h"

enum { WEBSOCKET_TEXT = 1, WEBSOCKET_CLOSE = 8, WEBSOCKET_PING = 9, WEBSOCKET_READ_BYTES = 1 << 18 };

/* `payload` is borrowed until the callback returns. */
typedef void websocket_on_text(void *data, struct text payload);

struct websocket_client {
    int fd;
    struct buffer in;
    size_t parsed;       /* bytes of `in` that are done with */
    unsigned close_code; /* 0 while open */
    websocket_on_text *on_text;
    void *data;
};

static inline void websocket_client_fini(struct websocket_client *client) {
    close(client->fd);
    buffer_fini(&client->in);
}

/* Reads once and at most so many bytes, when there is something; false at the connection's end. The room is
 * shared, since most clients of a crowd hold nothing between two reads. */
static inline bool websocket_client_read_some(struct websocket_client *client, size_t most) {
    static char room[WEBSOCKET_READ_BYTES];
    ssize_t got = recv(client->fd, room, most < sizeof(room) ? most : sizeof(room), 0);
    if (got > 0)
        buffer_append_text(&client->in, (struct text){room, (size_t)got});
    return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

static inline bool websocket_client_read(struct websocket_client *client) {
    return websocket_client_read_some(client, WEBSOCKET_READ_BYTES);
}

enum websocket_upgrade { WEBSOCKET_AWAITED, WEBSOCKET_OPEN, WEBSOCKET_REFUSED };

/* The answer to the upgrade, once; what is read then is frames. */
static inline enum websocket_upgrade websocket_client_upgraded(struct websocket_client *client) {
    const char *end = client->in.len == 0 ? NULL : memmem(client->in.at, client->in.len, "\r\n\r\n", 4);
    if (end == NULL)
        return WEBSOCKET_AWAITED;
    if (memcmp(client->in.at, "HTTP/1.1 101", 12) != 0)
        return WEBSOCKET_REFUSED;
    client->parsed = (size_t)(end + 4 - client->in.at);
    return WEBSOCKET_OPEN;
}

/* Asks for the upgrade and waits for its answer; dies when it is not 101. */
static inline void websocket_client_open(struct websocket_client *client, const char *host, int port) {
    client->fd = bench_connect(host, port);
    struct buffer request = BUFFER_EMPTY;
    buffer_printf(&request,
                  "GET /ws HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                  host, port);
    if (send(client->fd, request.at, request.len, MSG_NOSIGNAL) != (ssize_t)request.len)
        bench_die("websocket: %s", strerror(errno));
    buffer_fini(&request);
    enum websocket_upgrade upgrade;
    while ((upgrade = websocket_client_upgraded(client)) == WEBSOCKET_AWAITED) {
        struct pollfd ready = {client->fd, POLLIN, 0};
        if (poll(&ready, 1, 5000) <= 0 || !websocket_client_read(client))
            bench_die("websocket: no answer to the upgrade");
    }
    if (upgrade == WEBSOCKET_REFUSED)
        bench_die("websocket refused: %.*s", (int)client->in.len, client->in.at);
}

static inline void websocket_client_pong(struct websocket_client *client, struct text payload) {
    unsigned char frame[2 + 4 + 125] = {0x8a, (unsigned char)(0x80 | payload.len)};
    memcpy(frame + 6, payload.at, payload.len); /* masked with zeros */
    (void)send(client->fd, frame, 6 + payload.len,
               MSG_NOSIGNAL); /* a broken connection shows when it is read */
}

/* The length of the frame's header, 0 when it is not there yet. */
static inline size_t websocket_header(const unsigned char *at, size_t have, uint64_t *payload_bytes) {
    static const size_t header_bytes[] = {[126 - 125] = 4, [127 - 125] = 10};
    if (have < 2)
        return 0;
    unsigned len = at[1] & 0x7f;
    size_t need = len <= 125 ? 2 : header_bytes[len - 125];
    if (have < need)
        return 0;
    *payload_bytes = need == 2 ? len : 0;
    for (size_t i = 2; i < need; i++)
        *payload_bytes = *payload_bytes << 8 | at[i];
    return need;
}

static inline void websocket_client_take(struct websocket_client *client, unsigned opcode,
                                         struct text payload) {
    if (opcode == WEBSOCKET_TEXT && client->on_text != NULL)
        client->on_text(client->data, payload);
    else if (opcode == WEBSOCKET_PING && payload.len <= 125)
        websocket_client_pong(client, payload);
    else if (opcode == WEBSOCKET_CLOSE)
        client->close_code =
            payload.len < 2 ? 1005
                            : (unsigned)((unsigned char)payload.at[0] << 8 | (unsigned char)payload.at[1]);
}

/* Hands on every whole frame that was read and keeps the rest, if there is one. */
static inline void websocket_client_parse(struct websocket_client *client) {
    while (client->close_code == 0) {
        const char *at = client->in.at + client->parsed;
        uint64_t payload_bytes = 0;
        size_t have = client->in.len - client->parsed;
        size_t header = websocket_header((const unsigned char *)at, have, &payload_bytes);
        if (header == 0 || have - header < payload_bytes)
            break;
        client->parsed += header + payload_bytes;
        websocket_client_take(client, (unsigned)at[0] & 0x0f, (struct text){at + header, payload_bytes});
    }
    if (client->parsed == 0)
        return;
    memmove(client->in.at, client->in.at + client->parsed, client->in.len - client->parsed);
    client->in.len -= client->parsed;
    client->parsed = 0;
    if (client->in.len == 0)
        buffer_fini(&client->in);
}

#endif
