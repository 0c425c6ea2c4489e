/* worker/results/bury_entry.lua and the scripts of worker/intake that rescue entries, on a real server. */
#include <criterion/criterion.h>

#include "tests/unit/stream_steps.h"

static struct script bury_entry, claim_entries, release_entries, leave_group, reap_consumers;

static void start(void) {
    private_redis_start();
    script_load(&bury_entry, "bury_entry");
    script_load(&claim_entries, "claim_entries");
    script_load(&release_entries, "release_entries");
    script_load(&leave_group, "leave_group");
    script_load(&reap_consumers, "reap_consumers");
    redis_do("XGROUP CREATE threats:stream soc-workers 0 MKSTREAM");
}

static void stop(void) {
    private_redis_forget();
    private_redis_stop();
    script_unload(&bury_entry);
    script_unload(&claim_entries);
    script_unload(&release_entries);
    script_unload(&leave_group);
    script_unload(&reap_consumers);
}

#define THREAT "01936b2e-5f0a-7c41-9b1e-3d5a8c2f6e90"

/* As the API takes a signal: entry, record and row. */
static void take(const char *entry) {
    redis_do("XADD threats:stream %s v 1 id " THREAT " signal {} received_at 1763696000000", entry);
    redis_do("HSET threat:" THREAT " entry %s", entry);
    redis_do("XADD threats:log * kind created id " THREAT " row %s",
             "1763696000000 0 bot_traffic - pending 0 0 0 none 203.0.113.7 - acme Acme Inc");
}

static void begin_burying(struct command *command, const struct script *script, int more_keys,
                          const char *consumer) {
    command_begin_script(command, script, 5 + more_keys);
    command_words(command, "threats:stream", "threats:dead", "threats:log", "threats:by_created",
                  "threats:failed", NULL);
    if (more_keys > 0)
        command_words(command, "threats:workers", "threats:quarantine", NULL);
    command_words(command, "soc-workers", consumer, "1763696000123", "threat:", "1", NULL);
}

/* --- bury_entry --- */

TestSuite(bury_script, .timeout = 60, .init = start, .fini = stop);

static const redisReply *bury(const char *consumer, const char *entry, const char *deliveries,
                              const char *readable) {
    struct command command = COMMAND_EMPTY;
    begin_burying(&command, &bury_entry, 0, consumer);
    command_words(&command, entry, deliveries, "bad_json", "read", "signal is broken", readable, NULL);
    const redisReply *reply = redis_send(&command);
    command_fini(&command);
    return reply;
}

#define expect_bury(word, ...)                                                                               \
    do {                                                                                                     \
        const redisReply *answer = bury(__VA_ARGS__);                                                        \
        cr_assert(reply_is_array(answer, 2), "%s", answer->str);                                             \
        struct text said = reply_text(answer->element[0]);                                                   \
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

Test(bury_script, an_entry_that_names_no_threat_becomes_a_letter_only) {
    static const char *const letter[] = {
        "reason",       "bad_json", "stage",         "read",   "deliveries",       "1",      "entry",
        "1-0",          "at",       "1763696000123", "detail", "signal is broken", "signal", "{}",
        "signal_bytes", "2"};
    add("1-0");
    deliver("w1", 1);
    expect_bury("OK", "w1", "1-0", "1", "0");
    expect_letter(letter, 16);
    cr_assert_eq(pending_of(NULL), 0);
    cr_assert_eq(redis_number("EXISTS threats:log threats:by_created"), 0);
    expect_redis_text("1", "GET threats:failed");
}

Test(bury_script, an_entry_that_names_its_threat_leaves_a_failed_record_and_row) {
    static const char *const letter[] = {
        "reason",       "bad_json", "stage",       "read",          "deliveries", "1",
        "entry",        "1-0",      "at",          "1763696000123", "detail",     "signal is broken",
        "id",           THREAT,     "received_at", "1763696000000", "signal",     "{}",
        "signal_bytes", "2"};
    take("1-0");
    redis_do("HSET threat:" THREAT " stage read");
    deliver("w1", 1);
    expect_bury("OK", "w1", "1-0", "1", "1");
    expect_letter(letter, 20);
    cr_assert_eq(pending_of(NULL), 0);
    expect_redis_text(
        "{\"id\":\"" THREAT "\",\"schema_version\":1,\"signal\":{},\"status\":\"failed\","
        "\"failure_reason\":\"bad_json\",\"failure_stage\":\"read\","
        "\"created_at\":\"2025-11-21T03:33:20.000Z\",\"completed_at\":\"2025-11-21T03:33:20.123Z\"}",
        "HGET threat:" THREAT " data");
    cr_assert_eq(redis_number("HEXISTS threat:" THREAT " stage"), 0);
    expect_redis_text("1763696000000", "ZSCORE threats:by_created " THREAT);
    const redisReply *rows = redis_ask("XRANGE threats:log - +");
    cr_assert_eq(rows->elements, 2);
    const redisReply *row = rows->element[1]->element[1];
    cr_assert(text_is(reply_text(reply_field(row, "kind")), "failed"));
    cr_assert(text_is(reply_text(reply_field(row, "id")), THREAT));
    cr_assert(text_is(reply_text(reply_field(row, "row")),
                      "1763696000000 1763696000123 bot_traffic - failed 1 0 0 "
                      "none 203.0.113.7 - acme Acme Inc"));
    expect_redis_text("1", "GET threats:failed");
}

Test(bury_script, a_signal_that_cannot_be_read_is_not_in_the_record) {
    take("1-0");
    deliver("w1", 1);
    expect_bury("OK", "w1", "1-0", "1", "0");
    struct text data = reply_text(redis_ask("HGET threat:" THREAT " data"));
    cr_assert_not_null(memmem(data.at, data.len, "\"signal\":null", 13));
}

Test(bury_script, a_finished_threat_stays_and_is_not_counted_again) {
    take("1-0");
    redis_do("HSET threat:" THREAT " data analysis");
    deliver("w1", 1);
    expect_bury("OK", "w1", "1-0", "1", "1");
    expect_redis_text("analysis", "HGET threat:" THREAT " data");
    cr_assert_eq(redis_number("XLEN threats:log"), 1);
    cr_assert_eq(redis_number("EXISTS threats:failed"), 0);
    cr_assert_eq(redis_number("XLEN threats:dead"), 1);
}

Test(bury_script, the_row_is_found_among_many) {
    for (int i = 0; i < 2500; i++)
        redis_do("XADD threats:log %d-0 kind created id other row x", i + 1);
    redis_do("XADD threats:stream 1-0 v 1 id " THREAT " signal {} received_at 5");
    redis_do("HSET threat:" THREAT " entry 1-0");
    redis_do("XADD threats:log 3000-0 kind updated id " THREAT " row %s",
             "5 0 bot_traffic - pending 0 0 0 none ::1 - acme Acme");
    deliver("w1", 1);
    expect_bury("OK", "w1", "1-0", "1", "1");
    cr_assert_eq(redis_number("XLEN threats:log"), 2502);
}

Test(bury_script, a_row_that_was_written_again_is_found_at_the_end) {
    for (int i = 0; i < 21000; i++)
        redis_do("XADD threats:log %d-0 kind created id other row x", i + 1);
    redis_do("XADD threats:stream 1-0 v 1 id " THREAT " signal {} received_at 5");
    redis_do("HSET threat:" THREAT " entry 1-0");
    redis_do("XADD threats:log 30000-0 kind updated id " THREAT " row %s again 1",
             "5 0 bot_traffic - pending 0 0 0 none ::1 - acme Acme");
    deliver("w1", 1);
    expect_bury("OK", "w1", "1-0", "1", "1");
    cr_assert_eq(redis_number("XLEN threats:log"), 21002);
}

Test(bury_script, only_the_owner_at_its_delivery_may_bury) {
    for (int i = 1; i <= 3; i++) {
        char entry[8];
        snprintf(entry, sizeof(entry), "%d-0", i);
        add(entry);
    }
    deliver("w1", 3);
    expect_bury("FENCED", "w2", "1-0", "1", "0");
    expect_bury("FENCED", "w1", "1-0", "2", "0");
    redis_do("XCLAIM threats:stream soc-workers w1 0 2-0");
    expect_bury("FENCED", "w1", "2-0", "1", "0");
    redis_do("XACK threats:stream soc-workers 3-0");
    expect_bury("GONE", "w1", "3-0", "1", "0");
    expect_bury("GONE", "w1", "9-9", "1", "0");
    cr_assert_eq(redis_number("EXISTS threats:dead threats:log threats:by_created threats:failed"), 0);
    cr_assert_eq(pending_of("w1"), 2);
    expect_bury("OK", "w1", "2-0", "2", "0");
    expect_bury("GONE", "w1", "2-0", "2", "0");
    cr_assert_eq(redis_number("XLEN threats:dead"), 1);
}

Test(bury_script, an_entry_whose_content_is_gone_can_be_buried) {
    add("1-0");
    add("2-0");
    deliver("w1", 1);
    redis_do("XDEL threats:stream 1-0");
    expect_bury("OK", "w1", "1-0", "1", "0");
    cr_assert_eq(pending_of(NULL), 0);
    cr_assert_eq(redis_number("XLEN threats:dead"), 1);
}

Test(bury_script, works_out_of_memory) {
    take("1-0");
    deliver("w1", 1);
    redis_do("SETRANGE ballast 2097152 x");
    redis_do("CONFIG SET maxmemory 1mb");
    cr_assert_eq(reply_status(redis_ask("SET any thing")), STATUS_NO_MEMORY);
    expect_bury("OK", "w1", "1-0", "1", "1");
    cr_assert_eq(pending_of(NULL), 0);
    cr_assert_eq(redis_number("XLEN threats:log"), 2);
}

Test(bury_script, keys_of_another_type_keep_no_entry_from_being_buried) {
    take("1-0");
    deliver("w1", 1);
    redis_do("SET threat:" THREAT " text");
    redis_do("SET threats:failed text");
    expect_bury("OK", "w1", "1-0", "1", "1");
    cr_assert_eq(redis_number("XLEN threats:dead"), 1);
    cr_assert_eq(pending_of("w1"), 0);
}

Test(bury_script, without_a_place_for_the_letter_the_entry_stays) {
    take("1-0");
    deliver("w1", 1);
    redis_do("SET threats:dead text");
    cr_assert_eq(reply_status(bury("w1", "1-0", "1", "1")), STATUS_WRONG_TYPE);
    cr_assert_eq(pending_of("w1"), 1);
    cr_assert_eq(redis_number("HEXISTS threat:" THREAT " data"), 0);
    redis_do("DEL threats:dead");
    expect_bury("OK", "w1", "1-0", "1", "1");
    cr_assert_eq(pending_of(NULL), 0);
}

/* --- claim_entries --- */

TestSuite(claim_script, .timeout = 60, .init = start, .fini = stop);

/* [word, gone, buried, dropped, entry, deliveries, fields, …] */
enum { HEAD = 4, LIMIT = 5 };

static const redisReply *claim_as(const char *owner, const char *heartbeat, int most, const char *empty) {
    struct command command = COMMAND_EMPTY;
    begin_burying(&command, &claim_entries, 2, "me");
    command_words(&command, owner, heartbeat, NULL);
    command_signed(&command, most);
    command_signed(&command, LIMIT);
    command_words(&command, empty, "60000", "1", NULL);
    const redisReply *reply = redis_send(&command);
    cr_assert(reply_is_array(reply, HEAD), "%s", reply->str);
    command_fini(&command);
    return reply;
}

static const redisReply *claim(const char *owner, const char *heartbeat, int most) {
    return claim_as(owner, heartbeat, most, "0");
}

static void expect_word(const redisReply *answer, const char *word, long long gone, size_t buried) {
    cr_assert(text_is(reply_text(answer->element[0]), word), "%s", answer->element[0]->str);
    cr_assert_eq(reply_integer(answer->element[1], -1), gone);
    cr_assert_eq(answer->element[2]->elements, buried);
}

/* entry, deliveries, reason, id, traceparent */
static void expect_buried(const redisReply *answer, const char *const expected[5]) {
    const redisReply *row = answer->element[2]->element[0];
    cr_assert_eq(row->elements, 5);
    for (int i = 0; i < 5; i++)
        if (row->element[i]->type == REDIS_REPLY_INTEGER)
            cr_assert_eq(row->element[i]->integer, atoll(expected[i]));
        else
            cr_assert_str_eq(row->element[i]->str, expected[i]);
}

Test(claim_script, a_heartbeat_that_moved_protects_its_owner) {
    add_many(3);
    deliver("w1", 3);
    redis_do("HSET threats:workers w1 8");
    cr_assert_eq(claim("w1", "7", 10)->elements, HEAD);
    cr_assert_eq(claim("w1", "", 10)->elements, HEAD, "a heartbeat that came into being protects too");
    cr_assert_eq(pending_of("w1"), 3);
    redis_do("HDEL threats:workers w1");
    cr_assert_eq(claim("w1", "8", 10)->elements, HEAD, "and one that went away tells of a change");
    cr_assert_eq(pending_of("me"), 0);
}

static void expect_taken(const redisReply *taken, const char *const *entries, const long long *deliveries,
                         size_t count) {
    cr_assert_eq(taken->elements, HEAD + 3 * count);
    for (size_t i = 0; i < count; i++) {
        const struct redisReply *const *row = (const struct redisReply *const *)taken->element + HEAD + 3 * i;
        cr_assert_str_eq(row[0]->str, entries[i]);
        cr_assert_eq(reply_integer(row[1], -1), deliveries[i]);
        cr_assert(text_is(reply_text(reply_field(row[2], "signal")), "{}"));
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
    cr_assert_eq(claim("w1", "7", 10)->elements, HEAD);
}

Test(claim_script, a_suspect_goes_alone_to_empty_hands_the_least_delivered_first) {
    add_many(4);
    deliver("w1", 4);
    redis_do("XCLAIM threats:stream soc-workers w1 0 2-0 RETRYCOUNT 4");
    redis_do("XCLAIM threats:stream soc-workers w1 0 3-0 RETRYCOUNT 2");
    redis_do("HSET threats:workers w1 7");
    static const char *const innocent[] = {"1-0", "4-0"}, *const second[] = {"2-0"}, *const first[] = {"3-0"};
    static const long long next[] = {2, 2}, fifth[] = {5}, third[] = {3};
    expect_taken(claim("w1", "7", 10), innocent, next, 2);
    expect_word(claim("w1", "7", 10), "WAIT", 0, 0);
    cr_assert_eq(pending_of("w1"), 2, "not before the hands are empty");
    expect_redis_text("me", "GET threats:quarantine");
    expect_taken(claim_as("w1", "7", 10, "1"), first, third, 1);
    expect_taken(claim_as("w1", "7", 10, "1"), second, fifth, 1);
    cr_assert_eq(pending_of("w1"), 0);
}

Test(claim_script, one_worker_at_a_time_has_a_suspect) {
    add_many(2);
    deliver("w1", 2);
    redis_do("XCLAIM threats:stream soc-workers w1 0 1-0 RETRYCOUNT 2");
    redis_do("SET threats:quarantine other");
    cr_assert_eq(claim("w1", "", 10)->elements, HEAD + 3, "the rest goes on");
    expect_word(claim_as("w1", "", 10, "1"), "BUSY", 0, 0);
    cr_assert_eq(pending_of("w1"), 1);
    redis_do("DEL threats:quarantine");
    expect_word(claim_as("w1", "", 10, "1"), "ALONE", 0, 0);
}

Test(claim_script, past_the_limit_an_entry_is_buried_with_the_stage_it_came_to) {
    take("1-0");
    add("2-0");
    deliver("w1", 2);
    redis_do("XCLAIM threats:stream soc-workers w1 0 1-0 RETRYCOUNT 4");
    redis_do("XCLAIM threats:stream soc-workers w1 0 2-0 RETRYCOUNT 5");
    expect_word(claim_as("w1", "", 10, "1"), "ALONE", 0, 1);
    expect_redis_text("read", "HGET threat:" THREAT " stage");
    redis_do("HSET threat:" THREAT " stage commit");
    const redisReply *answer = claim_as("me", "", 10, "1");
    expect_word(answer, "TAKEN", 0, 1);
    expect_buried(answer, (const char *[]){"1-0", "5", "poison", THREAT, ""});
    const redisReply *letters = redis_ask("XRANGE threats:dead - +");
    cr_assert_eq(letters->elements, 2);
    const redisReply *fields = letters->element[1]->element[1];
    cr_assert(text_is(reply_text(reply_field(fields, "reason")), "poison"));
    cr_assert(text_is(reply_text(reply_field(fields, "stage")), "commit"));
    cr_assert(text_is(reply_text(reply_field(fields, "deliveries")), "5"));
    cr_assert_eq(redis_number("HEXISTS threat:" THREAT " data"), 1);
    cr_assert_eq(pending_of(NULL), 0);
}

Test(claim_script, a_buried_entry_brings_nothing_but_ids) {
    static const char good[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    static const char *const traceparents[] = {
        good, "", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-and-more",
        "00-4bf92f3577b34da6a3ce929d0e0e47\"6-00f067aa0ba902b7-01"};
    for (size_t i = 0; i < sizeof(traceparents) / sizeof(traceparents[0]); i++) {
        char entry[16];
        snprintf(entry, sizeof(entry), "%zu-0", i + 1);
        redis_do("XADD threats:stream %s id no-uuid traceparent %s", entry, traceparents[i]);
        deliver("w1", 1);
        redis_do("XCLAIM threats:stream soc-workers w1 0 %s RETRYCOUNT 7", entry);
        const redisReply *answer = claim("w1", "", 10);
        expect_word(answer, "TAKEN", 0, 1);
        expect_buried(answer, (const char *[]){entry, "7", "poison", "", i == 0 ? good : ""});
    }
}

Test(claim_script, an_owner_without_a_heartbeat_and_a_limit) {
    add_many(5);
    deliver("w1", 5);
    const redisReply *taken = claim("w1", "", 2);
    cr_assert_eq(taken->elements, HEAD + 6);
    cr_assert_str_eq(taken->element[HEAD]->str, "1-0");
    cr_assert_str_eq(taken->element[HEAD + 3]->str, "2-0");
    cr_assert_eq(pending_of("w1"), 3);
    cr_assert_eq(claim("w1", "", 1)->elements, HEAD + 3);
    cr_assert_eq(claim("nobody", "", 10)->elements, HEAD);
}

Test(claim_script, entries_that_were_deleted_are_let_go_and_told) {
    add_many(5);
    deliver("w1", 5);
    redis_do("XCLAIM threats:stream soc-workers w1 0 4-0 RETRYCOUNT 9");
    redis_do("XCLAIM threats:stream soc-workers w1 0 5-0 RETRYCOUNT 2");
    redis_do("XDEL threats:stream 2-0 4-0 5-0");
    const redisReply *taken = claim("w1", "", 10);
    cr_assert_eq(taken->elements, HEAD + 6);
    expect_word(taken, "TAKEN", 1, 0);
    cr_assert_str_eq(taken->element[HEAD]->str, "1-0");
    cr_assert_str_eq(taken->element[HEAD + 3]->str, "3-0");
    expect_word(claim_as("w1", "", 10, "1"), "ALONE", 1, 0);
    expect_word(claim_as("w1", "", 10, "1"), "ALONE", 1, 0);
    cr_assert_eq(pending_of(NULL), 2);
    cr_assert_eq(redis_number("EXISTS threats:dead"), 0);
}

Test(claim_script, what_is_too_large_never_leaves_redis) {
    static char large[140000];
    memset(large, 'x', sizeof(large));
    redis_do("XADD threats:stream 1-0 v 1 signal %b", large, sizeof(large));
    redis_do("XADD threats:stream 2-0 v 2 signal %b", large, sizeof(large));
    deliver("w1", 2);
    const redisReply *taken = claim("w1", "", 10);
    expect_word(taken, "TAKEN", 0, 1);
    expect_buried(taken, (const char *[]){"1-0", "2", "too_large", "", ""});
    cr_assert_eq(taken->elements, HEAD + 3, "unless it is newer: then it is not ours to judge");
    cr_assert_str_eq(taken->element[HEAD]->str, "2-0");
    cr_assert_eq(pending_of(NULL), 1);
}

Test(claim_script, a_newer_entry_is_never_buried) {
    redis_do("XADD threats:stream 1-0 v 2 signal {}");
    deliver("w1", 1);
    redis_do("XCLAIM threats:stream soc-workers w1 0 1-0 RETRYCOUNT 9");
    expect_word(claim_as("w1", "", 10, "1"), "ALONE", 0, 0);
    cr_assert_eq(redis_number("EXISTS threats:dead"), 0);
}

Test(claim_script, two_rescuers_do_not_share_an_entry) {
    add_many(4);
    deliver("w1", 4);
    redis_do("HSET threats:workers w1 7");
    cr_assert_eq(claim("w1", "7", 4)->elements, HEAD + 12);
    cr_assert_eq(claim("w1", "7", 4)->elements, HEAD);
    cr_assert_eq(pending_of("me"), 4);
}

/* --- release_entries --- */

TestSuite(release_script, .timeout = 60, .init = start, .fini = stop);

static long long release(const char *me, const char *const *words) {
    struct command command = COMMAND_EMPTY;
    command_begin_script(&command, &release_entries, 1);
    command_words(&command, "threats:stream", "soc-workers", me, "__released", NULL);
    for (; *words != NULL; words++)
        command_string(&command, *words);
    long long released = reply_integer(redis_send(&command), -1);
    command_fini(&command);
    return released;
}

Test(release_script, hands_back_many_each_with_its_count_and_only_what_is_ours) {
    add_many(5);
    deliver("me", 4);
    deliver("other", 1);
    redis_do("XCLAIM threats:stream soc-workers me 0 2-0 RETRYCOUNT 3");
    redis_do("XACK threats:stream soc-workers 4-0");
    static const char *const words[] = {"1-0", "1", "2-0", "3", "3-0", "2", "4-0", "1", "5-0", "1", NULL};
    cr_assert_eq(release("me", words), 2, "not at another delivery, not finished ones, not another's");
    const redisReply *pending = redis_ask("XPENDING threats:stream soc-workers - + 10 __released");
    cr_assert_eq(pending->elements, 2);
    cr_assert_eq(reply_integer(pending->element[0]->element[3], -1), 0);
    cr_assert_eq(reply_integer(pending->element[1]->element[3], -1), 2);
    cr_assert_eq(pending_of("other"), 1);
    static const char *const once[] = {"1-0"};
    static const long long first[] = {1};
    expect_taken(claim("__released", "", 10), once, first, 1);
}

/* --- leave_group, reap_consumers --- */

TestSuite(leave_script, .timeout = 60, .init = start, .fini = stop);

static long long leave(const char *consumer) {
    struct command command = COMMAND_EMPTY;
    command_begin_script(&command, &leave_group, 2);
    command_words(&command, "threats:stream", "threats:workers", "soc-workers", consumer, NULL);
    long long left = reply_integer(redis_send(&command), -1);
    command_fini(&command);
    return left;
}

static bool has_consumer(const char *name) {
    const redisReply *consumers = redis_ask("XINFO CONSUMERS threats:stream soc-workers");
    for (size_t i = 0; i < consumers->elements; i++)
        if (text_is(reply_text(reply_field(consumers->element[i], "name")), name))
            return true;
    return false;
}

Test(leave_script, never_with_anything_pending) {
    add_many(1);
    deliver("w1", 1);
    redis_do("HSET threats:workers w1 7");
    cr_assert_eq(leave("w1"), 0);
    cr_assert(has_consumer("w1"));
    cr_assert_eq(pending_of("w1"), 1);
    cr_assert_eq(redis_number("HEXISTS threats:workers w1"), 0, "so that others soon take it over");
    redis_do("XACK threats:stream soc-workers 1-0");
    cr_assert_eq(leave("w1"), 1);
    cr_assert_not(has_consumer("w1"));
    cr_assert_eq(leave("w1"), 1, "nothing left to remove is fine");
}

TestSuite(reap_script, .timeout = 60, .init = start, .fini = stop);

static long long reap(int most, const char *name, const char *heartbeat) {
    struct command command = COMMAND_EMPTY;
    command_begin_script(&command, &reap_consumers, 3);
    command_words(&command, "threats:stream", "threats:workers", "threats:reaping", "soc-workers", "me",
                  "60000", NULL);
    command_signed(&command, most);
    if (name != NULL)
        command_words(&command, name, heartbeat, NULL);
    long long removed = reply_integer(redis_send(&command), -1);
    command_fini(&command);
    return removed;
}

static void make_consumers(int count) {
    for (int i = 0; i < count; i++)
        redis_do("XGROUP CREATECONSUMER threats:stream soc-workers idle%d", i);
}

Test(reap_script, only_consumers_without_heartbeat_and_entries_go) {
    add_many(2);
    deliver("holds", 1);
    make_consumers(1);
    redis_do("XGROUP CREATECONSUMER threats:stream soc-workers lives");
    redis_do("XGROUP CREATECONSUMER threats:stream soc-workers dead");
    redis_do("XGROUP CREATECONSUMER threats:stream soc-workers woke");
    redis_do("HSET threats:workers lives 1 dead 7 woke 9");
    cr_assert_eq(reap(100, "woke", "8"), 1, "only the one that nobody ever beat for");
    cr_assert_not(has_consumer("idle0"));
    redis_do("DEL threats:reaping");
    cr_assert_eq(reap(100, "dead", "7"), 1);
    cr_assert(has_consumer("holds") && has_consumer("lives") && has_consumer("woke"));
    cr_assert_not(has_consumer("dead"));
    cr_assert_eq(redis_number("HEXISTS threats:workers dead"), 0);
    cr_assert_eq(pending_of("holds"), 1);
}

Test(reap_script, in_steps_by_one_while_the_lease_holds) {
    make_consumers(25);
    cr_assert_eq(reap(10, NULL, NULL), 10);
    cr_assert_leq(redis_number("PTTL threats:reaping"), 200, "more is to do, so soon again");
    cr_assert_eq(reap(10, NULL, NULL), 0, "but not at once");
    redis_do("DEL threats:reaping");
    cr_assert_eq(reap(10, NULL, NULL), 10);
    redis_do("DEL threats:reaping");
    cr_assert_eq(reap(10, NULL, NULL), 5);
    cr_assert_gt(redis_number("PTTL threats:reaping"), 50000);
}

Test(reap_script, works_out_of_memory) {
    make_consumers(3);
    redis_do("SETRANGE ballast 2097152 x");
    redis_do("CONFIG SET maxmemory 1mb");
    cr_assert_eq(reap(10, NULL, NULL), 3);
}
