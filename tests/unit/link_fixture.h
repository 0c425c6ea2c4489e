/* A link to a fake Redis on a loop of the test's own: what became of each command, of the connection, and of
 * both together when it is lost. */
#ifndef SOC_TESTS_LINK_FIXTURE_H
#define SOC_TESTS_LINK_FIXTURE_H

#include <criterion/criterion.h>

#include "shared/redis/link.h"
#include "shared/telemetry/log.h"
#include "tests/unit/fake_redis.h"

enum { ORDERS_MAX = 256, WHY_SHOWN = 160 };

/* What became of one command. */
struct order {
    unsigned told; /* how often */
    enum status status;
    bool had_reply;
    unsigned place; /* among all that were told, from 1 */
    char reply[COMMAND_SHOWN];
};

static struct fake_redis fake;
static struct endpoint endpoint;
static char user[32], password[32];
static struct script scripts[2];
static const struct script *const script_rows[] = {&scripts[0], &scripts[1]};
static struct order orders[ORDERS_MAX];
static unsigned told, ups, downs;
static char why_down[WHY_SHOWN];
static enum status sent_from_down = STATUS_OK;

static inline enum status send_order(unsigned number, const char *verb, int64_t deadline_ms);

static inline void on_up(void *owner) {
    cr_assert_eq(owner, &fake);
    cr_assert(link_is_up(fake.link));
    ups++;
}

static inline void on_down(void *owner, const char *why) {
    cr_assert_eq(owner, &fake);
    cr_assert_not(link_is_up(fake.link));
    snprintf(why_down, sizeof(why_down), "%s", why);
    sent_from_down = send_order(ORDERS_MAX - 1, "LATE", LINK_DEADLINE_MS);
    downs++;
}

static const struct link_hooks hooks = {on_up, on_down};

static inline void on_order(void *arg, enum status status, const redisReply *reply) {
    struct order *order = arg;
    struct text text = reply_text(reply);
    order->told++;
    order->status = status;
    order->had_reply = reply != NULL;
    order->place = ++told;
    snprintf(order->reply, sizeof(order->reply), "%.*s", (int)text.len, text.at == NULL ? "" : text.at);
}

static inline enum status send_order(unsigned number, const char *verb, int64_t deadline_ms) {
    struct command command = COMMAND_EMPTY;
    command_begin(&command, verb);
    command_signed(&command, number);
    enum status status =
        link_send(fake.link, command_finish(&command), deadline_ms, on_order, &orders[number]);
    command_fini(&command);
    return status;
}

static inline void open_link(int script_count) {
    fake.link = link_open(&fake.reactor, &endpoint, "test-link", script_rows, script_count, &hooks, &fake);
}

static inline void init(void) {
    log_init("soc-test", "error");
    fake_init(&fake);
    fake_listen(&fake, 16);
    endpoint = (struct endpoint){
        .host = {"127.0.0.1", fake.port}, .moves = 1, .user = user, .password = password, .role = "master"};
    script_init(&scripts[0], "return 1");
    script_init(&scripts[1], "return 2");
}

static inline void fini(void) {
    link_close(fake.link);
    fake_fini(&fake);
}

/* Until they are loaded again. */
static bool forgot_scripts;

static inline void forget_scripts(struct fake_redis *redis, struct fake_peer *peer, const char *command) {
    if (strncmp(command, "SCRIPT LOAD", 11) == 0)
        forgot_scripts = false;
    if (strncmp(command, "EVALSHA", 7) == 0 && forgot_scripts)
        buffer_append_string(&peer->answers, "-NOSCRIPT No matching script. Please use EVAL.\r\n");
    else
        fake_echo(redis, peer, command);
}

/* Not even to the greeting. */
static inline void say_nothing(struct fake_redis *redis, struct fake_peer *peer, const char *command) {
    (void)redis, (void)peer, (void)command;
}

static inline void come_up(int script_count) {
    open_link(script_count);
    FAKE_UNTIL(&fake, link_is_up(fake.link));
    cr_assert_eq(ups, 1);
    fake.count = 0;
}

static inline void expect_commands(const char *const *expected, unsigned count) {
    cr_assert_eq(fake.count, count, "%u commands, the last %s", fake.count,
                 fake.count == 0 ? "-" : fake.commands[fake.count - 1]);
    for (unsigned i = 0; i < count; i++)
        cr_assert_str_eq(fake.commands[i], expected[i]);
}

/* All told once that the connection is lost, on_down after them, nothing taken meanwhile; then up again. */
static inline void expect_lost_and_back(unsigned outstanding) {
    FAKE_UNTIL(&fake, downs == 1);
    for (unsigned i = 0; i < outstanding; i++) {
        cr_assert_eq(orders[i].told, 1, "order %u told %u times", i, orders[i].told);
        cr_assert_eq(orders[i].status, STATUS_UNAVAILABLE);
        cr_assert_not(orders[i].had_reply);
        cr_assert_eq(orders[i].place, i + 1);
    }
    cr_assert_eq(sent_from_down, STATUS_UNAVAILABLE);
    cr_assert_eq(orders[ORDERS_MAX - 1].told, 0);
    cr_assert_eq(fake_watches_in_use(&fake), 0);
    cr_assert_eq(link_client_id(fake.link), 0);
    fake.answer = fake_echo;
    FAKE_UNTIL(&fake, ups == 2);
    cr_assert_eq(downs, 1);
    cr_assert_eq(send_order(outstanding, "AGAIN", LINK_DEADLINE_MS), STATUS_OK);
    FAKE_UNTIL(&fake, orders[outstanding].told > 0);
    cr_assert_eq(orders[outstanding].status, STATUS_OK);
    cr_assert_eq(told, outstanding + 1);
}

#endif
