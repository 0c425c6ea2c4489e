/* A redis-server of this test's own, in a folder of its own, reached by a unix socket, gone with the test.
 * And short words to speak with it: every reply is freed by the next word but one, so keep none. */
#ifndef SOC_TESTS_PRIVATE_REDIS_H
#define SOC_TESTS_PRIVATE_REDIS_H

#include <criterion/criterion.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/base/clock.h"
#include "shared/redis/command.h"
#include "shared/redis/reply.h"
#include "shared/redis/script.h"

enum { REDIS_START_LIMIT_MS = 10000 };

static struct {
    pid_t pid;
    char folder[32], socket[64];
    redisContext *context;
} own_redis;

static inline void private_redis_run(void) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", own_redis.socket, "--dir",
           own_redis.folder, "--save", "", "--appendonly", "no", "--daemonize", "no", "--logfile",
           "/dev/null", (char *)NULL);
    _exit(127);
}

static inline redisContext *private_redis_connect(void) {
    int64_t limit_ms = clock_monotonic_ms() + REDIS_START_LIMIT_MS;
    for (;;) {
        redisContext *context = redisConnectUnix(own_redis.socket);
        cr_assert_not_null(context);
        if (context->err == 0)
            return context;
        redisFree(context);
        cr_assert_lt(clock_monotonic_ms(), limit_ms, "redis-server does not answer");
        poll(NULL, 0, 2);
    }
}

static inline void private_redis_start(void) {
    snprintf(own_redis.folder, sizeof(own_redis.folder), "/tmp/soc-unit.XXXXXX");
    cr_assert_not_null(mkdtemp(own_redis.folder));
    snprintf(own_redis.socket, sizeof(own_redis.socket), "%s/redis.sock", own_redis.folder);
    own_redis.pid = fork();
    cr_assert_geq(own_redis.pid, 0);
    if (own_redis.pid == 0)
        private_redis_run();
    own_redis.context = private_redis_connect();
}

static inline void private_redis_stop(void) {
    if (own_redis.context != NULL)
        redisFree(own_redis.context);
    if (own_redis.pid > 0) {
        kill(own_redis.pid, SIGKILL);
        waitpid(own_redis.pid, NULL, 0);
    }
    unlink(own_redis.socket);
    rmdir(own_redis.folder);
}

/* The last two replies live on, so that one word may ask with another's answer. */
static inline redisReply *private_redis_keep(redisReply *reply) {
    static redisReply *kept[2];
    static unsigned at;
    at ^= 1;
    if (kept[at] != NULL)
        freeReplyObject(kept[at]);
    kept[at] = reply;
    return reply;
}

static inline void private_redis_forget(void) {
    private_redis_keep(NULL);
    private_redis_keep(NULL);
}

static inline const redisReply *redis_send(struct command *command) {
    struct text bytes = command_finish(command);
    void *reply = NULL;
    cr_assert_eq(redisAppendFormattedCommand(own_redis.context, bytes.at, bytes.len), REDIS_OK);
    cr_assert_eq(redisGetReply(own_redis.context, &reply), REDIS_OK, "%s", own_redis.context->errstr);
    return private_redis_keep(reply);
}

/* hiredis' formats: %s for one argument, %b with a length. */
static inline const redisReply *redis_ask(const char *format, ...) {
    va_list list;
    va_start(list, format);
    redisReply *reply = redisvCommand(own_redis.context, format, list);
    va_end(list);
    cr_assert_not_null(reply, "%s: %s", format, own_redis.context->errstr);
    return private_redis_keep(reply);
}

#define redis_do(...) cr_assert_neq(redis_ask(__VA_ARGS__)->type, REDIS_REPLY_ERROR, "%s", #__VA_ARGS__)
#define redis_number(...) reply_integer(redis_ask(__VA_ARGS__), -1)
#define expect_redis_text(expected, ...)                                                                     \
    do {                                                                                                     \
        struct text got = reply_text(redis_ask(__VA_ARGS__));                                                \
        cr_assert(text_is(got, expected), "%s: %.*s", #__VA_ARGS__, (int)got.len, got.at);                   \
    } while (0)

/* Reads the script that the programs embed, from the repository, and loads it. */
/* As it is built into the programs. */
static inline void script_load(struct script *script, const char *name) {
    char full[512], *text = calloc(1, 65536);
    snprintf(full, sizeof(full), "%s/%s.lua", LUA_DIR, name);
    FILE *file = fopen(full, "r");
    cr_assert(file != NULL && text != NULL, "%s", full);
    cr_assert_gt(fread(text, 1, 65535, file), 0);
    fclose(file);
    script_init(script, text);
    expect_redis_text(script->sha1, "SCRIPT LOAD %s", text);
}

static inline void script_unload(struct script *script) {
    free((char *)script->text);
}

/* How many entries are pending for the consumer; NULL: for all. */
static inline long long pending_of(const char *consumer) {
    const redisReply *pending =
        consumer == NULL ? redis_ask("XPENDING threats:stream soc-workers - + 100000")
                         : redis_ask("XPENDING threats:stream soc-workers - + 100000 %s", consumer);
    cr_assert(reply_is_array(pending, 0));
    return (long long)pending->elements;
}

/* One field of XINFO GROUPS for our group. */
static inline const redisReply *group_field(const char *name) {
    const redisReply *groups = redis_ask("XINFO GROUPS threats:stream");
    cr_assert(reply_is_array(groups, 1));
    const redisReply *field = reply_field(groups->element[0], name);
    cr_assert_not_null(field);
    return field;
}

#endif
