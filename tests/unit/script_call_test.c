#include "shared/redis/script_call.h"

#include "tests/unit/link_fixture.h"

TestSuite(script_call, .timeout = 60, .init = init, .fini = fini);

static void never_know_scripts(struct fake_redis *redis, struct fake_peer *peer, const char *command) {
    if (strncmp(command, "EVALSHA", 7) == 0)
        buffer_append_string(&peer->answers, "-NOSCRIPT No matching script. Please use EVAL.\r\n");
    else
        fake_echo(redis, peer, command);
}

static enum status call_script(unsigned number) {
    struct command command = COMMAND_EMPTY;
    command_begin(&command, "EVALSHA");
    command_signed(&command, number);
    enum status status = script_call(fake.link, command_finish(&command), on_order, &orders[number]);
    command_fini(&command);
    return status;
}

Test(script_call, a_call_of_a_lost_script_is_sent_again_and_told_once) {
    static const char *const expected[] = {"EVALSHA 0", "SCRIPT LOAD return 1", "SCRIPT LOAD return 2",
                                           "EVALSHA 0", "EVALSHA 1"};
    fake.answer = forget_scripts;
    come_up(2);
    forgot_scripts = true;
    cr_assert_eq(call_script(0), STATUS_OK);
    FAKE_UNTIL(&fake, told == 1);
    cr_assert_eq(orders[0].status, STATUS_OK);
    cr_assert_str_eq(orders[0].reply, "EVALSHA 0");
    cr_assert_eq(call_script(1), STATUS_OK);
    FAKE_UNTIL(&fake, told == 2);
    cr_assert_eq(orders[0].told + orders[1].told, 2);
    expect_commands(expected, 5);
}

Test(script_call, a_script_that_cannot_be_had_is_told_of) {
    fake.answer = never_know_scripts;
    come_up(2);
    cr_assert_eq(call_script(0), STATUS_OK);
    FAKE_UNTIL(&fake, told == 1);
    cr_assert_eq(orders[0].status, STATUS_NO_SCRIPT);
    cr_assert(orders[0].had_reply);
    FAKE_UNTIL(&fake, fake.count == 2 + 2 * 2); /* two calls, and the scripts behind each */
    cr_assert_eq(orders[0].told, 1);
}

Test(script_call, a_call_of_a_script_ends_with_the_connection) {
    fake.answer = fake_mute;
    come_up(2);
    for (unsigned i = 0; i < 2; i++)
        cr_assert_eq(call_script(i), STATUS_OK);
    FAKE_UNTIL(&fake, fake.count == 2);
    link_condemn(fake.link, "enough");
    cr_assert_eq(call_script(3), STATUS_UNAVAILABLE);
    expect_lost_and_back(2);
    cr_assert_eq(orders[3].told, 0);
}
