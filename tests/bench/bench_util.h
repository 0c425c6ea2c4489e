/* What the benchmark programs share: failing loudly, lines of a file, percentiles, sockets. Only tests/bench
 * includes it. */
#ifndef SOC_BENCH_UTIL_H
#define SOC_BENCH_UTIL_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "shared/base/buffer.h"
#include "shared/base/clock.h"

__attribute__((noreturn, format(printf, 1, 2))) static inline void bench_die(const char *format, ...) {
    va_list list;
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fputc('\n', stderr);
    exit(1);
}

/* As many open files as the system lets us have; fewer than needed end the program. */
static inline void bench_raise_file_limit(size_t needed) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max < needed)
        bench_die("only %llu open files are allowed", (unsigned long long)limit.rlim_max);
}

/* CPU time of this process so far. */
static inline int64_t bench_cpu_ns(void) {
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}

static inline double bench_seconds(int64_t ns) {
    return (double)ns / 1e9;
}

struct bench_lines {
    struct buffer bytes;
    struct text *lines;
    size_t count;
};

static inline void bench_lines_split(struct bench_lines *file) {
    size_t room = 0;
    const char *at = file->bytes.at, *end = at + file->bytes.len;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (stop == NULL)
            stop = end;
        if (file->count == room) {
            room = room == 0 ? 1024 : room * 2;
            file->lines = realloc(file->lines, room * sizeof(*file->lines));
            if (file->lines == NULL)
                abort();
        }
        if (stop > at)
            file->lines[file->count++] = (struct text){at, (size_t)(stop - at)};
        at = stop + 1;
    }
}

/* The lines that are not empty; dies when there is none. */
static inline void bench_lines_read(struct bench_lines *file, const char *path) {
    *file = (struct bench_lines){BUFFER_EMPTY, NULL, 0};
    FILE *in = fopen(path, "r");
    if (in == NULL)
        bench_die("%s: %s", path, strerror(errno));
    size_t got;
    do {
        got = fread(buffer_reserve(&file->bytes, 1 << 16), 1, 1 << 16, in);
        file->bytes.len += got;
    } while (got > 0);
    fclose(in);
    if (file->bytes.len > 0)
        bench_lines_split(file);
    if (file->count == 0)
        bench_die("%s: no lines", path);
}

static inline void bench_lines_fini(struct bench_lines *file) {
    buffer_fini(&file->bytes);
    free(file->lines);
}

struct bench_sample {
    int64_t *ns;
    size_t count, room;
    bool sorted;
};

static inline void bench_sample_add(struct bench_sample *sample, int64_t ns) {
    if (sample->count == sample->room) {
        sample->room = sample->room == 0 ? 4096 : sample->room * 2;
        sample->ns = realloc(sample->ns, sample->room * sizeof(*sample->ns));
        if (sample->ns == NULL)
            abort();
    }
    sample->ns[sample->count++] = ns;
    sample->sorted = false;
}

static inline int bench_compare_ns(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* In ms, by nearest rank; 0 when nothing was measured. */
static inline double bench_sample_ms(struct bench_sample *sample, double quantile) {
    if (sample->count == 0)
        return 0;
    if (!sample->sorted)
        qsort(sample->ns, sample->count, sizeof(*sample->ns), bench_compare_ns);
    sample->sorted = true;
    size_t rank = (size_t)(quantile * (double)sample->count);
    return (double)sample->ns[rank < sample->count ? rank : sample->count - 1] / 1e6;
}

static inline void bench_sample_fini(struct bench_sample *sample) {
    free(sample->ns);
    *sample = (struct bench_sample){0};
}

static inline struct sockaddr_in bench_address(const char *host, int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
        bench_die("%s is not an IPv4 address", host);
    return address;
}

static inline void bench_set_nonblocking(int fd) {
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

/* A connected, non-blocking socket without Nagle's delay. */
static inline int bench_connect(const char *host, int port) {
    struct sockaddr_in address = bench_address(host, port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        bench_die("connect %s:%d: %s", host, port, strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    bench_set_nonblocking(fd);
    return fd;
}

static inline int bench_listen(const char *host, int port) {
    struct sockaddr_in address = bench_address(host, port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, SOMAXCONN) != 0)
        bench_die("listen %s:%d: %s", host, port, strerror(errno));
    return fd;
}

#endif
