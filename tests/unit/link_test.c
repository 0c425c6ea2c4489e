#include "shared/redis/backoff.h"
#include "shared/redis/link_parts.h"
#include "tests/unit/link_fixture.h"

TestSuite(link, .timeout = 60, .init = init, .fini = fini);

/* --- greeting --- */

Test(link, greets_with_everything_the_url_says) {
    static const char *const expected[] = {"AUTH soc secret",
                                           "ROLE",
                                           "SELECT 3",
                                           "SCRIPT LOAD return 1",
                                           "SCRIPT LOAD return 2",
                                           "CLIENT ID",
                                           "CLIENT SETNAME test-link"};
    snprintf(user, sizeof(user), "soc");
    snprintf(password, sizeof(password), "secret");
    endpoint.database = 3;
    open_link(2);
    cr_assert_not(link_is_up(fake.link));
    cr_assert_eq(fake.watched, 0, "nothing happens before the first tick");
    FAKE_UNTIL(&fake, ups > 0);
    expect_commands(expected, 7);
    cr_assert_eq(link_client_id(fake.link), 7);
    for (int i = 0; i < 5; i++)
        fake_turn(&fake);
    cr_assert_eq(ups, 1);
    cr_assert_eq(downs, 0);
    cr_assert_eq(fake.accepted, 1);
}

Test(link, greets_with_no_more_than_the_url_says) {
    static const char *const expected[] = {"ROLE", "CLIENT ID", "CLIENT SETNAME test-link"};
    open_link(0);
    FAKE_UNTIL(&fake, ups > 0);
    expect_commands(expected, 3);
}

Test(link, a_password_alone_is_the_default_users) {
    static const char *const expected[] = {"AUTH secret", "ROLE", "CLIENT ID", "CLIENT SETNAME test-link"};
    snprintf(password, sizeof(password), "secret");
    open_link(0);
    FAKE_UNTIL(&fake, ups > 0);
    expect_commands(expected, 4);
}

static void refuse_password(struct fake_redis *redis, struct fake_peer *peer, const char *command) {
    if (strncmp(command, "AUTH", 4) == 0 && redis->accepted < 3)
        buffer_append_string(&peer->answers,
                             "-WRONGPASS invalid username-password pair or user is disabled.\r\n");
    else
        fake_echo(redis, peer, command);
}

Test(link, a_refused_greeting_is_tried_again_and_is_never_up) {
    snprintf(password, sizeof(password), "wrong");
    fake.answer = refuse_password;
    open_link(1);
    FAKE_UNTIL(&fake, fake.accepted == 3);
    cr_assert_eq(ups, 0);
    FAKE_UNTIL(&fake, ups == 1);
    cr_assert_eq(downs, 0, "failed attempts are not told");
}

static void load_slowly(struct fake_redis *redis, struct fake_peer *peer, const char *command) {
    if (redis->accepted < 3)
        buffer_append_string(&peer->answers, "-LOADING Redis is loading the dataset in memory\r\n");
    else
        fake_echo(redis, peer, command);
}

Test(link, a_server_that_is_still_loading_is_waited_for) {
    fake.answer = load_slowly;
    open_link(1);
    FAKE_UNTIL(&fake, ups == 1);
    cr_assert_eq(fake.accepted, 3);
    cr_assert_eq(downs, 0);
}

/* --- commands --- */

Test(link, commands_are_answered_in_order) {
    come_up(0);
    for (unsigned i = 0; i < 100; i++)
        cr_assert_eq(send_order(i, i % 2 ? "ODD" : "EVEN", LINK_DEADLINE_MS), STATUS_OK);
    cr_assert_eq(told, 0, "no callback from within link_send");
    FAKE_UNTIL(&fake, told == 100);
    for (unsigned i = 0; i < 100; i++) {
        char expected[32];
        snprintf(expected, sizeof(expected), "%s %u", i % 2 ? "ODD" : "EVEN", i);
        cr_assert_str_eq(fake.commands[i], expected);
        cr_assert_str_eq(orders[i].reply, expected);
        cr_assert_eq(orders[i].status, STATUS_OK);
        cr_assert_eq(orders[i].place, i + 1);
        cr_assert_eq(orders[i].told, 1);
    }
}

static void send_next(void *arg, enum status status, const redisReply *reply) {
    on_order(arg, status, reply);
    unsigned next = (unsigned)((struct order *)arg - orders) + 1;
    struct command command = COMMAND_EMPTY;
    command_begin(&command, "STEP");
    if (next < 50)
        cr_assert_eq(
            link_send(fake.link, command_finish(&command), LINK_DEADLINE_MS, send_next, &orders[next]),
            STATUS_OK);
    command_fini(&command);
}

Test(link, a_reply_may_send_the_next_command) {
    struct command command = COMMAND_EMPTY;
    come_up(0);
    command_begin(&command, "STEP");
    link_send(fake.link, command_finish(&command), LINK_DEADLINE_MS, send_next, &orders[0]);
    command_fini(&command);
    FAKE_UNTIL(&fake, told == 50);
    cr_assert_eq(fake.count, 50);
}

Test(link, a_reply_need_not_be_wanted) {
    struct command command = COMMAND_EMPTY;
    come_up(0);
    command_begin(&command, "QUIET");
    cr_assert_eq(link_send(fake.link, command_finish(&command), LINK_DEADLINE_MS, NULL, NULL), STATUS_OK);
    command_fini(&command);
    cr_assert_eq(send_order(0, "LOUD", LINK_DEADLINE_MS), STATUS_OK);
    FAKE_UNTIL(&fake, told == 1);
    cr_assert_str_eq(orders[0].reply, "LOUD 0");
}

/* More than the kernel takes at once. */
Test(link, a_long_command_goes_out_whole) {
    enum { LONG_BYTES = 16 << 20 };
    struct command command = COMMAND_EMPTY;
    char *bytes = malloc(LONG_BYTES);
    memset(bytes, 'x', LONG_BYTES);
    come_up(0);
    command_begin(&command, "LONG");
    command_text(&command, (struct text){bytes, LONG_BYTES});
    cr_assert_eq(link_send(fake.link, command_finish(&command), LINK_DEADLINE_MS, on_order, &orders[0]),
                 STATUS_OK);
    command_fini(&command);
    free(bytes);
    cr_assert_eq(send_order(1, "SHORT", LINK_DEADLINE_MS), STATUS_OK);
    FAKE_UNTIL(&fake, told == 2);
    cr_assert_eq(orders[0].status, STATUS_OK);
    cr_assert_str_eq(orders[1].reply, "SHORT 1");
    cr_assert_eq(downs, 0);
}

static void answer_errors(struct fake_redis *redis, struct fake_peer *peer, const char *command) {
    static const char *const lines[] = {"-OOM command not allowed\r\n", "-WRONGTYPE Operation\r\n",
                                        "-NOGROUP No such key\r\n", "$-1\r\n"};
    unsigned number;
    if (sscanf(command, "FAIL %u", &number) == 1)
        buffer_append_string(&peer->answers, lines[number % 4]);
    else
        fake_echo(redis, peer, command);
}

Test(link, errors_are_told_as_statuses_and_keep_the_link) {
    static const enum status expected[] = {STATUS_NO_MEMORY, STATUS_WRONG_TYPE, STATUS_NO_GROUP, STATUS_OK};
    fake.answer = answer_errors;
    come_up(0);
    for (unsigned i = 0; i < 4; i++)
        cr_assert_eq(send_order(i, "FAIL", LINK_DEADLINE_MS), STATUS_OK);
    FAKE_UNTIL(&fake, told == 4);
    for (unsigned i = 0; i < 4; i++) {
        cr_assert_eq(orders[i].status, expected[i]);
        cr_assert(orders[i].had_reply);
    }
    cr_assert(link_is_up(fake.link));
    cr_assert_eq(downs, 0);
}

static void send_again(void *arg, enum status status, const redisReply *reply) {
    on_order(arg, status, reply);
    cr_assert_eq(send_order(1, "EVALSHA", LINK_DEADLINE_MS), STATUS_OK);
}

Test(link, a_lost_script_is_loaded_before_the_command_comes_again) {
    static const char *const expected[] = {"EVALSHA", "SCRIPT LOAD return 1", "SCRIPT LOAD return 2",
                                           "EVALSHA 1"};
    struct command command = COMMAND_EMPTY;
    fake.answer = forget_scripts;
    come_up(2);
    forgot_scripts = true;
    command_begin(&command, "EVALSHA");
    cr_assert_eq(link_send(fake.link, command_finish(&command), LINK_DEADLINE_MS, send_again, &orders[0]),
                 STATUS_OK);
    command_fini(&command);
    FAKE_UNTIL(&fake, told == 2);
    cr_assert_eq(orders[0].status, STATUS_NO_SCRIPT);
    cr_assert_eq(orders[1].status, STATUS_OK);
    expect_commands(expected, 4);
    cr_assert_eq(downs, 0);
}

/* --- role --- */

static const char *role_line;

static void answer_role(struct fake_redis *redis, struct fake_peer *peer, const char *command) {
    if (strcmp(command, "ROLE") == 0 && redis->accepted < 3)
        buffer_append_string(&peer->answers, role_line);
    else
        fake_echo(redis, peer, command);
}

static void expect_third_time_lucky(const char *line) {
    role_line = line;
    fake.answer = answer_role;
    open_link(1);
    FAKE_UNTIL(&fake, fake.accepted == 2);
    cr_assert_eq(ups, 0);
    FAKE_UNTIL(&fake, ups == 1);
    cr_assert_eq(fake.accepted, 3);
    cr_assert_eq(downs, 0, "failed attempts are not told");
}

Test(link, a_replica_is_never_up) {
    expect_third_time_lucky("*5\r\n$5\r\nslave\r\n$9\r\n127.0.0.1\r\n:6379\r\n$9\r\nconnected\r\n:10\r\n");
}

Test(link, a_sentinel_is_no_master) {
    expect_third_time_lucky("*2\r\n$8\r\nsentinel\r\n*0\r\n");
}

Test(link, an_odd_role_is_no_master) {
    expect_third_time_lucky("*0\r\n");
}

Test(link, a_role_that_may_not_be_asked_is_no_master) {
    expect_third_time_lucky("-NOPERM this user has no permissions to run the 'role' command\r\n");
}

/* --- the endpoint --- */

Test(link, waits_until_somebody_knows_where_to_go) {
    endpoint.moves = 0;
    open_link(0);
    fake.ahead_ms += 3600000;
    for (int i = 0; i < 5; i++)
        fake_turn(&fake);
    cr_assert_eq(fake.watched, 0);
    endpoint.moves = 1;
    FAKE_UNTIL(&fake, ups == 1);
}

Test(link, goes_where_the_master_went_at_once) {
    struct fake_redis other;
    fake.answer = fake_mute;
    come_up(0);
    for (unsigned i = 0; i < 3; i++)
        cr_assert_eq(send_order(i, "WAIT", LINK_DEADLINE_MS), STATUS_OK);
    fake_init(&other);
    fake_listen(&other, 4);
    endpoint.host.port = other.port;
    endpoint.moves++;
    int64_t moved_ms = clock_monotonic_ms();
    FAKE_UNTIL(&fake, downs == 1);
    cr_assert_str_eq(why_down, "the master moved");
    cr_assert_eq(told, 3);
    while (ups < 2) {
        cr_assert_lt(clock_monotonic_ms() - moved_ms, LIMIT_MS);
        fake_serve(&other);
        fake_turn(&fake);
    }
    cr_assert_eq(fake.accepted, 1, "nobody went back");
    cr_assert_eq(other.accepted, 1);
    fake_fini(&other);
}

/* However long the wait has grown. */
Test(link, a_move_ends_the_wait) {
    uint16_t good = fake.port;
    fake_stop_listening(&fake);
    open_link(0);
    FAKE_UNTIL(&fake, fake.watched == 4 && fake.link->state == LINK_DOWN);
    fake.port = 0;
    fake_listen(&fake, 4);
    cr_assert_neq(fake.port, good);
    endpoint.host.port = fake.port;
    endpoint.moves++;
    link_tick(fake.link, clock_monotonic_ms());
    cr_assert_eq(fake.watched, 5, "tried in the same tick");
    FAKE_UNTIL(&fake, ups == 1);
}

/* A connection that is lost again and again as soon as it is up is not made in a hot loop. */
Test(link, one_that_never_holds_is_tried_ever_more_slowly) {
    int64_t start_ms = clock_monotonic_ms(), last_wait_ms = 0;
    open_link(0);
    for (unsigned i = 1; i <= 12; i++) {
        FAKE_UNTIL(&fake, ups == i);
        link_condemn(fake.link, "again");
        fake_turn(&fake);
        int64_t wait_ms = fake.link->retry_at_ms - clock_monotonic_ms();
        cr_assert_leq(wait_ms, BACKOFF_MAX_MS);
        cr_assert_leq(wait_ms, 3 * (last_wait_ms < BACKOFF_FIRST_MS ? BACKOFF_FIRST_MS : last_wait_ms));
        last_wait_ms = fake.link->backoff_ms;
        fake.ahead_ms += wait_ms < 0 ? 0 : wait_ms;
    }
    cr_assert_gt(fake.ahead_ms + clock_monotonic_ms() - start_ms, 12 * BACKOFF_FIRST_MS);
}

/* --- names --- */

Test(link, a_name_is_looked_up_while_the_loop_goes_on) {
    snprintf(endpoint.host.host, sizeof(endpoint.host.host), "localhost");
    open_link(0);
    int64_t before_ms = clock_monotonic_ms();
    link_tick(fake.link, before_ms);
    cr_assert_lt(clock_monotonic_ms() - before_ms, 1000);
    FAKE_UNTIL(&fake, ups == 1);
    cr_assert_eq(downs, 0);
}

Test(link, a_name_that_nobody_has_is_tried_again) {
    snprintf(endpoint.host.host, sizeof(endpoint.host.host), "no-such-host.invalid");
    open_link(0);
    FAKE_UNTIL(&fake, fake.link->state == LINK_RESOLVING);
    FAKE_UNTIL(&fake, fake.link->state == LINK_DOWN);
    cr_assert_not_null(strstr(fake.link->why, "the name no-such-host.invalid is not found: "), "%s",
                       fake.link->why);
    cr_assert_eq(fake.watched, 0);
    FAKE_UNTIL(&fake, fake.link->state == LINK_RESOLVING);
    snprintf(endpoint.host.host, sizeof(endpoint.host.host), "127.0.0.1");
    endpoint.moves++;
    FAKE_UNTIL(&fake, ups == 1);
}

Test(link, closing_does_not_wait_for_a_look_up) {
    for (int i = 0; i < 20; i++) {
        snprintf(endpoint.host.host, sizeof(endpoint.host.host), "host-%d.invalid", i);
        open_link(0);
        link_tick(fake.link, clock_monotonic_ms());
        link_close(fake.link);
    }
    snprintf(endpoint.host.host, sizeof(endpoint.host.host), "localhost");
    open_link(0);
    FAKE_UNTIL(&fake, ups == 1);
}

/* --- the end --- */

static void close_now(void) {
    link_close(fake.link);
    fake.link = NULL;
    cr_assert_eq(fake_watches_in_use(&fake), 0);
}

Test(link, closing_tells_what_was_outstanding_and_nothing_else) {
    fake.answer = fake_mute;
    come_up(2);
    for (unsigned i = 0; i < 10; i++)
        cr_assert_eq(send_order(i, "WAIT", LINK_DEADLINE_MS), STATUS_OK);
    fake_turn(&fake);
    close_now();
    for (unsigned i = 0; i < 10; i++) {
        cr_assert_eq(orders[i].told, 1);
        cr_assert_eq(orders[i].status, STATUS_UNAVAILABLE);
    }
    cr_assert_eq(downs, 0, "the owner knows that it closes");
}

Test(link, closing_is_fine_in_every_state) {
    link_close(NULL);
    open_link(2);
    close_now();
    open_link(2);
    link_tick(fake.link, clock_monotonic_ms());
    cr_assert_eq(fake_watches_in_use(&fake), 1);
    close_now();
    fake.answer = say_nothing;
    open_link(2);
    FAKE_UNTIL(&fake, fake.count > 0);
    close_now();
    fake_stop_listening(&fake);
    unsigned watched = fake.watched;
    open_link(2);
    FAKE_UNTIL(&fake, fake.watched == watched + 2);
    close_now();
    cr_assert_eq(ups + downs, 0);
}

Test(link, closing_a_condemned_link_tells_once) {
    fake.answer = fake_mute;
    come_up(1);
    cr_assert_eq(send_order(0, "WAIT", LINK_DEADLINE_MS), STATUS_OK);
    link_condemn(fake.link, "done with it");
    close_now();
    cr_assert_eq(orders[0].told, 1);
    cr_assert_eq(downs, 0);
}
