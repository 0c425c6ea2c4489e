/* Three Sentinels of this test's own: who is believed when they differ, are silent, or know nothing. */
#include "shared/redis/follow_master.h"

#include "shared/redis/sentinel.h"
#include "shared/telemetry/log.h"
#include "tests/unit/fake_redis.h"

enum { SENTINELS = 3, OLD_PORT = 7001, NEW_PORT = 7002, OTHER_PORT = 7003 };

/* What each of them says. */
static struct saying {
    bool silent, knows;
    const char *host;
    unsigned port, port_of_master; /* of GET-MASTER-ADDR-BY-NAME and of MASTER */
    unsigned epoch;
    unsigned asked;
} sayings[SENTINELS];

static struct fake_redis fakes[SENTINELS];
static struct redis_url url;
static struct reactor reactor;
static struct master *master;
static int64_t ahead_ms;

static void bulk(struct buffer *out, const char *text) {
    buffer_printf(out, "$%zu\r\n%s\r\n", strlen(text), text);
}

static void number(struct buffer *out, unsigned value) {
    char text[16];
    snprintf(text, sizeof(text), "%u", value);
    bulk(out, text);
}

static void answer_master(struct saying *saying, struct buffer *out) {
    saying->asked++;
    if (!saying->knows) {
        buffer_append_string(out, "-ERR No such master with that name\r\n");
        return;
    }
    buffer_append_string(out, "*8\r\n");
    bulk(out, "name"), bulk(out, "soc");
    bulk(out, "ip"), bulk(out, saying->host);
    bulk(out, "port"), number(out, saying->port_of_master != 0 ? saying->port_of_master : saying->port);
    bulk(out, "config-epoch"), number(out, saying->epoch);
}

static void answer_address(const struct saying *saying, struct buffer *out) {
    buffer_append_string(out, saying->knows ? "*2\r\n" : "*-1\r\n");
    if (!saying->knows)
        return;
    bulk(out, saying->host);
    number(out, saying->port);
}

static void answer(struct fake_redis *fake, struct fake_peer *peer, const char *command) {
    struct saying *saying = &sayings[fake - fakes];
    if (saying->silent)
        return;
    if (strcmp(command, "ROLE") == 0)
        buffer_append_string(&peer->answers, "*2\r\n$8\r\nsentinel\r\n*1\r\n$3\r\nsoc\r\n");
    else if (strcmp(command, "SENTINEL MASTER soc") == 0)
        answer_master(saying, &peer->answers);
    else if (strcmp(command, "SENTINEL GET-MASTER-ADDR-BY-NAME soc") == 0)
        answer_address(saying, &peer->answers);
    else
        fake_echo(fake, peer, command);
}

static void all_say(unsigned port, unsigned epoch) {
    for (int i = 0; i < SENTINELS; i++)
        sayings[i] = (struct saying){.knows = true, .host = "127.0.0.1", .port = port, .epoch = epoch};
}

static void init(void) {
    log_init("soc-test", "error");
    url = (struct redis_url){.kind = REDIS_URL_SENTINEL, .master = "soc", .sentinel_count = SENTINELS};
    for (int i = 0; i < SENTINELS; i++) {
        fake_init(&fakes[i]);
        fakes[i].answer = answer;
        fake_listen(&fakes[i], 8);
        url.sentinels[i] = (struct redis_host){"127.0.0.1", fakes[i].port};
    }
    reactor = fakes[0].reactor;
    all_say(OLD_PORT, 1);
    master = master_open(&reactor, &url);
}

static void fini(void) {
    master_close(master);
    for (int i = 0; i < SENTINELS; i++)
        fake_fini(&fakes[i]);
}

static void turn(void) {
    struct fake_redis *loop = &fakes[0];
    struct pollfd polled[WATCHES_MAX];
    for (int i = 0; i < SENTINELS; i++)
        fake_serve(&fakes[i]);
    for (int i = 0; i < WATCHES_MAX; i++)
        polled[i] = (struct pollfd){
            .fd = loop->watches[i].fd,
            .events = (short)((loop->watches[i].read ? POLLIN : 0) | (loop->watches[i].write ? POLLOUT : 0))};
    poll(polled, WATCHES_MAX, TURN_MS);
    fake_dispatch(loop, polled);
    master_tick(master, clock_monotonic_ms() + ahead_ms);
}

#define UNTIL(condition)                                                                                     \
    do {                                                                                                     \
        int64_t limit_ms = clock_monotonic_ms() + LIMIT_MS;                                                  \
        while (!(condition)) {                                                                               \
            cr_assert_lt(clock_monotonic_ms(), limit_ms, "never: " #condition);                              \
            turn();                                                                                          \
        }                                                                                                    \
    } while (0)

static unsigned port_now(void) {
    return master_endpoint(master)->moves == 0 ? 0 : master_endpoint(master)->host.port;
}

/* Each of these Sentinels has been asked once more, and answered if it does; of the silent one time tells. */
static void one_more_round(void) {
    unsigned before[SENTINELS];
    for (int i = 0; i < SENTINELS; i++)
        before[i] = sayings[i].asked;
    ahead_ms += SENTINEL_POLL_MS + 1;
    for (int i = 0; i < SENTINELS; i++)
        if (!sayings[i].silent)
            UNTIL(sayings[i].asked > before[i]);
    for (int i = 0; i < 5; i++)
        turn();
}

TestSuite(follow_master, .timeout = 60, .init = init, .fini = fini);

Test(follow_master, a_plain_url_is_known_at_once) {
    struct redis_url plain = {.kind = REDIS_URL_TCP, .host = "redis", .port = 6380, .database = 3};
    snprintf(plain.user, sizeof(plain.user), "soc");
    snprintf(plain.password, sizeof(plain.password), "secret");
    struct master *known = master_open(&reactor, &plain);
    const struct endpoint *endpoint = master_endpoint(known);
    cr_assert_eq(endpoint->moves, 1);
    cr_assert_null(endpoint->path);
    cr_assert_str_eq(endpoint->host.host, "redis");
    cr_assert_eq(endpoint->host.port, 6380);
    cr_assert_eq(endpoint->database, 3);
    cr_assert_str_eq(endpoint->user, "soc");
    cr_assert_str_eq(endpoint->password, "secret");
    cr_assert_str_eq(endpoint->role, "master");
    master_tick(known, 1000);
    cr_assert_eq(endpoint->moves, 1);
    master_close(known);
    plain.kind = REDIS_URL_UNIX;
    snprintf(plain.path, sizeof(plain.path), "/run/redis.sock");
    known = master_open(&reactor, &plain);
    cr_assert_str_eq(master_endpoint(known)->path, "/run/redis.sock");
    master_close(known);
}

Test(follow_master, is_found_and_not_told_again_while_it_stays) {
    cr_assert_eq(port_now(), 0);
    UNTIL(port_now() == OLD_PORT);
    for (int i = 0; i < 5; i++)
        one_more_round();
    cr_assert_eq(master_endpoint(master)->moves, 1);
    cr_assert_str_eq(master_endpoint(master)->host.host, "127.0.0.1");
}

Test(follow_master, the_highest_epoch_wins) {
    UNTIL(port_now() == OLD_PORT);
    sayings[1].port = NEW_PORT;
    sayings[1].epoch = 2;
    UNTIL(port_now() == NEW_PORT);
    for (int i = 0; i < 3; i++)
        one_more_round();
    cr_assert_eq(master_endpoint(master)->moves, 2, "the others' old answers lead nobody back");
    sayings[0] = sayings[2] = sayings[1];
    one_more_round();
    cr_assert_eq(master_endpoint(master)->moves, 2);
}

/* The Sentinel that conducts the failover says the new epoch before MASTER has the new address. */
Test(follow_master, the_address_in_force_counts) {
    UNTIL(port_now() == OLD_PORT);
    sayings[0].port = NEW_PORT;
    sayings[0].port_of_master = OLD_PORT;
    sayings[0].epoch = 2;
    UNTIL(port_now() == NEW_PORT);
    cr_assert_eq(master_endpoint(master)->moves, 2);
}

Test(follow_master, of_equal_epochs_the_present_one_stays) {
    UNTIL(port_now() == OLD_PORT);
    sayings[0].port = NEW_PORT;
    sayings[2].port = OTHER_PORT;
    for (int i = 0; i < 4; i++)
        one_more_round();
    cr_assert_eq(port_now(), OLD_PORT);
    cr_assert_eq(master_endpoint(master)->moves, 1);
}

/* Cut off from those who know better, the old answer must not come back. */
Test(follow_master, who_is_cut_off_with_an_old_one_is_not_led_back) {
    all_say(NEW_PORT, 5);
    sayings[2].port = OLD_PORT;
    sayings[2].epoch = 4;
    UNTIL(port_now() == NEW_PORT);
    sayings[0].silent = sayings[1].silent = true;
    for (int i = 0; i < 70; i++)
        one_more_round();
    cr_assert_gt(ahead_ms, 30000);
    cr_assert_eq(port_now(), NEW_PORT);
    cr_assert_eq(master_endpoint(master)->moves, 1);
}

/* An operator began anew with epoch 0, and the one Sentinel that remembers is gone for good. */
Test(follow_master, most_of_them_may_begin_anew) {
    all_say(OLD_PORT, 7);
    UNTIL(port_now() == OLD_PORT);
    one_more_round();
    all_say(NEW_PORT, 0);
    sayings[0].silent = true;
    for (int i = 0; i < 20; i++)
        one_more_round();
    cr_assert_eq(port_now(), OLD_PORT, "the silent one keeps its say for a while");
    for (int i = 0; i < 60; i++)
        one_more_round();
    cr_assert_eq(port_now(), NEW_PORT);
}

Test(follow_master, one_that_knows_is_enough) {
    sayings[0].silent = true;
    sayings[1].knows = false;
    UNTIL(port_now() == OLD_PORT);
    fake_stop_listening(&fakes[0]);
    fake_hang_up_all(&fakes[0]);
    sayings[2].port = NEW_PORT;
    sayings[2].epoch = 2;
    UNTIL(port_now() == NEW_PORT);
}

Test(follow_master, with_all_of_them_gone_the_last_one_stays) {
    UNTIL(port_now() == OLD_PORT);
    for (int i = 0; i < SENTINELS; i++)
        sayings[i].silent = true;
    for (int i = 0; i < 80; i++)
        one_more_round();
    cr_assert_eq(port_now(), OLD_PORT);
    cr_assert_eq(master_endpoint(master)->moves, 1);
}

static void expect_ignored(const char *host, unsigned port) {
    all_say(NEW_PORT, 9);
    for (int i = 0; i < SENTINELS; i++) {
        sayings[i].host = host;
        sayings[i].port = port;
    }
    for (int i = 0; i < 2; i++)
        one_more_round();
    cr_assert_eq(port_now(), OLD_PORT, "%s:%u is believed", host, port);
}

Test(follow_master, an_odd_answer_is_none) {
    static char long_host[300];
    memset(long_host, 'x', sizeof(long_host) - 1);
    UNTIL(port_now() == OLD_PORT);
    expect_ignored("", NEW_PORT);
    expect_ignored(long_host, NEW_PORT);
    expect_ignored("127.0.0.1", 0);
    expect_ignored("127.0.0.1", 65536);
}
