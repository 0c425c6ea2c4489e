/* A loop and a server for one link, in one thread: the loop is poll(2), the server records what it is told
 * and answers as a test's function says. Time can be turned forward, so that no deadline has to be waited
 * for. */
#ifndef SOC_TESTS_FAKE_REDIS_H
#define SOC_TESTS_FAKE_REDIS_H

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/base/clock.h"
#include "shared/redis/link.h"

enum {
    WATCHES_MAX = 4,
    PEERS_MAX = 8,
    COMMANDS_MAX = 512,
    COMMAND_SHOWN = 120,
    TURN_MS = 5,
    LIMIT_MS = 20000
};

struct fake_watch {
    int fd; /* -1: free */
    reactor_ready ready;
    void *arg;
    bool read, write;
};

struct fake_peer {
    int fd; /* -1: free */
    redisReader *parser;
    struct buffer answers;
    bool leaving; /* closed once the answers are written */
};

struct fake_redis {
    struct reactor reactor;
    struct fake_watch watches[WATCHES_MAX];
    unsigned watched; /* sockets the loop was given so far */
    bool loop_full;   /* the loop takes no more sockets */

    int listener;
    uint16_t port;
    bool deaf; /* connections wait in the backlog */
    struct fake_peer peers[PEERS_MAX];
    unsigned accepted;
    char commands[COMMANDS_MAX][COMMAND_SHOWN]; /* words joined by blanks, cut */
    unsigned count;

    /* Appends the answer to the number-th command (from 0) of all; nothing: it waits for ever. */
    void (*answer)(struct fake_redis *fake, struct fake_peer *peer, const char *command);
    struct link *link;
    int64_t ahead_ms; /* how far the link's time is ahead */
};

/* --- the loop --- */

static inline void *fake_watch_fd(void *loop, int fd, reactor_ready ready, void *arg) {
    struct fake_redis *fake = loop;
    for (int i = 0; i < WATCHES_MAX && !fake->loop_full; i++)
        if (fake->watches[i].fd < 0) {
            fake->watches[i] = (struct fake_watch){fd, ready, arg, false, false};
            fake->watched++;
            return &fake->watches[i];
        }
    return NULL;
}

static inline void fake_want(void *bytes, bool read, bool write) {
    struct fake_watch *watch = bytes;
    watch->read = read;
    watch->write = write;
}

static inline void fake_unwatch(void *bytes) {
    struct fake_watch *watch = bytes;
    watch->fd = -1;
}

static inline unsigned fake_watches_in_use(const struct fake_redis *fake) {
    unsigned used = 0;
    for (int i = 0; i < WATCHES_MAX; i++)
        used += fake->watches[i].fd >= 0;
    return used;
}

/* --- the server --- */

static inline void fake_listen(struct fake_redis *fake, int backlog) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(fake->port)};
    socklen_t len = sizeof(address);
    int yes = 1;
    fake->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(fake->listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    cr_assert_eq(bind(fake->listener, (struct sockaddr *)&address, sizeof(address)), 0);
    cr_assert_eq(listen(fake->listener, backlog), 0);
    cr_assert_eq(getsockname(fake->listener, (struct sockaddr *)&address, &len), 0);
    fake->port = ntohs(address.sin_port);
}

static inline void fake_stop_listening(struct fake_redis *fake) {
    if (fake->listener >= 0)
        close(fake->listener);
    fake->listener = -1;
}

static inline void fake_hang_up(struct fake_peer *peer) {
    if (peer->fd < 0)
        return;
    close(peer->fd);
    peer->fd = -1;
    redisReaderFree(peer->parser);
    buffer_fini(&peer->answers);
}

static inline void fake_hang_up_all(struct fake_redis *fake) {
    for (int i = 0; i < PEERS_MAX; i++)
        fake_hang_up(&fake->peers[i]);
}

static inline void fake_accept(struct fake_redis *fake) {
    int fd = accept4(fake->listener, NULL, NULL, SOCK_NONBLOCK);
    for (int i = 0; fd >= 0 && i < PEERS_MAX; i++)
        if (fake->peers[i].fd < 0) {
            fake->peers[i] = (struct fake_peer){.fd = fd, .parser = redisReaderCreate()};
            fake->accepted++;
            return;
        }
    cr_assert(fd < 0, "no room for another connection");
}

static inline void fake_record(struct fake_redis *fake, const redisReply *command, char *line) {
    size_t len = 0;
    cr_assert_lt(fake->count, COMMANDS_MAX);
    for (size_t i = 0; i < command->elements && len < COMMAND_SHOWN; i++)
        len += (size_t)snprintf(line + len, COMMAND_SHOWN - len, "%s%s", i == 0 ? "" : " ",
                                command->element[i]->str);
    fake->count++;
}

static inline void fake_read(struct fake_redis *fake, struct fake_peer *peer) {
    static char bytes[65536];
    ssize_t got = read(peer->fd, bytes, sizeof(bytes));
    void *command = NULL;
    if (got < 0)
        return;
    if (got == 0) {
        fake_hang_up(peer);
        return;
    }
    redisReaderFeed(peer->parser, bytes, (size_t)got);
    while (redisReaderGetReply(peer->parser, &command) == REDIS_OK && command != NULL) {
        char *line = fake->commands[fake->count];
        fake_record(fake, command, line);
        freeReplyObject(command);
        fake->answer(fake, peer, line);
    }
}

static inline void fake_write(struct fake_peer *peer) {
    if (peer->answers.len > 0) {
        ssize_t sent = send(peer->fd, peer->answers.at, peer->answers.len, MSG_NOSIGNAL);
        if (sent > 0) {
            memmove(peer->answers.at, peer->answers.at + sent, peer->answers.len - (size_t)sent);
            peer->answers.len -= (size_t)sent;
        }
    }
    if (peer->leaving && peer->answers.len == 0)
        fake_hang_up(peer);
}

/* The greeting's answers; true when it was one of its words. */
static inline bool fake_greets(struct fake_peer *peer, const char *command) {
    static const char *const rows[][2] = {{"AUTH ", "+OK\r\n"},
                                          {"ROLE", "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"},
                                          {"PING", "+PONG\r\n"},
                                          {"SELECT ", "+OK\r\n"},
                                          {"SCRIPT LOAD ", "$2\r\nab\r\n"},
                                          {"CLIENT ID", ":7\r\n"},
                                          {"CLIENT SETNAME ", "+OK\r\n"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strncmp(command, rows[i][0], strlen(rows[i][0])) == 0) {
            buffer_append_string(&peer->answers, rows[i][1]);
            return true;
        }
    return false;
}

/* Everything but the greeting comes back as it was sent. */
static inline void fake_echo(struct fake_redis *fake, struct fake_peer *peer, const char *command) {
    (void)fake;
    if (!fake_greets(peer, command))
        buffer_printf(&peer->answers, "$%zu\r\n%s\r\n", strlen(command), command);
}

static inline void fake_mute(struct fake_redis *fake, struct fake_peer *peer, const char *command) {
    (void)fake;
    fake_greets(peer, command);
}

/* --- both --- */

static inline void fake_init(struct fake_redis *fake) {
    *fake = (struct fake_redis){.listener = -1, .answer = fake_echo};
    for (int i = 0; i < WATCHES_MAX; i++)
        fake->watches[i].fd = -1;
    for (int i = 0; i < PEERS_MAX; i++)
        fake->peers[i].fd = -1;
    fake->reactor = (struct reactor){fake, fake_watch_fd, fake_want, fake_unwatch};
}

static inline void fake_fini(struct fake_redis *fake) {
    fake_hang_up_all(fake);
    fake_stop_listening(fake);
}

static inline void fake_serve(struct fake_redis *fake) {
    if (fake->listener >= 0 && !fake->deaf)
        fake_accept(fake);
    for (int i = 0; i < PEERS_MAX; i++) {
        if (fake->peers[i].fd >= 0)
            fake_read(fake, &fake->peers[i]);
        if (fake->peers[i].fd >= 0)
            fake_write(&fake->peers[i]);
    }
}

static inline void fake_dispatch(struct fake_redis *fake, const struct pollfd *polled) {
    for (int i = 0; i < WATCHES_MAX; i++) {
        struct fake_watch *watch = &fake->watches[i];
        bool broken = (polled[i].revents & (POLLERR | POLLHUP)) != 0;
        if (watch->fd < 0 || watch->fd != polled[i].fd || polled[i].revents == 0)
            continue;
        watch->ready(watch->arg, watch->read && ((polled[i].revents & POLLIN) || broken),
                     watch->write && ((polled[i].revents & POLLOUT) || broken));
    }
}

/* One turn as a program makes it: what is ready, then flush, then time. */
static inline void fake_turn(struct fake_redis *fake) {
    struct pollfd polled[WATCHES_MAX];
    fake_serve(fake);
    for (int i = 0; i < WATCHES_MAX; i++)
        polled[i] = (struct pollfd){
            .fd = fake->watches[i].fd,
            .events = (short)((fake->watches[i].read ? POLLIN : 0) | (fake->watches[i].write ? POLLOUT : 0))};
    poll(polled, WATCHES_MAX, TURN_MS);
    fake_dispatch(fake, polled);
    link_flush(fake->link);
    link_tick(fake->link, clock_monotonic_ms() + fake->ahead_ms);
}

/* Turns until it holds; fails the test after LIMIT_MS. */
#define FAKE_UNTIL(fake, condition)                                                                          \
    do {                                                                                                     \
        int64_t limit_ms = clock_monotonic_ms() + LIMIT_MS;                                                  \
        while (!(condition)) {                                                                               \
            cr_assert_lt(clock_monotonic_ms(), limit_ms, "never: " #condition);                              \
            fake_turn(fake);                                                                                 \
        }                                                                                                    \
    } while (0)

#endif
