/* What trimming and sweeping rest on: when Redis' lag can be believed (entries deleted below the last
 * delivered one leave it exact, others do not), and worker/intake/sweep_stream.lua on a real server. */
#include <criterion/criterion.h>
#include <criterion/logging.h>

#include "tests/unit/entry_lives.h"
#include "tests/unit/random_bytes.h"

static struct script sweep_stream, trim_stream;

static void start(void) {
    private_redis_start();
    script_load(&sweep_stream, "sweep_stream");
    script_load(&trim_stream, "trim_stream");
    redis_do("XGROUP CREATE threats:stream soc-workers 0 MKSTREAM");
}

static void stop(void) {
    private_redis_forget();
    private_redis_stop();
    script_unload(&sweep_stream);
    script_unload(&trim_stream);
}

static void add_up_to(int last) {
    static int next;
    next = redis_number("XLEN threats:stream") == 0 && last < next ? 1 : next == 0 ? 1 : next;
    for (; next <= last; next++)
        redis_do("XADD threats:stream %d-0 v 1 signal {}", next);
}

static void deliver(int count) {
    redis_ask("XREADGROUP GROUP soc-workers w1 COUNT %d STREAMS threats:stream >", count);
}

/* --- Redis' own ways: a server that differs must be noticed here --- */

TestSuite(stream_lag, .timeout = 60, .init = start, .fini = stop);

Test(stream_lag, is_unknown_after_a_deletion_among_what_is_unread) {
    add_up_to(5);
    deliver(2);
    redis_do("XDEL threats:stream 4-0");
    cr_assert_eq(lag(), -1);
    deliver(10);
    cr_assert_eq(lag(), 0, "read to the end it is known again");
    add_up_to(6);
    cr_assert_eq(lag(), 1);
}

Test(stream_lag, is_unknown_after_the_last_delivered_entry_is_deleted) {
    add_up_to(5);
    deliver(2);
    redis_do("XACK threats:stream soc-workers 1-0 2-0");
    redis_do("XDEL threats:stream 2-0");
    cr_assert_eq(lag(), -1);
    deliver(1);
    cr_assert_eq(lag(), 2, "until the next entry is read");
}

Test(stream_lag, is_unknown_of_a_group_that_begins_in_the_middle) {
    add_up_to(5);
    redis_do("XGROUP DESTROY threats:stream soc-workers");
    redis_do("XGROUP CREATE threats:stream soc-workers 3-0");
    cr_assert_eq(lag(), -1);
    redis_do("XGROUP SETID threats:stream soc-workers 3-0 ENTRIESREAD 3");
    cr_assert_eq(lag(), 2);
}

Test(stream_lag, survives_that_all_is_acknowledged_and_deleted) {
    add_up_to(5);
    deliver(5);
    redis_do("XACK threats:stream soc-workers 1-0 2-0 3-0 4-0 5-0");
    redis_do("XDEL threats:stream 1-0 2-0 3-0 4-0 5-0");
    cr_assert_eq(lag(), 0);
    add_up_to(6);
    cr_assert_eq(lag(), 1);
}

Test(stream_lag, stays_exact_when_entries_below_the_last_delivered_one_go) {
    add_up_to(10);
    deliver(6);
    redis_do("XDEL threats:stream 2-0");
    cr_assert_eq(lag(), 4);
    redis_do("XDEL threats:stream 5-0 1-0");
    cr_assert_eq(lag(), 4);
    deliver(1);
    cr_assert_eq(lag(), 3);
}

/* --- sweep_stream --- */

TestSuite(sweep_script, .timeout = 120, .init = start, .fini = stop);

static long long sweep(int window, int done_max) {
    struct command command = COMMAND_EMPTY;
    command_begin_script(&command, &sweep_stream, 3);
    command_words(&command, "threats:stream", "threats:lease", "threats:sweep", "soc-workers", "me", NULL);
    command_signed(&command, window);
    command_signed(&command, done_max);
    command_string(&command, "threat:");
    const redisReply *reply = redis_send(&command);
    cr_assert_eq(reply->type, REDIS_REPLY_INTEGER, "%s", reply->str);
    command_fini(&command);
    return reply->integer;
}

static void trim(void) {
    struct command command = COMMAND_EMPTY;
    redis_do("DEL threats:lease");
    command_begin_script(&command, &trim_stream, 4);
    command_words(&command, "threats:stream", "threats:lease", "threats:completed", "threats:failed",
                  "soc-workers", "me", "60000", "threat:", "__released", "0", "", NULL);
    cr_assert_neq(redis_send(&command)->type, REDIS_REPLY_ERROR);
    command_fini(&command);
}

static void acknowledge(int from, int to) {
    for (int i = from; i <= to; i++)
        redis_do("XACK threats:stream soc-workers %d-0", i);
}

Test(sweep_script, frees_what_a_straggler_pins_window_by_window) {
    add_up_to(50);
    deliver(40);
    acknowledge(2, 40);
    trim();
    cr_assert_eq(redis_number("XLEN threats:stream"), 50, "trimming reaches nothing");
    cr_assert_eq(sweep(10, 20), 1);
    cr_assert_eq(redis_number("XLEN threats:stream"), 41);
    expect_redis_text("10-0", "GET threats:sweep");
    cr_assert_eq(sweep(10, 20), 1);
    cr_assert_eq(sweep(10, 20), 0, "what is left may stay");
    cr_assert_eq(redis_number("XLEN threats:stream"), 31);
    cr_assert_eq(lag(), 10);
    cr_assert_eq(sweep(10, 0), 1);
    cr_assert_eq(sweep(10, 0), 0, "the end of what is delivered: the next look begins at the start");
    cr_assert_eq(redis_number("EXISTS threats:sweep"), 0);
    cr_assert_eq(redis_number("XLEN threats:stream"), 12, "the straggler, the last delivered, the unread");
    cr_assert_eq(lag(), 10);
    cr_assert_eq(pending_of(NULL), 1);
}

Test(sweep_script, does_nothing_without_the_lease_or_with_another_group_or_an_unknown_lag) {
    add_up_to(20);
    deliver(10);
    acknowledge(2, 10);
    cr_assert_eq(sweep(10, 0), -1);
    redis_do("SET threats:lease other");
    cr_assert_eq(sweep(10, 0), -1);
    redis_do("SET threats:lease me");
    redis_do("XGROUP CREATE threats:stream archive 0");
    cr_assert_eq(sweep(10, 0), 0);
    redis_do("XGROUP DESTROY threats:stream archive");
    redis_do("XDEL threats:stream 15-0");
    cr_assert_eq(lag(), -1);
    cr_assert_eq(sweep(10, 0), 0);
    cr_assert_eq(redis_number("XLEN threats:stream"), 19);
}

Test(sweep_script, pending_entries_that_outsiders_deleted_hide_none_that_is_there) {
    add_up_to(30);
    deliver(30);
    redis_do("XDEL threats:stream 2-0 3-0 4-0 5-0 6-0 7-0 8-0 9-0");
    acknowledge(20, 30);
    redis_do("SET threats:lease me");
    while (sweep(4, -100) == 1)
        continue;
    cr_assert_eq(redis_number("XLEN threats:stream"), 12, "1, 10 to 19, and the last delivered");
}

Test(sweep_script, what_the_group_passed_over_is_not_finished) {
    for (int i = 1; i <= 6; i++)
        redis_do("XADD threats:stream %d-0 v 1 id t%d signal {}", i, i);
    redis_do("HSET threat:t1 entry 1-0 data {}");
    redis_do("HSET threat:t2 entry 2-0");
    redis_do("HSET threat:t3 entry 9-9");
    redis_do("SET threat:t4 text");
    redis_do("XGROUP SETID threats:stream soc-workers 6-0 ENTRIESREAD 6");
    redis_do("SET threats:lease me");
    cr_assert_eq(sweep(10, 0), 0);
    const redisReply *left = redis_ask("XRANGE threats:stream - +");
    cr_assert_eq(left->elements, 2);
    cr_assert_str_eq(left->element[0]->element[0]->str, "2-0");
}

static void finish_some(void) {
    for (int i = delivered; i > 0 && i > delivered - 300; i--)
        if (states[i] == ENTRY_PENDING && i % 97 != 1 && random_below(3) == 0)
            finish_entry(i);
}

static void deliver_some(void) {
    int count = 1 + (int)random_below(6);
    deliver(count);
    note_delivered(count);
}

/* Stragglers all over, entries finished in any order, trimmed and swept: nothing unfinished is lost, lag is
 * always true, and little stays that is finished. */
Test(sweep_script, nothing_unfinished_is_ever_lost) {
    redis_do("SET threats:lease me");
    for (int step = 0; step < 4000; step++) {
        switch (random_below(5)) {
        case 0:
            if (added < ENTRIES_MAX - 6)
                add_up_to(added += (int)random_below(6));
            break;
        case 1: deliver_some(); break;
        case 2: finish_some(); break;
        case 3: sweep(1 + (int)random_below(20), (int)random_below(30)); break;
        default:
            if (random_below(10) == 0)
                trim();
        }
        if (step % 20 == 0)
            expect_truthful();
    }
    cr_assert_gt(delivered, 1000);
    for (int i = 1; i <= delivered; i++)
        if (i % 97 != 1 && states[i] == ENTRY_PENDING)
            finish_entry(i);
    redis_do("DEL threats:sweep");
    while (sweep(50, 0) == 1)
        continue;
    expect_truthful();
    cr_assert_leq(redis_number("XLEN threats:stream") - lag() - pending_of(NULL), 1);
}

/* Of the server, on average since the last reset. */
static double look_us(void) {
    const char *stat = strstr(redis_ask("INFO commandstats")->str, "cmdstat_evalsha:");
    cr_assert_not_null(stat);
    return strtod(strstr(stat, "usec_per_call=") + 14, NULL);
}

/* The quickest ten of many: others share the machine. */
Test(sweep_script, one_look_takes_less_than_a_few_ms) {
    char signal[600];
    memset(signal, 'x', sizeof(signal) - 1);
    signal[sizeof(signal) - 1] = '\0';
    redis_do("EVAL %s 1 threats:stream %s",
             "for i = 1, 20000 do redis.call('XADD', KEYS[1], i .. '-0', 'v', '1', 'signal', ARGV[1]) end",
             signal);
    deliver(20000);
    redis_do("EVAL %s 1 threats:stream",
             "for i = 2, 19999 do redis.call('XACK', KEYS[1], 'soc-workers', i .. '-0') end");
    redis_do("SET threats:lease me");
    double shortest = 1e9;
    bool more = true;
    while (more) {
        redis_do("CONFIG RESETSTAT");
        for (int i = 0; i < 10 && more; i++)
            more = sweep(200, 100) == 1;
        double us = look_us();
        shortest = us < shortest ? us : shortest;
    }
    cr_log_info("a look of 200 entries takes %.0f us\n", shortest);
    cr_assert_leq(shortest, 1500);
    cr_assert_leq(redis_number("XLEN threats:stream"), 300);
}
