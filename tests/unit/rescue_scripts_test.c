/* worker/results/bury_entry.lua and the scripts of worker/intake on a real server. */
#include <criterion/criterion.h>

#include "tests/unit/private_redis.h"
#include "tests/unit/random_bytes.h"

static struct script bury_entry, claim_entries, remove_consumer, trim_stream;

static void start(void) {
    private_redis_start();
    script_load(&bury_entry, "bury_entry");
    script_load(&claim_entries, "claim_entries");
    script_load(&remove_consumer, "remove_consumer");
    script_load(&trim_stream, "trim_stream");
    redis_do("XGROUP CREATE threats:stream soc-workers 0 MKSTREAM");
}

static void stop(void) {
    private_redis_forget();
    private_redis_stop();
    script_unload(&bury_entry);
    script_unload(&claim_entries);
    script_unload(&remove_consumer);
    script_unload(&trim_stream);
}

static void add(const char *entry) {
    redis_do("XADD threats:stream %s v 1 signal {}", entry);
}

/* Delivers up to `count` new entries. */
static void deliver(const char *consumer, int count) {
    redis_ask("XREADGROUP GROUP soc-workers %s COUNT %d STREAMS threats:stream >", consumer, count);
}

/* --- bury_entry --- */

TestSuite(bury_script, .timeout = 60, .init = start, .fini = stop);

static const redisReply *bury(const char *consumer, const char *entry, const char *deliveries,
                              const char *signal, const char *id) {
    struct command command = COMMAND_EMPTY;
    char key[64];
    command_begin_script(&command, &bury_entry, id[0] == '\0' ? 3 : 5);
    command_words(&command, "threats:stream", "threats:dead", "threats:log", NULL);
    if (id[0] != '\0') {
        snprintf(key, sizeof(key), "threat:%s", id);
        command_words(&command, key, "threats:by_created", NULL);
    }
    command_words(&command, "soc-workers", consumer, entry, deliveries, "malformed", "read", "1763696000123",
                  signal, id, NULL);
    command_words(&command, id[0] == '\0' ? "" : "1763696000000", id[0] == '\0' ? "" : "{\"record\":1}",
                  id[0] == '\0' ? "" : "row", NULL);
    const redisReply *reply = redis_send(&command);
    command_fini(&command);
    return reply;
}

#define expect_bury(word, ...)                                                                               \
    do {                                                                                                     \
        struct text said = reply_text(bury(__VA_ARGS__));                                                    \
        cr_assert(text_is(said, word), "%.*s", (int)said.len, said.at);                                      \
    } while (0)

static void expect_letter(const char *const *expected, size_t count) {
    const redisReply *letters = redis_ask("XRANGE threats:dead - +");
    cr_assert_eq(letters->elements, 1);
    const redisReply *fields = letters->element[0]->element[1];
    cr_assert_eq(fields->elements, count);
    for (size_t i = 0; i < count; i++)
        cr_assert_str_eq(fields->element[i]->str, expected[i]);
}

Test(bury_script, an_unreadable_entry_becomes_a_letter_only) {
    static const char *const letter[] = {"reason", "malformed", "stage", "read", "deliveries",
                                         "1",      "entry",     "1-0",   "at",   "1763696000123"};
    add("1-0");
    deliver("w1", 1);
    expect_bury("OK", "w1", "1-0", "1", "", "");
    expect_letter(letter, 10);
    cr_assert_eq(pending_of(NULL), 0);
    cr_assert_eq(redis_number("EXISTS threats:log threats:by_created"), 0);
}

Test(bury_script, an_entry_that_names_a_threat_leaves_a_failed_record) {
    static const char *const letter[] = {"reason", "malformed", "stage", "read", "deliveries",
                                         "1",      "entry",     "1-0",   "at",   "1763696000123",
                                         "signal", "{}",        "id",    "t1"};
    add("1-0");
    deliver("w1", 1);
    expect_bury("OK", "w1", "1-0", "1", "{}", "t1");
    expect_letter(letter, 14);
    cr_assert_eq(pending_of(NULL), 0);
    expect_redis_text("{\"record\":1}", "HGET threat:t1 data");
    expect_redis_text("1763696000000", "ZSCORE threats:by_created t1");
    const redisReply *rows = redis_ask("XRANGE threats:log - +");
    cr_assert_eq(rows->elements, 1);
    cr_assert(text_is(reply_text(reply_field(rows->element[0]->element[1], "kind")), "failed"));
    cr_assert(text_is(reply_text(reply_field(rows->element[0]->element[1], "id")), "t1"));
    cr_assert(text_is(reply_text(reply_field(rows->element[0]->element[1], "row")), "row"));
}

Test(bury_script, only_the_owner_at_its_delivery_may_bury) {
    for (int i = 1; i <= 3; i++) {
        char entry[8];
        snprintf(entry, sizeof(entry), "%d-0", i);
        add(entry);
    }
    deliver("w1", 3);
    expect_bury("FENCED", "w2", "1-0", "1", "{}", "t1");
    expect_bury("FENCED", "w1", "1-0", "2", "{}", "t1");
    redis_do("XCLAIM threats:stream soc-workers w1 0 2-0");
    expect_bury("FENCED", "w1", "2-0", "1", "{}", "t1");
    redis_do("XACK threats:stream soc-workers 3-0");
    expect_bury("GONE", "w1", "3-0", "1", "{}", "t1");
    expect_bury("GONE", "w1", "9-9", "1", "{}", "t1");
    cr_assert_eq(redis_number("EXISTS threats:dead threats:log threats:by_created threat:t1"), 0);
    cr_assert_eq(pending_of("w1"), 2);
    expect_bury("OK", "w1", "2-0", "2", "{}", "t1");
    expect_bury("GONE", "w1", "2-0", "2", "{}", "t1");
    cr_assert_eq(redis_number("XLEN threats:dead"), 1);
}

Test(bury_script, an_entry_whose_content_is_gone_can_be_buried) {
    add("1-0");
    add("2-0");
    deliver("w1", 1);
    redis_do("XDEL threats:stream 1-0");
    expect_bury("OK", "w1", "1-0", "1", "", "");
    cr_assert_eq(pending_of(NULL), 0);
    cr_assert_eq(redis_number("XLEN threats:dead"), 1);
}

Test(bury_script, works_out_of_memory) {
    add("1-0");
    deliver("w1", 1);
    redis_do("SETRANGE ballast 2097152 x");
    redis_do("CONFIG SET maxmemory 1mb");
    cr_assert_eq(reply_status(redis_ask("SET any thing")), STATUS_NO_MEMORY);
    expect_bury("OK", "w1", "1-0", "1", "{}", "t1");
    cr_assert_eq(pending_of(NULL), 0);
}

Test(bury_script, a_bad_key_leaves_the_entry_pending) {
    add("1-0");
    deliver("w1", 1);
    redis_do("SET threat:t1 text");
    cr_assert_eq(reply_status(bury("w1", "1-0", "1", "{}", "t1")), STATUS_WRONG_TYPE);
    cr_assert_eq(redis_number("EXISTS threats:dead threats:log threats:by_created"), 0);
    cr_assert_eq(pending_of("w1"), 1);
    expect_bury("OK", "w1", "1-0", "1", "{}", "");
    cr_assert_eq(pending_of(NULL), 0);
}

/* --- claim_entries --- */

TestSuite(claim_script, .timeout = 60, .init = start, .fini = stop);

static const redisReply *claim(const char *owner, const char *heartbeat, int most) {
    struct command command = COMMAND_EMPTY;
    command_begin_script(&command, &claim_entries, 2);
    command_words(&command, "threats:stream", "threats:workers", "soc-workers", "me", owner, heartbeat, NULL);
    command_signed(&command, most);
    const redisReply *reply = redis_send(&command);
    cr_assert(reply_is_array(reply, 0), "%s", reply->str);
    command_fini(&command);
    return reply;
}

static void add_many(int count) {
    for (int i = 1; i <= count; i++) {
        char entry[16];
        snprintf(entry, sizeof(entry), "%d-0", i);
        add(entry);
    }
}

Test(claim_script, a_heartbeat_that_moved_protects_its_owner) {
    add_many(3);
    deliver("w1", 3);
    redis_do("HSET threats:workers w1 8");
    cr_assert_eq(claim("w1", "7", 10)->elements, 0);
    cr_assert_eq(claim("w1", "", 10)->elements, 0, "a heartbeat that came into being protects too");
    cr_assert_eq(pending_of("w1"), 3);
    redis_do("HDEL threats:workers w1");
    cr_assert_eq(claim("w1", "8", 10)->elements, 0, "and one that went away tells of a change");
    cr_assert_eq(pending_of("me"), 0);
}

static void expect_taken(const redisReply *taken, const char *const *entries, const long long *deliveries,
                         size_t count) {
    cr_assert_eq(taken->elements, 3 * count);
    for (size_t i = 0; i < count; i++) {
        cr_assert_str_eq(taken->element[3 * i]->str, entries[i]);
        cr_assert_eq(reply_integer(taken->element[3 * i + 1], -1), deliveries[i]);
        cr_assert(text_is(reply_text(reply_field(taken->element[3 * i + 2], "signal")), "{}"));
    }
}

Test(claim_script, takes_the_owners_entries_with_their_next_delivery) {
    add_many(5);
    deliver("w1", 3);
    deliver("w2", 2);
    redis_do("HSET threats:workers w1 7 w2 1");
    static const char *const entries[] = {"1-0", "2-0", "3-0"};
    static const long long deliveries[] = {2, 2, 2};
    expect_taken(claim("w1", "7", 10), entries, deliveries, 3);
    const redisReply *pending = redis_ask("XPENDING threats:stream soc-workers - + 10 me");
    cr_assert_eq(pending->elements, 3);
    for (size_t i = 0; i < 3; i++)
        cr_assert_eq(reply_integer(pending->element[i]->element[3], -1), deliveries[i],
                     "what is told is what Redis counts");
    cr_assert_eq(pending_of("w1"), 0);
    cr_assert_eq(pending_of("w2"), 2, "nobody else is robbed");
    cr_assert_eq(claim("w1", "7", 10)->elements, 0);
}

Test(claim_script, takes_an_entry_alone_that_two_had_before) {
    add_many(4);
    deliver("w1", 4);
    redis_do("XCLAIM threats:stream soc-workers w1 0 2-0 RETRYCOUNT 4");
    redis_do("XCLAIM threats:stream soc-workers w1 0 3-0 RETRYCOUNT 2");
    redis_do("HSET threats:workers w1 7");
    static const char *const innocent[] = {"1-0", "4-0"}, *const first[] = {"2-0"}, *const second[] = {"3-0"};
    static const long long next[] = {2, 2}, fifth[] = {5}, third[] = {3};
    expect_taken(claim("w1", "7", 10), innocent, next, 2);
    expect_taken(claim("w1", "7", 10), first, fifth, 1);
    expect_taken(claim("w1", "7", 10), second, third, 1);
    cr_assert_eq(pending_of("w1"), 0);
}

Test(claim_script, an_owner_without_a_heartbeat_and_a_limit) {
    add_many(5);
    deliver("w1", 5);
    const redisReply *taken = claim("w1", "", 2);
    cr_assert_eq(taken->elements, 6);
    cr_assert_str_eq(taken->element[0]->str, "1-0");
    cr_assert_str_eq(taken->element[3]->str, "2-0");
    cr_assert_eq(pending_of("w1"), 3);
    cr_assert_eq(claim("w1", "", 1)->elements, 3);
    cr_assert_eq(claim("nobody", "", 10)->elements, 0);
}

Test(claim_script, entries_that_were_deleted_are_let_go) {
    add_many(3);
    deliver("w1", 3);
    redis_do("XDEL threats:stream 2-0");
    const redisReply *taken = claim("w1", "", 10);
    cr_assert_eq(taken->elements, 6);
    cr_assert_str_eq(taken->element[0]->str, "1-0");
    cr_assert_str_eq(taken->element[3]->str, "3-0");
    cr_assert_eq(pending_of(NULL), 2);
}

Test(claim_script, two_rescuers_do_not_share_an_entry) {
    add_many(4);
    deliver("w1", 4);
    redis_do("HSET threats:workers w1 7");
    cr_assert_eq(claim("w1", "7", 4)->elements, 12);
    cr_assert_eq(claim("w1", "7", 4)->elements, 0);
    cr_assert_eq(pending_of("me"), 4);
}

/* --- remove_consumer --- */

TestSuite(remove_script, .timeout = 60, .init = start, .fini = stop);

static long long remove_from_group(const char *consumer, const char *heartbeat) {
    struct command command = COMMAND_EMPTY;
    command_begin_script(&command, &remove_consumer, 2);
    command_words(&command, "threats:stream", "threats:workers", "soc-workers", consumer, heartbeat, NULL);
    long long removed = reply_integer(redis_send(&command), -1);
    command_fini(&command);
    return removed;
}

static bool has_consumer(const char *name) {
    const redisReply *consumers = redis_ask("XINFO CONSUMERS threats:stream soc-workers");
    for (size_t i = 0; i < consumers->elements; i++)
        if (text_is(reply_text(reply_field(consumers->element[i], "name")), name))
            return true;
    return false;
}

Test(remove_script, never_with_anything_pending) {
    add_many(2);
    deliver("w1", 2);
    redis_do("HSET threats:workers w1 7");
    cr_assert_eq(remove_from_group("w1", "7"), 0);
    cr_assert_eq(remove_from_group("w1", "*"), 0);
    redis_do("XACK threats:stream soc-workers 1-0");
    cr_assert_eq(remove_from_group("w1", "7"), 0);
    cr_assert(has_consumer("w1"));
    cr_assert_eq(pending_of("w1"), 1);
    expect_redis_text("7", "HGET threats:workers w1");
    redis_do("XACK threats:stream soc-workers 2-0");
    cr_assert_eq(remove_from_group("w1", "7"), 1);
    cr_assert_not(has_consumer("w1"));
    cr_assert_eq(redis_number("HEXISTS threats:workers w1"), 0);
}

Test(remove_script, only_with_the_heartbeat_that_was_seen) {
    redis_do("XGROUP CREATECONSUMER threats:stream soc-workers w1");
    redis_do("XGROUP CREATECONSUMER threats:stream soc-workers w2");
    redis_do("HSET threats:workers w1 8 w2 1");
    cr_assert_eq(remove_from_group("w1", "7"), 0);
    cr_assert_eq(remove_from_group("w1", ""), 0);
    cr_assert(has_consumer("w1"));
    cr_assert_eq(remove_from_group("w1", "*"), 1);
    cr_assert_not(has_consumer("w1"));
    cr_assert(has_consumer("w2"));
    expect_redis_text("1", "HGET threats:workers w2");
    redis_do("HDEL threats:workers w2");
    cr_assert_eq(remove_from_group("w2", "1"), 0);
    cr_assert_eq(remove_from_group("w2", ""), 1);
    cr_assert_not(has_consumer("w2"));
}

Test(remove_script, a_heartbeat_without_a_consumer_goes_too) {
    redis_do("HSET threats:workers w1 7");
    cr_assert_eq(remove_from_group("w1", "7"), 1);
    cr_assert_eq(redis_number("EXISTS threats:workers"), 0);
    cr_assert_eq(remove_from_group("w1", ""), 1, "nothing left to remove is fine");
}

/* --- trim_stream --- */

TestSuite(trim_script, .timeout = 120, .init = start, .fini = stop);

static char unaccounted[32] = "0", looked_to[32] = "";

/* Answers how many were taken back; -1 when it was not ours to do. */
static long long trim_and_take_back(long long *trimmed) {
    struct command command = COMMAND_EMPTY;
    command_begin_script(&command, &trim_stream, 4);
    command_words(&command, "threats:stream", "threats:lease", "threats:completed", "threats:failed",
                  "soc-workers", "me", "60000", "threat:", "__released", unaccounted, looked_to, NULL);
    const redisReply *reply = redis_send(&command);
    command_fini(&command);
    *trimmed = 0;
    if (!reply_is_array(reply, 4))
        return -1;
    snprintf(unaccounted, sizeof(unaccounted), "%s", reply->element[2]->str);
    snprintf(looked_to, sizeof(looked_to), "%s", reply->element[3]->str);
    *trimmed = reply_integer(reply->element[0], -1);
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
    cr_assert_eq(reply_integer(group_field("lag"), -1), 4);
    deliver("w1", 10);
    redis_do("XACK threats:stream soc-workers 7-0 8-0 9-0 10-0");
    cr_assert_eq(trim_anew(), 4);
    cr_assert_eq(redis_number("XLEN threats:stream"), 1);
    cr_assert_eq(reply_integer(group_field("lag"), -1), 0);
    add("11-0");
    cr_assert_eq(reply_integer(group_field("lag"), -1), 1);
}

Test(trim_script, another_group_stops_it) {
    add_many(5);
    deliver("w1", 5);
    redis_do("XACK threats:stream soc-workers 1-0 2-0 3-0 4-0 5-0");
    redis_do("XGROUP CREATE threats:stream archive 0");
    cr_assert_eq(trim(), 0);
    cr_assert_eq(redis_number("XLEN threats:stream"), 5);
}

Test(trim_script, works_out_of_memory) {
    add_many(5);
    deliver("w1", 5);
    redis_do("XACK threats:stream soc-workers 1-0 2-0");
    redis_do("SETRANGE ballast 2097152 x");
    redis_do("CONFIG SET maxmemory 1mb");
    cr_assert_eq(trim(), 2);
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
    cr_assert_eq(reply_integer(group_field("lag"), -1), 0);
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

enum { ENTRIES_MAX = 3000 };
enum entry_state { ENTRY_UNREAD, ENTRY_PENDING, ENTRY_DONE };

static enum entry_state states[ENTRIES_MAX + 1];
static int added, delivered;

static void expect_truthful(void) {
    const redisReply *left = redis_ask("XRANGE threats:stream - +");
    size_t at = 0;
    for (int i = 1; i <= added; i++) {
        char entry[16];
        snprintf(entry, sizeof(entry), "%d-0", i);
        bool there = at < left->elements && strcmp(left->element[at]->element[0]->str, entry) == 0;
        cr_assert(there || states[i] == ENTRY_DONE, "%s was lost", entry);
        at += there;
    }
    cr_assert_eq(at, left->elements);
    cr_assert_eq(reply_integer(group_field("lag"), -1), added - delivered);
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
            for (; count > 0 && delivered < added; count--)
                states[++delivered] = ENTRY_PENDING;
            break;
        }
        case 2:
            for (int i = delivered; i > 0; i--)
                if (states[i] == ENTRY_PENDING && random_below(3) == 0) {
                    snprintf(entry, sizeof(entry), "%d-0", i);
                    redis_do("XACK threats:stream soc-workers %s", entry);
                    states[i] = ENTRY_DONE;
                }
            break;
        default: trim_anew(); expect_truthful();
        }
    }
    cr_assert_gt(delivered, 500);
    cr_assert_lt(redis_number("XLEN threats:stream"), added / 2);
}
