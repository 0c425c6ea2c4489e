/* worker/intake/create_group.lua on a real server: the group, and the account that begins with it. */
#include <criterion/criterion.h>

#include "tests/unit/private_redis.h"

static struct script create_group;

static void start(void) {
    private_redis_start();
    script_load(&create_group, "create_group");
}

static void stop(void) {
    private_redis_forget();
    private_redis_stop();
    script_unload(&create_group);
}

TestSuite(group_script, .timeout = 60, .init = start, .fini = stop);

static const redisReply *create(void) {
    struct command command = COMMAND_EMPTY;
    command_begin_script(&command, &create_group, 3);
    command_words(&command, "threats:stream", "threats:completed", "threats:failed", "soc-workers",
                  "threat:", NULL);
    const redisReply *reply = redis_send(&command);
    command_fini(&command);
    return reply;
}

static void add_and_finish(int added, int read, int acknowledged) {
    for (int i = 0; i < added; i++)
        redis_do("XADD threats:stream * v 1");
    const redisReply *reply =
        redis_ask("XREADGROUP GROUP soc-workers w1 COUNT %d STREAMS threats:stream >", read);
    const redisReply *entries = reply->element[0]->element[1];
    char ids[8][32];
    for (int i = 0; i < acknowledged; i++)
        snprintf(ids[i], sizeof(ids[i]), "%s", entries->element[i]->element[0]->str);
    for (int i = 0; i < acknowledged; i++)
        redis_do("XACK threats:stream soc-workers %s", ids[i]);
}

static void expect_account(const char *completed, const char *failed) {
    expect_redis_text(completed, "GET threats:completed");
    expect_redis_text(failed, "GET threats:failed");
}

Test(group_script, a_new_stream_begins_a_new_account) {
    redis_do("MSET threats:completed 7 threats:failed 3");
    cr_assert_eq(reply_integer(create(), -1), 1);
    expect_account("0", "0");
    redis_do("XADD threats:stream * v 1");
    cr_assert_eq(redis_number("XLEN threats:stream"), 1);
}

Test(group_script, a_group_and_an_account_that_are_there_stay) {
    cr_assert_eq(reply_integer(create(), -1), 1);
    add_and_finish(4, 3, 3);
    redis_do("MSET threats:completed 2 threats:failed 1");
    redis_do("XTRIM threats:stream MAXLEN 2");
    cr_assert_eq(reply_integer(create(), -1), 0);
    expect_account("2", "1");
    redis_do("XGROUP DESTROY threats:stream soc-workers");
    cr_assert_eq(reply_integer(create(), -1), 1, "made again, from the beginning");
    expect_account("2", "1");
}

static void add_threats(int from, int to) {
    for (int i = from; i <= to; i++) {
        redis_do("XADD threats:stream %d-0 v 1 id t%d", i, i);
        redis_do("HSET threat:t%d entry %d-0", i, i);
    }
}

Test(group_script, the_account_of_a_deleted_stream_is_not_that_of_the_next) {
    redis_do("MSET threats:completed 300 threats:failed 4");
    add_threats(1, 20);
    cr_assert_eq(reply_integer(create(), -1), 1, "signals came before the group");
    expect_account("0", "0");
}

Test(group_script, a_group_made_again_before_anything_was_trimmed_counts_what_is_finished) {
    cr_assert_eq(reply_integer(create(), -1), 1);
    add_threats(1, 2500);
    for (int i = 1; i <= 1200; i++)
        redis_do("HSET threat:t%d data {}", i);
    redis_do("MSET threats:completed 1190 threats:failed 10");
    redis_do("XGROUP DESTROY threats:stream soc-workers");
    cr_assert_eq(reply_integer(create(), -1), 1);
    expect_account("1190", "10");
    redis_do("SET threats:completed 77");
    redis_do("XGROUP DESTROY threats:stream soc-workers");
    cr_assert_eq(reply_integer(create(), -1), 1);
    expect_account("1200", "0");
}

Test(group_script, an_account_that_begins_late_takes_what_is_gone_as_finished) {
    redis_do("XGROUP CREATE threats:stream soc-workers 0 MKSTREAM");
    add_and_finish(6, 4, 3);
    cr_assert_eq(reply_integer(create(), -1), 0);
    expect_account("3", "0");
}

Test(group_script, with_an_unknown_lag_only_what_left_the_stream_is_finished) {
    redis_do("XGROUP CREATE threats:stream soc-workers 0 MKSTREAM");
    add_and_finish(6, 4, 3);
    redis_do("XTRIM threats:stream MAXLEN 5");
    const redisReply *last = redis_ask("XREVRANGE threats:stream + - COUNT 1");
    redis_do("XDEL threats:stream %s", last->element[0]->element[0]->str);
    cr_assert_eq(reply_integer(create(), -1), 0);
    expect_account("2", "0");
}

Test(group_script, another_type_under_a_key_is_told) {
    redis_do("SET threats:stream text");
    cr_assert_eq(reply_status(create()), STATUS_WRONG_TYPE);
    redis_do("DEL threats:stream");
    redis_do("HSET threats:completed field text");
    cr_assert_eq(reply_integer(create(), -1), 1, "a new stream's account replaces it");
    expect_account("0", "0");
}

Test(group_script, a_full_redis_still_gets_its_group) {
    redis_do("XADD threats:stream * v 1");
    redis_do("CONFIG SET maxmemory 1");
    cr_assert_eq(reply_integer(create(), -1), 1);
    redis_do("CONFIG SET maxmemory 0");
}
