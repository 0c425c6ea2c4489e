/* api/backlog: the script on a real server, what is made of its answer, and who is let in. */
#include <criterion/criterion.h>

#include "api/backlog/admission.h"
#include "api/backlog/sample.h"
#include "tests/unit/private_redis.h"

static struct script read_backlog;

static void start(void) {
    private_redis_start();
    script_load(&read_backlog, "read_backlog");
}

static void stop(void) {
    private_redis_forget();
    private_redis_stop();
    script_unload(&read_backlog);
}

TestSuite(backlog_script, .timeout = 60, .init = start, .fini = stop);

static struct backlog_sample take_sample_naming(int most) {
    struct backlog_sample sample;
    struct command command = COMMAND_EMPTY;
    command_begin_script(&command, &read_backlog, 5);
    command_words(&command, "threats:stream", "threats:dead", "threats:workers", "threats:completed",
                  "threats:failed", "soc-workers", NULL);
    command_signed(&command, most);
    const redisReply *reply = redis_send(&command);
    command_fini(&command);
    cr_assert(sample_read(reply, &sample), "%s", reply->str == NULL ? "?" : reply->str);
    return sample;
}

static struct backlog_sample take_sample(void) {
    return take_sample_naming(0);
}

static void add(const char *entry) {
    redis_do("XADD threats:stream %s v 1 received_at 1763696000000", entry);
}

static void add_five(void) {
    static const char *const ids[] = {"1-0", "2-0", "3-0", "4-0", "5-0"};
    redis_do("XGROUP CREATE threats:stream soc-workers 0 MKSTREAM");
    for (size_t i = 0; i < 5; i++)
        add(ids[i]);
}

static void deliver(int count) {
    redis_ask("XREADGROUP GROUP soc-workers w1 COUNT %d STREAMS threats:stream >", count);
}

/* A lag of -1 is one that is not told; then the outstanding figure is an upper bound. */
static void expect_queue(int64_t lag, int64_t pending, int64_t outstanding, bool exact) {
    struct backlog_sample sample = take_sample();
    cr_assert_eq(sample.lag, lag, "lag %lld", (long long)sample.lag);
    cr_assert_eq(sample.pending, pending);
    cr_assert_eq(sample_outstanding(&sample), outstanding);
    cr_assert_eq(sample_is_exact(&sample), exact);
}

/* --- what is there and what is not --- */

Test(backlog_script, nothing_at_all_is_an_empty_backlog) {
    struct backlog_sample sample = take_sample();
    int64_t unaccounted;
    cr_assert_eq(sample_outstanding(&sample), 0);
    cr_assert_not(sample.group_there);
    cr_assert_eq(sample.oldest_waiting_ms, -1);
    cr_assert_eq(sample.oldest_pending_ms, -1);
    cr_assert_not(sample_unaccounted(&sample, &unaccounted), "nobody counts yet");
}

Test(backlog_script, without_a_group_all_that_is_there_waits) {
    add("1-0");
    add("2-0");
    expect_queue(-1, 0, 2, false);
}

Test(backlog_script, waiting_and_pending_are_told_with_their_ages) {
    add_five();
    deliver(2);
    redis_do("XADD threats:dead * reason poison");
    struct backlog_sample sample = take_sample();
    expect_queue(3, 2, 5, true);
    cr_assert_eq(sample.dead_letters, 1);
    cr_assert_eq(sample.received, 5);
    cr_assert_eq(sample.oldest_pending_ms, sample.now_ms - 1);
    cr_assert_eq(sample.oldest_waiting_ms, sample.now_ms - 3);
    cr_assert_eq(sample.stream_ahead_ms, 0);
}

Test(backlog_script, consumers_are_named_up_to_a_bound_and_the_busy_ones_first) {
    static const int order[] = {1, 5, 0, 2};
    add_five();
    for (int i = 0; i < 6; i++)
        redis_do("XGROUP CREATECONSUMER threats:stream soc-workers w%d", i);
    redis_do("HSET threats:workers w5 7");
    deliver(2);
    redis_ask("XREADGROUP GROUP soc-workers w5 COUNT 1 STREAMS threats:stream >");
    struct backlog_sample sample = take_sample_naming(4);
    cr_assert_eq(sample.consumers, 6);
    cr_assert_eq(sample.named->elements, 4);
    for (size_t i = 0; i < 4; i++) {
        const redisReply *row = sample.named->element[i];
        char name[8];
        snprintf(name, sizeof(name), "w%d", order[i]);
        cr_assert(text_is(reply_text(row->element[0]), name));
        cr_assert_eq(reply_integer(row->element[1], -1), order[i] == 5 ? 1 : order[i] == 1 ? 2 : 0);
        cr_assert_eq(reply_integer(row->element[3], -1), order[i] == 5);
    }
}

Test(backlog_script, a_poisoned_stream_clock_is_told_and_ages_come_from_the_arrival) {
    redis_do("XGROUP CREATE threats:stream soc-workers 0 MKSTREAM");
    add("9999999999999-0");
    add("*");
    deliver(1);
    struct backlog_sample sample = take_sample();
    cr_assert_gt(sample.stream_ahead_ms, INT64_C(1000) * 3600 * 24 * 365 * 100);
    cr_assert_eq(sample.oldest_pending_ms, sample.now_ms - INT64_C(1763696000000));
    cr_assert_eq(sample.oldest_waiting_ms, sample.now_ms - INT64_C(1763696000000));
}

Test(backlog_script, a_full_redis_answers_and_a_wrong_type_is_told) {
    struct command command = COMMAND_EMPTY;
    add_five();
    redis_do("CONFIG SET maxmemory 1");
    expect_queue(5, 0, 5, true);
    redis_do("CONFIG SET maxmemory 0");
    redis_do("DEL threats:stream");
    redis_do("SET threats:stream text");
    command_begin_script(&command, &read_backlog, 5);
    command_words(&command, "threats:stream", "d", "w", "c", "f", "soc-workers", "0", NULL);
    cr_assert_eq(reply_status(redis_send(&command)), STATUS_WRONG_TYPE);
    command_fini(&command);
}

/* --- Redis' lag, true, lost and wrong --- */

Test(backlog_script, an_unread_entry_deleted_takes_the_lag_away_until_it_is_passed) {
    add_five();
    deliver(2);
    redis_do("XDEL threats:stream 4-0");
    expect_queue(-1, 2, 4, false);
    deliver(5);
    expect_queue(0, 4, 4, true);
    add("6-0");
    expect_queue(1, 4, 5, true);
}

Test(backlog_script, deleting_the_last_delivered_one_takes_the_lag_away) {
    add_five();
    deliver(2);
    redis_do("XACK threats:stream soc-workers 1-0 2-0");
    redis_do("XDEL threats:stream 1-0");
    expect_queue(3, 0, 3, true);
    redis_do("XDEL threats:stream 2-0");
    expect_queue(3, 0, 3, true);
    redis_do("XDEL threats:stream 4-0");
    expect_queue(-1, 0, 2, false);
}

Test(backlog_script, a_lag_above_the_length_is_no_lag) {
    add_five();
    deliver(1);
    redis_do("XTRIM threats:stream MAXLEN 1");
    expect_queue(-1, 1, 1, false);
}

Test(backlog_script, a_lag_after_everything_was_delivered_is_no_lag) {
    add_five();
    deliver(1);
    redis_do("XTRIM threats:stream MAXLEN 1");
    deliver(1);
    expect_queue(-1, 2, 2, false);
}

/* After what was trimmed unread, more entries than the wrong lag stand in the stream. */
static void trim_unread_then_add(int read, int acknowledged_more) {
    add_five();
    deliver(1);
    redis_do("XTRIM threats:stream MAXLEN 1");
    deliver(1);
    for (int i = 6; i < 6 + acknowledged_more; i++)
        redis_do("XADD threats:stream %d-0 v 1", i);
    deliver(read);
}

Test(backlog_script, a_wrong_lag_is_known_by_counting_what_is_unread) {
    trim_unread_then_add(20, 30);
    expect_queue(-1, 22, 31, false);
    deliver(10);
    expect_queue(-1, 32, 32, false);
}

Test(backlog_script, a_wrong_lag_is_known_by_counting_what_was_read) {
    trim_unread_then_add(20, 400);
    expect_queue(-1, 22, 401, false);
}

Test(backlog_script, a_true_lag_is_true_whichever_side_is_counted) {
    redis_do("XGROUP CREATE threats:stream soc-workers 0 MKSTREAM");
    for (int i = 1; i <= 500; i++)
        redis_do("XADD threats:stream %d-0 v 1", i);
    expect_queue(500, 0, 500, true);
    deliver(50);
    expect_queue(450, 50, 500, true);
    deliver(200);
    expect_queue(250, 250, 500, true);
    deliver(200);
    expect_queue(50, 450, 500, true);
    deliver(50);
    expect_queue(0, 500, 500, true);
}

Test(backlog_script, a_group_made_in_the_middle_knows_no_lag) {
    redis_do("XADD threats:stream 1-0 v 1");
    add("2-0");
    add("3-0");
    redis_do("XGROUP CREATE threats:stream soc-workers 2-0");
    expect_queue(-1, 0, 3, false);
    redis_do("XGROUP SETID threats:stream soc-workers 2-0 ENTRIESREAD 2");
    expect_queue(1, 0, 1, true);
}

/* --- the account --- */

static int64_t unaccounted_now(void) {
    struct backlog_sample sample = take_sample();
    int64_t unaccounted = INT64_MIN;
    cr_assert(sample_unaccounted(&sample, &unaccounted));
    return unaccounted;
}

Test(backlog_script, the_account_is_even_until_something_is_lost_or_comes_again) {
    add_five();
    redis_do("MSET threats:completed 0 threats:failed 0");
    cr_assert_eq(unaccounted_now(), 0);
    deliver(3);
    redis_do("XACK threats:stream soc-workers 1-0 2-0");
    redis_do("MSET threats:completed 1 threats:failed 1");
    cr_assert_eq(unaccounted_now(), 0);
    redis_do("XACK threats:stream soc-workers 3-0");
    cr_assert_eq(unaccounted_now(), 1, "acknowledged, and nobody finished it");
    redis_do("SET threats:completed 2");
    redis_do("XGROUP DESTROY threats:stream soc-workers");
    redis_do("XGROUP CREATE threats:stream soc-workers 0");
    cr_assert_eq(unaccounted_now(), -3, "three finished ones come again");
    expect_queue(5, 0, 5, false);
}

/* --- admission --- */

Test(admission, the_backlog_counts_what_was_taken_since_the_sample) {
    struct admission admission;
    admission_init(&admission, 10, 80);
    for (int i = 0; i < 6; i++)
        admission_count(&admission);
    admission_ask(&admission);
    for (int i = 0; i < 3; i++)
        admission_count(&admission);
    cr_assert_eq(admission_judge(&admission), STATUS_OK);
    admission_learn(&admission, 6);
    cr_assert_eq(admission_judge(&admission), STATUS_OK, "6 of the sample and 3 behind it");
    admission_count(&admission);
    cr_assert_eq(admission_judge(&admission), STATUS_OVERLOADED);
    admission_ask(&admission);
    admission_learn(&admission, 2);
    cr_assert_eq(admission_judge(&admission), STATUS_OK);
}

Test(admission, memory_closes_at_its_limit_and_opens_some_way_below) {
    static const struct {
        int64_t used;
        enum status expected;
    } steps[] = {{790, STATUS_OK},        {800, STATUS_NO_MEMORY}, {760, STATUS_NO_MEMORY},
                 {750, STATUS_NO_MEMORY}, {749, STATUS_OK},        {799, STATUS_OK}};
    struct admission admission;
    admission_init(&admission, 10, 80);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        admission_learn_memory(&admission, steps[i].used, 1000);
        cr_assert_eq(admission_judge(&admission), steps[i].expected, "step %zu", i);
    }
    admission_note_full(&admission);
    cr_assert_eq(admission_judge(&admission), STATUS_NO_MEMORY);
    admission_learn_memory(&admission, 100, 1000);
    cr_assert_eq(admission_judge(&admission), STATUS_OK);
}

Test(admission, without_a_limit_of_redis_memory_forbids_nothing) {
    struct admission admission;
    admission_init(&admission, 10, 80);
    admission_learn_memory(&admission, 1 << 30, 0);
    cr_assert_eq(admission_judge(&admission), STATUS_OK);
    cr_assert_eq(admission_memory_percent(&admission), -1);
    admission_note_full(&admission);
    admission_learn_memory(&admission, 1 << 30, 0);
    cr_assert_eq(admission_judge(&admission), STATUS_OK, "the limit was lifted");
}

Test(admission, why_signals_are_refused_is_told_in_figures) {
    struct admission admission;
    struct buffer out = BUFFER_EMPTY;
    admission_init(&admission, 10, 80);
    admission_explain(&admission, &out);
    cr_assert_eq(out.len, 0);
    admission_learn(&admission, 12);
    admission_explain(&admission, &out);
    cr_assert(text_is(buffer_text(&out), "12 threats wait, and at most 10 may"));
    buffer_clear(&out);
    admission_learn_memory(&admission, 83, 100);
    admission_explain(&admission, &out);
    cr_assert(text_is(buffer_text(&out),
                      "83 % of the store's memory is used, and from 80 % on it is kept for what was "
                      "taken before. Analyses go on"));
    buffer_clear(&out);
    admission_learn_memory(&admission, 10, 100);
    admission_note_full(&admission);
    admission_explain(&admission, &out);
    cr_assert(text_is(buffer_text(&out), "the store is out of memory. Analyses go on"));
    buffer_fini(&out);
}
