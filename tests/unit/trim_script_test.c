/* worker/intake/trim_stream.lua on a real server. */
#include <criterion/criterion.h>

#include "tests/unit/entry_lives.h"
#include "tests/unit/random_bytes.h"
#include "tests/unit/stream_steps.h"

static struct script trim_stream;

static void start(void) {
    private_redis_start();
    script_load(&trim_stream, "trim_stream");
    redis_do("XGROUP CREATE threats:stream soc-workers 0 MKSTREAM");
}

static void stop(void) {
    private_redis_forget();
    private_redis_stop();
    script_unload(&trim_stream);
}

TestSuite(trim_script, .timeout = 120, .init = start, .fini = stop);

static char unaccounted[32] = "0", looked_to[32] = "";
static long long repaired;

/* Answers how many were taken back; -1 when it was not ours to do. */
static long long trim_and_take_back(long long *trimmed) {
    struct command command = COMMAND_EMPTY;
    command_begin_script(&command, &trim_stream, 4);
    command_words(&command, "threats:stream", "threats:lease", "threats:completed", "threats:failed",
                  "soc-workers", "me", "60000", "threat:", "__released", unaccounted, looked_to, NULL);
    const redisReply *reply = redis_send(&command);
    command_fini(&command);
    *trimmed = 0;
    if (!reply_is_array(reply, 5))
        return -1;
    snprintf(unaccounted, sizeof(unaccounted), "%s", reply->element[2]->str);
    snprintf(looked_to, sizeof(looked_to), "%s", reply->element[3]->str);
    *trimmed = reply_integer(reply->element[0], -1);
    repaired = reply_integer(reply->element[4], -1);
    return reply_integer(reply->element[1], -1);
}

static long long trim(void) {
    long long trimmed;
    cr_assert_leq(trim_and_take_back(&trimmed), 0, "nothing was passed over");
    return trimmed;
}

static long long trim_anew(void) {
    redis_do("DEL threats:lease");
    return trim();
}

Test(trim_script, one_trims_while_the_lease_holds) {
    add_many(10);
    deliver("w1", 10);
    redis_do("XACK threats:stream soc-workers 1-0 2-0 3-0");
    cr_assert_eq(trim(), 3);
    expect_redis_text("me", "GET threats:lease");
    cr_assert_gt(redis_number("PTTL threats:lease"), 0);
    redis_do("XACK threats:stream soc-workers 4-0");
    cr_assert_eq(trim(), 0);
    cr_assert_eq(redis_number("XLEN threats:stream"), 7);
    cr_assert_eq(trim_anew(), 1);
}

Test(trim_script, what_is_pending_or_unread_stays) {
    add_many(10);
    cr_assert_eq(trim(), 0, "nothing was read");
    cr_assert_eq(redis_number("XLEN threats:stream"), 10);
    deliver("w1", 6);
    cr_assert_eq(trim_anew(), 0, "all read is pending");
    redis_do("XACK threats:stream soc-workers 1-0 2-0 4-0 5-0 6-0");
    cr_assert_eq(trim_anew(), 2, "one straggler holds what is behind it");
    cr_assert_eq(redis_number("XLEN threats:stream"), 8);
    redis_do("XACK threats:stream soc-workers 3-0");
    cr_assert_eq(trim_anew(), 3, "the last delivered entry stays");
    cr_assert_eq(redis_number("XLEN threats:stream"), 5);
    cr_assert_eq(lag(), 4);
    deliver("w1", 10);
    redis_do("XACK threats:stream soc-workers 7-0 8-0 9-0 10-0");
    cr_assert_eq(trim_anew(), 4);
    cr_assert_eq(redis_number("XLEN threats:stream"), 1);
    cr_assert_eq(lag(), 0);
    add("11-0");
    cr_assert_eq(lag(), 1);
}

Test(trim_script, another_group_stops_it) {
    add_many(5);
    deliver("w1", 5);
    redis_do("XACK threats:stream soc-workers 1-0 2-0 3-0 4-0 5-0");
    redis_do("XGROUP CREATE threats:stream archive 0");
    cr_assert_eq(trim(), 0);
    cr_assert_eq(redis_number("XLEN threats:stream"), 5);
}

/* --- a lag that Redis lost --- */

static void finish_up_to(int last) {
    for (int i = 1; i <= last; i++)
        redis_do("XACK threats:stream soc-workers %d-0", i);
}

Test(trim_script, a_lag_that_cannot_be_is_set_right_once_all_is_delivered) {
    redis_do("MSET threats:completed 0 threats:failed 0");
    add_many(10);
    deliver("w1", 4);
    finish_up_to(4);
    redis_do("SET threats:completed 4");
    redis_do("XTRIM threats:stream MAXLEN 2");
    cr_assert_eq(lag(), 6, "two are there");
    trim();
    cr_assert_eq(repaired, 0, "not all was delivered");
    deliver("w1", 10);
    cr_assert_eq(lag(), 4, "Redis goes on with what it has");
    trim_anew();
    cr_assert_eq(repaired, 4);
    cr_assert_eq(lag(), 0);
    cr_assert_str_eq(unaccounted, "4", "what was trimmed unread, known now");
    cr_assert_eq(pending_of("w1"), 2);
    add("11-0");
    cr_assert_eq(lag(), 1);
    trim_anew();
    cr_assert_eq(repaired, 0, "a true lag is left alone");
}

Test(trim_script, a_lag_that_a_promoted_replica_begins_with_is_set_right) {
    add_many(8);
    deliver("w1", 8);
    redis_do("XGROUP SETID threats:stream soc-workers 8-0 ENTRIESREAD 3");
    cr_assert_eq(lag(), 5);
    trim();
    cr_assert_eq(repaired, 5);
    cr_assert_eq(lag(), 0);
    redis_do("XGROUP SETID threats:stream soc-workers 8-0 ENTRIESREAD 20");
    cr_assert_eq(lag(), -12);
    trim_anew();
    cr_assert_eq(repaired, -12);
    cr_assert_eq(lag(), 0);
    redis_do("XGROUP SETID threats:stream soc-workers 8-0 ENTRIESREAD 3");
    redis_do("XGROUP CREATE threats:stream archive 0");
    trim_anew();
    redis_do("XGROUP DESTROY threats:stream archive");
    cr_assert_eq(lag(), 5, "another group reads the stream: not ours to touch");
}

Test(trim_script, works_out_of_memory) {
    add_many(5);
    deliver("w1", 5);
    redis_do("XACK threats:stream soc-workers 1-0 2-0");
    redis_do("SETRANGE ballast 2097152 x");
    redis_do("CONFIG SET maxmemory 1mb");
    redis_do("XGROUP SETID threats:stream soc-workers 5-0 ENTRIESREAD 1");
    cr_assert_eq(trim(), 2);
    cr_assert_eq(repaired, 4);
}

/* --- what the group passed over --- */

static void add_threats(int from, int to) {
    for (int i = from; i <= to; i++) {
        redis_do("XADD threats:stream %d-0 v 1 id t%d", i, i);
        redis_do("HSET threat:t%d entry %d-0", i, i);
    }
}

static void finish(int from, int to) {
    for (int i = from; i <= to; i++) {
        redis_do("HSET threat:t%d data {}", i);
        redis_do("XACK threats:stream soc-workers %d-0", i);
        redis_do("INCR threats:completed");
    }
}

static void move_group_to_end(void) {
    redis_do("XGROUP DESTROY threats:stream soc-workers");
    redis_do("XGROUP CREATE threats:stream soc-workers $");
}

/* Answers how many looks it took. */
static int trim_through(long long expected_trimmed, long long expected_taken) {
    long long trimmed = 0, taken = 0;
    int looks = 0;
    do {
        long long now;
        redis_do("DEL threats:lease");
        taken += trim_and_take_back(&now);
        trimmed += now;
        looks++;
    } while (looked_to[0] != '\0');
    cr_assert_eq(trimmed, expected_trimmed, "trimmed %lld", trimmed);
    cr_assert_eq(taken, expected_taken, "taken back %lld", taken);
    return looks;
}

Test(trim_script, what_the_group_passed_over_is_taken_back_and_stays_accounted_for) {
    redis_do("MSET threats:completed 0 threats:failed 0");
    add_threats(1, 10);
    deliver("w1", 6);
    finish(1, 4);
    move_group_to_end();
    trim_through(4, 6);
    cr_assert_str_eq(unaccounted, "0");
    const redisReply *pending = redis_ask("XPENDING threats:stream soc-workers - + 20 __released");
    cr_assert_eq(pending->elements, 6);
    cr_assert(text_is(reply_text(pending->element[0]->element[0]), "5-0"));
    cr_assert_eq(reply_integer(pending->element[0]->element[3], -1), 0, "not delivered yet");
    cr_assert_eq(lag(), 0);
    trim_through(0, 0);
}

Test(trim_script, a_long_stream_is_looked_at_in_steps_and_not_trimmed_before) {
    redis_do("MSET threats:completed 0 threats:failed 0");
    add_threats(1, 4500);
    deliver("w1", 4400);
    finish(1, 4390);
    move_group_to_end();
    cr_assert_eq(trim_through(4390, 110), 3);
    cr_assert_eq(redis_number("XLEN threats:stream"), 110);
}

Test(trim_script, entries_that_are_lost_are_looked_for_once) {
    redis_do("MSET threats:completed 0 threats:failed 0");
    add_threats(1, 10);
    deliver("w1", 10);
    redis_do("XACK threats:stream soc-workers 1-0 2-0");
    redis_do("XDEL threats:stream 1-0 2-0");
    finish(3, 9);
    trim_through(7, 0);
    cr_assert_str_eq(unaccounted, "2");
    redis_do("HDEL threat:t9 data");
    redis_do("DEL threats:lease");
    cr_assert_eq(trim(), 0, "the account says what it said: no look");
}

Test(trim_script, what_has_no_record_or_another_entry_is_not_taken_back) {
    redis_do("MSET threats:completed 0 threats:failed 0");
    add_threats(1, 3);
    redis_do("DEL threat:t1");
    redis_do("HSET threat:t2 entry 99-0");
    redis_do("DEL threat:t3");
    redis_do("SET threat:t3 text");
    add("4-0");
    move_group_to_end();
    trim_through(3, 0);
}

Test(trim_script, an_unknown_account_is_looked_at_every_time) {
    add_threats(1, 4);
    move_group_to_end();
    trim_through(0, 4);
    cr_assert_str_eq(unaccounted, "");
}

/* Random adding, reading, acknowledging in any order and trimming: nothing unfinished is lost, lag is always
 * true. */
Test(trim_script, nothing_unfinished_is_ever_lost) {
    for (int step = 0; step < 2000; step++) {
        char entry[16];
        switch (random_below(4)) {
        case 0:
            for (uint64_t k = random_below(4); k > 0 && added < ENTRIES_MAX; k--) {
                snprintf(entry, sizeof(entry), "%d-0", ++added);
                add(entry);
            }
            break;
        case 1: {
            int count = 1 + (int)random_below(3);
            deliver("w1", count);
            note_delivered(count);
            break;
        }
        case 2:
            for (int i = delivered; i > 0; i--)
                if (states[i] == ENTRY_PENDING && random_below(3) == 0)
                    finish_entry(i);
            break;
        default: trim_anew(); expect_truthful();
        }
    }
    cr_assert_gt(delivered, 500);
    cr_assert_lt(redis_number("XLEN threats:stream"), added / 2);
}
