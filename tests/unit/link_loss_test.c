/* A link whose connection is lost, falls silent, or does not come. */
#include <errno.h>
#include <sys/un.h>

#include "shared/redis/backoff.h"
#include "shared/redis/link_parts.h"
#include "tests/unit/link_fixture.h"

static char path[108];

TestSuite(link_loss, .timeout = 60, .init = init, .fini = fini);

/* --- loss --- */

Test(link_loss, past_a_deadline_everything_is_told_once) {
    fake.answer = fake_mute;
    come_up(1);
    for (unsigned i = 0; i < 20; i++)
        cr_assert_eq(send_order(i, "WAIT", LINK_DEADLINE_MS), STATUS_OK);
    FAKE_UNTIL(&fake, fake.count == 20);
    fake.ahead_ms += LINK_DEADLINE_MS - 1000;
    for (int i = 0; i < 3; i++)
        fake_turn(&fake);
    cr_assert_eq(told + downs, 0, "the deadline is not over yet");
    fake.ahead_ms += 1001;
    expect_lost_and_back(20);
    cr_assert_str_eq(why_down, "no reply within the deadline");
    cr_assert_eq(fake.accepted, 2);
}

Test(link_loss, an_answered_command_has_no_deadline_any_more) {
    come_up(0);
    cr_assert_eq(send_order(0, "A", 100), STATUS_OK);
    FAKE_UNTIL(&fake, told == 1);
    fake.ahead_ms += 60000;
    for (int i = 0; i < 3; i++)
        fake_turn(&fake);
    cr_assert(link_is_up(fake.link));
    cr_assert_eq(send_order(1, "B", 100), STATUS_OK);
    FAKE_UNTIL(&fake, told == 2);
    cr_assert_eq(orders[1].status, STATUS_OK);
    cr_assert_eq(downs, 0);
}

static void hang_up_at_three(struct fake_redis *redis, struct fake_peer *peer, const char *command) {
    fake_mute(redis, peer, command);
    peer->leaving = strcmp(command, "WAIT 2") == 0;
}

Test(link_loss, a_closed_connection_tells_everything_once) {
    fake.answer = hang_up_at_three;
    come_up(1);
    for (unsigned i = 0; i < 3; i++)
        cr_assert_eq(send_order(i, "WAIT", LINK_DEADLINE_MS), STATUS_OK);
    expect_lost_and_back(3);
    cr_assert_gt(strlen(why_down), 0);
}

Test(link_loss, a_connection_closed_in_silence_comes_back) {
    come_up(1);
    fake_hang_up_all(&fake);
    expect_lost_and_back(0);
}

static void answer_half(struct fake_redis *redis, struct fake_peer *peer, const char *command) {
    if (strcmp(command, "HALF 0") != 0) {
        fake_echo(redis, peer, command);
        return;
    }
    buffer_append_string(&peer->answers, "$100\r\nonly the beginning");
    peer->leaving = true;
}

Test(link_loss, half_a_reply_is_no_reply) {
    fake.answer = answer_half;
    come_up(1);
    cr_assert_eq(send_order(0, "HALF", LINK_DEADLINE_MS), STATUS_OK);
    expect_lost_and_back(1);
}

static void answer_garbage(struct fake_redis *redis, struct fake_peer *peer, const char *command) {
    if (strncmp(command, "WAIT", 4) == 0)
        buffer_append_string(&peer->answers, "HTTP/1.1 400 Bad Request\r\n\r\n");
    else
        fake_echo(redis, peer, command);
}

Test(link_loss, what_is_not_redis_is_left) {
    fake.answer = answer_garbage;
    come_up(1);
    for (unsigned i = 0; i < 2; i++)
        cr_assert_eq(send_order(i, "WAIT", LINK_DEADLINE_MS), STATUS_OK);
    expect_lost_and_back(2);
}

static void answer_read_only(struct fake_redis *redis, struct fake_peer *peer, const char *command) {
    if (strcmp(command, "WRITE 0") == 0)
        buffer_append_string(&peer->answers, "-READONLY You can't write against a read only replica.\r\n");
    else
        fake_mute(redis, peer, command);
}

Test(link_loss, a_replica_is_left) {
    fake.answer = answer_read_only;
    come_up(1);
    for (unsigned i = 0; i < 5; i++)
        cr_assert_eq(send_order(i, "WRITE", LINK_DEADLINE_MS), STATUS_OK);
    FAKE_UNTIL(&fake, orders[0].told > 0);
    cr_assert_eq(orders[0].status, STATUS_UNAVAILABLE);
    cr_assert(orders[0].had_reply);
    cr_assert_not(link_is_up(fake.link));
    cr_assert_eq(send_order(ORDERS_MAX - 1, "MORE", LINK_DEADLINE_MS), STATUS_UNAVAILABLE);
    orders[0].had_reply = false;
    expect_lost_and_back(5);
    cr_assert_str_eq(why_down, "READONLY You can't write against a read only replica.");
}

Test(link_loss, a_condemned_connection_is_left_at_the_end_of_the_turn) {
    fake.answer = fake_mute;
    come_up(1);
    for (unsigned i = 0; i < 3; i++)
        cr_assert_eq(send_order(i, "WAIT", LINK_DEADLINE_MS), STATUS_OK);
    link_condemn(fake.link, "wrong answer");
    link_condemn(fake.link, "a second word");
    cr_assert_eq(told, 0);
    cr_assert_not(link_is_up(fake.link));
    cr_assert_eq(send_order(ORDERS_MAX - 1, "MORE", LINK_DEADLINE_MS), STATUS_UNAVAILABLE);
    link_flush(fake.link);
    cr_assert_eq(told, 3);
    expect_lost_and_back(3);
    cr_assert_str_eq(why_down, "wrong answer");
}

/* --- no connection --- */

Test(link_loss, nothing_is_taken_while_it_is_not_up) {
    fake.answer = say_nothing;
    open_link(0);
    cr_assert_eq(send_order(0, "NEVER", LINK_DEADLINE_MS), STATUS_UNAVAILABLE);
    link_flush(fake.link);
    link_condemn(fake.link, "there is nothing to condemn");
    link_tick(fake.link, clock_monotonic_ms());
    cr_assert_eq(fake.watched, 1);
    cr_assert_eq(send_order(0, "NEVER", LINK_DEADLINE_MS), STATUS_UNAVAILABLE);
    FAKE_UNTIL(&fake, fake.count > 0);
    cr_assert_eq(ups, 0);
    cr_assert_eq(send_order(0, "NEVER", LINK_DEADLINE_MS), STATUS_UNAVAILABLE, "greeting is not up");
    fake.answer = fake_echo;
    fake.ahead_ms += LINK_DEADLINE_MS + 1;
    FAKE_UNTIL(&fake, ups == 1);
    cr_assert_eq(fake.accepted, 2, "a greeting has a deadline too");
    cr_assert_eq(orders[0].told + downs, 0);
}

Test(link_loss, a_refused_port_is_tried_until_somebody_listens) {
    fake_stop_listening(&fake);
    open_link(1);
    FAKE_UNTIL(&fake, fake.watched == 3);
    cr_assert_eq(ups + downs, 0);
    cr_assert_eq(send_order(0, "NEVER", LINK_DEADLINE_MS), STATUS_UNAVAILABLE);
    fake_listen(&fake, 16);
    FAKE_UNTIL(&fake, ups == 1);
    cr_assert_eq(downs, 0);
    cr_assert_eq(orders[0].told, 0);
}

Test(link_loss, never_tries_again_at_once) {
    int64_t start_ms = clock_monotonic_ms();
    fake_stop_listening(&fake);
    open_link(0);
    FAKE_UNTIL(&fake, fake.watched == 5);
    cr_assert_geq(clock_monotonic_ms() - start_ms, 4 * BACKOFF_FIRST_MS);
}

/* With one connection in a backlog of none the kernel answers no more: the link's own deadline ends the
 * attempt. */
Test(link_loss, a_connection_that_never_comes_has_a_deadline) {
    int fillers[4];
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(fake.port)};
    fake.deaf = true;
    cr_assert_eq(listen(fake.listener, 0), 0);
    for (int i = 0; i < 4; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        cr_assert(connect(fillers[i], (struct sockaddr *)&address, sizeof(address)) == 0 ||
                  errno == EINPROGRESS);
    }
    open_link(0);
    for (int i = 0; i < 3; i++)
        fake_turn(&fake);
    cr_assert_eq(fake.watched, 1);
    cr_assert_eq(fake_watches_in_use(&fake), 1);
    fake.ahead_ms += 3100;
    fake_turn(&fake);
    cr_assert_eq(fake_watches_in_use(&fake), 0, "the attempt is given up");
    for (int i = 0; i < 4; i++)
        close(fillers[i]);
    cr_assert_eq(listen(fake.listener, 16), 0);
    fake.deaf = false;
    FAKE_UNTIL(&fake, ups == 1);
    cr_assert_eq(downs, 0);
}

Test(link_loss, a_loop_without_room_is_asked_again) {
    fake.loop_full = true;
    open_link(0);
    for (int i = 0; i < 3; i++)
        fake_turn(&fake);
    cr_assert_eq(fake.watched, 0);
    fake.loop_full = false;
    FAKE_UNTIL(&fake, ups == 1);
    cr_assert_eq(downs, 0);
}

Test(link_loss, speaks_over_a_unix_socket_once_there_is_one) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char folder[] = "/tmp/soc-link.XXXXXX";
    cr_assert_not_null(mkdtemp(folder));
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/redis.sock", folder);
    fake_stop_listening(&fake);
    snprintf(path, sizeof(path), "%s", address.sun_path);
    endpoint.path = path;
    open_link(1);
    for (int i = 0; i < 20; i++)
        fake_turn(&fake);
    cr_assert_eq(ups + downs, 0);
    fake.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    cr_assert_eq(bind(fake.listener, (struct sockaddr *)&address, sizeof(address)), 0);
    cr_assert_eq(listen(fake.listener, 4), 0);
    FAKE_UNTIL(&fake, ups == 1);
    cr_assert_eq(send_order(0, "HELLO", LINK_DEADLINE_MS), STATUS_OK);
    FAKE_UNTIL(&fake, told == 1);
    cr_assert_str_eq(orders[0].reply, "HELLO 0");
    unlink(address.sun_path);
    rmdir(folder);
}

/* --- silence --- */

static void say_nothing_any_more(struct fake_redis *redis, struct fake_peer *peer, const char *command) {
    (void)redis, (void)peer, (void)command;
}

Test(link_loss, an_idle_connection_is_asked_whether_it_is_there) {
    come_up(0);
    for (int i = 0; i < 3; i++)
        fake_turn(&fake);
    cr_assert_eq(fake.count, 0, "not while it is young");
    for (unsigned i = 1; i <= 5; i++) {
        fake.ahead_ms += 501;
        FAKE_UNTIL(&fake, fake.count == i);
        cr_assert_str_eq(fake.commands[i - 1], "PING");
        for (int turn = 0; turn < 5; turn++)
            fake_turn(&fake);
    }
    cr_assert_eq(fake.count, 5, "one in half a second");
    cr_assert_eq(downs, 0);
    cr_assert_eq(told, 0);
}

/* Before anybody's request has to wait for it, and within the time of a blocking read (2 s and 2 s more). */
Test(link_loss, an_idle_black_hole_is_found) {
    come_up(0);
    fake.answer = say_nothing_any_more;
    fake.ahead_ms += 501;
    FAKE_UNTIL(&fake, fake.count == 1);
    fake.ahead_ms += 1500;
    for (int i = 0; i < 3; i++)
        fake_turn(&fake);
    cr_assert(link_is_up(fake.link), "a slow answer is waited for");
    fake.ahead_ms += 600;
    expect_lost_and_back(0);
    cr_assert_str_eq(why_down, "no reply within the deadline");
}

Test(link_loss, who_awaits_a_reply_does_not_ask) {
    fake.answer = fake_mute;
    come_up(0);
    cr_assert_eq(send_order(0, "BLOCK", LINK_DEADLINE_MS), STATUS_OK);
    FAKE_UNTIL(&fake, fake.count == 1);
    fake.ahead_ms += 3000;
    for (int i = 0; i < 5; i++)
        fake_turn(&fake);
    cr_assert_eq(fake.count, 1);
    cr_assert(link_is_up(fake.link));
}

/* We were not let run for a while: the answer had come in time. */
Test(link_loss, what_has_arrived_is_read_before_a_deadline_is_judged) {
    come_up(0);
    cr_assert_eq(send_order(0, "LATE", LINK_DEADLINE_MS), STATUS_OK);
    link_flush(fake.link);
    int64_t limit_ms = clock_monotonic_ms() + LIMIT_MS;
    while (fake.count == 0 && clock_monotonic_ms() < limit_ms)
        fake_serve(&fake);
    fake_serve(&fake);
    link_tick(fake.link, clock_monotonic_ms() + 60000);
    cr_assert_eq(told, 1);
    cr_assert_eq(orders[0].status, STATUS_OK);
    cr_assert(link_is_up(fake.link));
}
