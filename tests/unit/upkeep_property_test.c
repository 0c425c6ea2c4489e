/* Random lives of threats against a real Redis, driven by the scripts that the programs run: taken,
 * completed, given up, replayed, judged, expired, their log cut. Whoever followed the log, in whatever steps,
 * whoever began in the middle of it all, whoever reads it from its start, and the records say the same; and
 * the log stays short. */
#include <criterion/criterion.h>
#include <criterion/logging.h>

#include "api/catalog/catalog.h"
#include "api/catalog/log_entry.h"
#include "tests/unit/private_redis.h"
#include "tests/unit/random_bytes.h"

enum {
    LIVES = 400,
    STEPS = 100000,
    CHECK_EVERY = 5000,
    LONG_LIVES = 8,
    READERS = 4,
    ROWS_PER_TRIM = 500,
    ROWS_PER_READ = 1000
};

static const int64_t BORN_MS = 1763696000000;

static struct script enqueue_signal, commit_analysis, judge_case, expire_threats, trim_log;

static void start(void) {
    private_redis_start();
    script_load(&enqueue_signal, "enqueue_signal");
    script_load(&commit_analysis, "commit_analysis");
    script_load(&judge_case, "judge_case");
    script_load(&expire_threats, "expire_threats");
    script_load(&trim_log, "trim_log");
    redis_do("XGROUP CREATE threats:stream soc-workers 0 MKSTREAM");
}

static void stop(void) {
    private_redis_forget();
    private_redis_stop();
    script_unload(&enqueue_signal);
    script_unload(&commit_analysis);
    script_unload(&judge_case);
    script_unload(&expire_threats);
    script_unload(&trim_log);
}

TestSuite(upkeep, .timeout = 300, .init = start, .fini = stop);

enum life_state { LIFE_NONE, LIFE_PENDING, LIFE_COMPLETED, LIFE_FAILED };

/* A place in which one threat after another lives; the first few are not expired. */
struct life {
    struct uuid id;
    char text[UUID_LENGTH + 1], key[UUID_LENGTH + 16];
    int64_t created_at_ms;
    enum life_state state;
    enum verdict verdict;
    bool replayed;
    bool delivered; /* its entry, to the worker */
    char entry[48];
};

struct reader {
    struct catalog *catalog;
    struct stream_id position;
};

static struct life lives[LIVES];
static uint64_t ids_given;
static unsigned events, cuts, repeats;

static unsigned living(void) {
    unsigned count = 0;
    for (unsigned i = 0; i < LIVES; i++)
        count += lives[i].state != LIFE_NONE;
    return count;
}

static enum threat_status status_of(const struct life *life) {
    return life->state == LIFE_PENDING     ? THREAT_PENDING
           : life->state == LIFE_COMPLETED ? THREAT_COMPLETED
                                           : THREAT_FAILED;
}

/* The threat's row as it is now, as the next argument. */
static void add_row(struct command *command, const struct life *life) {
    struct buffer text = BUFFER_EMPTY;
    struct log_row row = {.kind = EVENT_UPDATED,
                          .id = life->id,
                          .created_at_ms = life->created_at_ms,
                          .severity = life->state == LIFE_COMPLETED ? SEVERITY_HIGH : SEVERITY_NONE,
                          .status = status_of(life),
                          .verdict = life->verdict,
                          .customer_id = TEXT_LITERAL("acme"),
                          .customer_name = TEXT_LITERAL("Acme Inc")};
    cr_assert(address_parse(TEXT_LITERAL("192.0.2.1"), &row.source_ip));
    log_row_write(&text, &row);
    command_text(command, buffer_text(&text));
    buffer_fini(&text);
    events++;
}

static const redisReply *run(struct command *command) {
    const redisReply *reply = redis_send(command);
    cr_assert_neq(reply->type, REDIS_REPLY_ERROR, "%s", reply->str);
    command_fini(command);
    return reply;
}

static void tell(const struct life *life, const char *kind) {
    struct command command = COMMAND_EMPTY;
    command_begin(&command, "XADD");
    command_words(&command, "threats:log", "*", "kind", kind, "id", life->text, "row", NULL);
    add_row(&command, life);
    run(&command);
}

/* --- what happens to a threat --- */

static void learn_entry(struct life *life) {
    struct text found = reply_text(redis_ask("HGET %s entry", life->key));
    snprintf(life->entry, sizeof(life->entry), "%.*s", (int)found.len, found.at);
    life->delivered = false;
}

static void deliver(struct life *life) {
    if (life->delivered)
        return;
    redis_ask("XREADGROUP GROUP soc-workers w1 COUNT 100000 STREAMS threats:stream >");
    for (unsigned i = 0; i < LIVES; i++)
        lives[i].delivered = true;
}

static void be_born(struct life *life) {
    struct command command = COMMAND_EMPTY;
    ids_given++;
    *life = (struct life){.state = LIFE_PENDING, .created_at_ms = BORN_MS + (int64_t)ids_given};
    for (int i = 0; i < 8; i++)
        life->id.bytes[8 + i] = (uint8_t)(ids_given >> (8 * (7 - i)));
    life->id.bytes[6] = 0x70;
    life->id.bytes[8] |= 0x80;
    uuid_write(&life->id, life->text);
    snprintf(life->key, sizeof(life->key), "threat:%s", life->text);
    command_begin_script(&command, &enqueue_signal, 3);
    command_words(&command, "threats:stream", "threats:log", life->key, life->text, "{}", "1", "", NULL);
    add_row(&command, life);
    command_string(&command, "");
    run(&command);
    learn_entry(life);
}

/* What raw_data says must deceive nobody. */
static void add_body(struct command *command, const char *status) {
    struct buffer body = BUFFER_EMPTY;
    buffer_printf(&body,
                  "{\"id\":1,\"signal\":{\"raw_data\":{\"status\":\"%s\"}},\"status\":\"%s\",\"more\":2}",
                  random_below(2) == 0 ? "failed" : "completed", status);
    command_text(command, buffer_text(&body));
    buffer_fini(&body);
}

static void be_completed(struct life *life) {
    struct command command = COMMAND_EMPTY;
    deliver(life);
    life->state = LIFE_COMPLETED;
    command_begin_script(&command, &commit_analysis, 6);
    command_words(&command, "threats:stream", "threats:log", "threats:by_created", "threats:completed",
                  life->key, "history:acme", "soc-workers", "w1", "", life->entry, life->entry, life->entry,
                  "1", life->text, NULL);
    command_signed(&command, life->created_at_ms);
    add_body(&command, "completed");
    add_row(&command, life);
    command_words(&command, "1 1 bot_traffic high 312 none", "1", NULL);
    const redisReply *reply = run(&command);
    cr_assert(reply_is_array(reply, 1) && text_is(reply_text(reply->element[0]), "OK"));
}

static void be_given_up(struct life *life) {
    struct command command = COMMAND_EMPTY;
    life->state = LIFE_FAILED;
    command_begin(&command, "HSET");
    command_words(&command, life->key, "data", NULL);
    add_body(&command, "failed");
    run(&command);
    redis_do("ZADD threats:by_created %lld %s", (long long)life->created_at_ms, life->text);
    tell(life, "failed");
}

static void be_replayed(struct life *life) {
    struct text added = reply_text(redis_ask("XADD threats:stream * id %s", life->text));
    char entry[48];
    snprintf(entry, sizeof(entry), "%.*s", (int)added.len, added.at);
    life->state = LIFE_PENDING;
    life->replayed = true;
    redis_do("HDEL %s data", life->key);
    redis_do("HSET %s entry %s", life->key, entry);
    learn_entry(life);
    tell(life, "updated");
}

static void be_judged(struct life *life) {
    struct command command = COMMAND_EMPTY;
    char head[64] = "", rest[] = ",\"note\":null}";
    enum verdict verdict = (enum verdict)random_below(VERDICT_COUNT);
    const char *word = vocabulary_word(&vocabulary_verdict, (int)verdict);
    bool same = verdict == life->verdict;
    snprintf(head, sizeof(head), "{\"verdict\":\"%s\"", word);
    life->verdict = verdict;
    command_begin_script(&command, &judge_case, 3);
    command_words(&command, life->key, "history:acme", "threats:log", "threat", "1", life->text, "1",
                  "1 1 bot_traffic high 312", word, NULL);
    command_words(&command, verdict == VERDICT_NONE ? "" : head, verdict == VERDICT_NONE ? "" : rest, "",
                  NULL);
    add_row(&command, life);
    const redisReply *reply = run(&command);
    cr_assert(reply_is_array(reply, 1) && text_is(reply_text(reply->element[0]), same ? "SAME" : "CHANGED"));
}

/* By number; asked for while it waits, it stays. */
static void be_expired(struct life *life) {
    struct command command = COMMAND_EMPTY;
    bool finished = life->state != LIFE_PENDING;
    command_begin_script(&command, &expire_threats, 4);
    command_words(&command, "threats:by_created", "threats:log", life->key, "customer:acme", "0", life->text,
                  "", NULL);
    const redisReply *reply = run(&command);
    cr_assert(reply_is_array(reply, 2));
    cr_assert_eq(reply_integer(reply->element[0], -1), finished);
    events += finished;
    if (finished)
        life->state = LIFE_NONE;
}

static long long trim(void) {
    struct command command = COMMAND_EMPTY;
    command_begin_script(&command, &trim_log, 2);
    command_words(&command, "threats:log", "threats:by_created", "threat:", NULL);
    command_signed(&command, 1 + (int64_t)random_below(ROWS_PER_TRIM));
    command_signed(&command, living());
    command_signed(&command, INT64_C(1) << 50); /* none is young */
    const redisReply *reply = run(&command);
    cr_assert(reply_is_array(reply, 2));
    cuts += reply_integer(reply->element[0], -1) > 0;
    return reply_integer(reply->element[0], -1);
}

static void live_on(unsigned index) {
    struct life *life = &lives[index];
    switch (life->state) {
    case LIFE_NONE: be_born(life); break;
    case LIFE_PENDING:
        if (random_below(20) == 0)
            be_expired(life);
        else if (index < LONG_LIVES && !life->replayed && random_below(50) != 0)
            break;
        else if (random_below(6) == 0)
            be_given_up(life);
        else
            be_completed(life);
        break;
    case LIFE_FAILED:
        if (random_below(2) == 0)
            be_replayed(life);
        else if (index >= LONG_LIVES)
            be_expired(life);
        break;
    case LIFE_COMPLETED:
        if (random_below(4) == 0)
            be_judged(life);
        else if (index >= LONG_LIVES)
            be_expired(life);
        break;
    }
}

/* --- readers --- */

static void begin(struct reader *reader) {
    if (reader->catalog == NULL)
        reader->catalog = catalog_new();
    catalog_clear(reader->catalog);
    reader->position = (struct stream_id){0, 0};
}

/* As api/catalog/follow_log.c does when the row it stands at was cut. */
static void begin_when_cut(struct reader *reader) {
    const redisReply *found =
        redis_ask("XRANGE threats:log %llu-%llu + COUNT 1", (unsigned long long)reader->position.ms,
                  (unsigned long long)reader->position.sequence);
    struct log_entry entry;
    if (reader->position.ms != 0 && !(reply_is_array(found, 1) && log_entry_read(found->element[0], &entry) &&
                                      stream_id_equal(entry.position, reader->position)))
        begin(reader);
}

/* Up to `most` rows; false at the end. Now and then a row comes twice. */
static bool read_some(struct reader *reader, int most) {
    struct log_entry entry;
    begin_when_cut(reader);
    const redisReply *rows =
        redis_ask("XRANGE threats:log (%llu-%llu + COUNT %d", (unsigned long long)reader->position.ms,
                  (unsigned long long)reader->position.sequence, most);
    for (size_t i = 0; reply_is_array(rows, 1) && i < rows->elements; i++) {
        cr_assert(log_entry_read(rows->element[i], &entry));
        cr_assert(entry.readable);
        repeats += entry.again;
        reader->position = entry.position;
        for (uint64_t times = random_below(10) == 0 ? 2 : 1; times > 0; times--)
            catalog_apply(reader->catalog, &entry.row);
    }
    return reply_is_array(rows, 1);
}

static void read_all(struct reader *reader) {
    while (read_some(reader, ROWS_PER_READ))
        continue;
}

static void expect_truth(const struct catalog *catalog, const char *who, unsigned step) {
    cr_assert_eq(catalog_size(catalog).rows, living(), "%s at step %u knows %zu of %u", who, step,
                 catalog_size(catalog).rows, living());
    for (unsigned i = 0; i < LIVES; i++) {
        struct log_row row;
        const struct life *life = &lives[i];
        if (life->state == LIFE_NONE)
            continue;
        cr_assert(catalog_find(catalog, &life->id, &row), "%s at step %u misses life %u", who, step, i);
        cr_assert_eq(row.status, status_of(life), "%s at step %u, life %u", who, step, i);
        cr_assert_eq(row.verdict, life->verdict, "%s at step %u, life %u", who, step, i);
        cr_assert_eq(row.created_at_ms, life->created_at_ms, "%s at step %u, life %u", who, step, i);
    }
}

static void expect_true_records(void) {
    long long indexed = 0;
    for (unsigned i = 0; i < LIVES; i++) {
        const struct life *life = &lives[i];
        if (life->state == LIFE_NONE) {
            cr_assert(ids_given == 0 || life->key[0] == '\0' || redis_number("EXISTS %s", life->key) == 0);
            continue;
        }
        cr_assert_eq(redis_number("HEXISTS %s data", life->key), life->state != LIFE_PENDING);
        cr_assert_eq(redis_number("HEXISTS %s verdict", life->key), life->verdict != VERDICT_NONE);
        indexed += life->state != LIFE_PENDING || life->replayed;
    }
    cr_assert_eq(redis_number("ZCARD threats:by_created"), indexed);
}

static void expect_all_agree(struct reader *readers, unsigned step) {
    struct reader late = {0};
    begin(&late);
    read_all(&late);
    expect_truth(late.catalog, "a late reader", step);
    for (int r = 0; r < READERS; r++) {
        read_all(&readers[r]);
        expect_truth(readers[r].catalog, "a follower", step);
    }
    catalog_free(late.catalog);
}

Test(upkeep, every_reader_knows_what_is_stored_however_the_log_was_cut) {
    struct reader readers[READERS] = {0};
    for (int r = 0; r < READERS; r++)
        begin(&readers[r]);
    for (unsigned step = 1; events < STEPS; step++) {
        struct reader *reader = &readers[random_below(READERS)];
        live_on((unsigned)random_below(LIVES));
        if (random_below(200) == 0)
            trim();
        if (random_below(20) == 0)
            read_some(reader, 1 + (int)random_below(200));
        if (random_below(3000) == 0)
            begin(reader);
        if (step % CHECK_EVERY != 0)
            continue;
        expect_true_records();
        expect_all_agree(readers, step);
        while (trim() > 0)
            continue;
        cr_assert_leq(redis_number("XLEN threats:log"), 3 * (long long)living() + 1000, "step %u", step);
        expect_all_agree(readers, step);
    }
    cr_log_info("%u events of %llu threats, %u cuts, %u rows written again and read\n", events,
                (unsigned long long)ids_given, cuts, repeats);
    cr_assert_gt(repeats, 0);
    for (int r = 0; r < READERS; r++)
        catalog_free(readers[r].catalog);
}

Test(upkeep, the_last_row_stays) {
    be_born(&lives[LONG_LIVES]);
    be_completed(&lives[LONG_LIVES]);
    be_expired(&lives[LONG_LIVES]);
    while (trim() > 0)
        continue;
    cr_assert_eq(redis_number("XLEN threats:log"), 1);
    redis_do("DEL threats:log");
    cr_assert_eq(trim(), 0);
}

/* --- what the scripts judge by themselves --- */

static long long trim_whole(long long living_ones) {
    struct command command = COMMAND_EMPTY;
    command_begin_script(&command, &trim_log, 2);
    command_words(&command, "threats:log", "threats:by_created", "threat:", "500", NULL);
    command_signed(&command, living_ones);
    command_signed(&command, INT64_C(1) << 50);
    return reply_integer(run(&command)->element[0], -1);
}

Test(upkeep, rows_are_written_again_by_what_lives_and_not_by_what_an_api_knows) {
    redis_do("HSET threat:here data {}");
    for (int i = 0; i < 1101; i++)
        redis_do("XADD threats:log * kind completed id here row of_a_later_version");
    for (int i = 0; i < 40; i++)
        redis_do("ZADD threats:by_created %d t%d", i, i);
    cr_assert_eq(trim_whole(0), 0, "the API that asks was cut off, and has all of them to read yet");
    redis_do("DEL threats:by_created");
    cr_assert_eq(trim_whole(0), 500);
    cr_assert_eq(redis_number("XLEN threats:log"), 1101);
}

Test(upkeep, a_row_that_cannot_be_read_stays_with_its_threat) {
    redis_do("HSET threat:here data {}");
    redis_do("XADD threats:log 1-0 kind completed id gone row of_a_later_version");
    redis_do("XADD threats:log 2-0 kind later id here row of_a_later_version");
    redis_do("XADD threats:log 3-0 kind expired id any row x");
    cr_assert_eq(trim_whole(1), 1);
    cr_assert_eq(redis_number("XLEN threats:log"), 2);
}

/* Answers forgotten × 10 + young. */
static long long expire_by_age(const char *id, int64_t common_days, int64_t age_days) {
    struct command command = COMMAND_EMPTY;
    char key[64];
    int64_t day_ms = 24 * 3600 * INT64_C(1000);
    long long seconds = strtoll(redis_ask("TIME")->element[0]->str, NULL, 10);
    snprintf(key, sizeof(key), "threat:%s", id);
    command_begin_script(&command, &expire_threats, 4);
    command_words(&command, "threats:by_created", "threats:log", key, "customer:acme", NULL);
    command_signed(&command, common_days * day_ms);
    command_string(&command, id);
    command_signed(&command, seconds * 1000 - age_days * day_ms);
    const redisReply *reply = run(&command);
    return reply_integer(reply->element[0], -1) * 10 + reply_integer(reply->element[1], -1);
}

Test(upkeep, age_is_judged_by_the_customers_record_at_that_instant) {
    static const struct {
        const char *own;
        int64_t common_days, age_days;
        bool goes;
    } rows[] = {{"", 90, 91, true},      {"", 90, 89, false},     {"", 0, 100000, false},
                {"365", 90, 364, false}, {"365", 90, 366, true},  {"5", 90, 6, true},
                {"5", 90, 4, false},     {"5", 0, 6, true},       {"0", 90, 91, true},
                {"3651", 90, 91, true},  {"many", 90, 89, false}, {"-1", 90, 91, true},
                {"1e9", 90, 91, true},   {"3650", 90, 91, false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        redis_do("HSET threat:t data {}");
        redis_do("HSET customer:acme retention_days %s", rows[i].own);
        cr_assert_eq(expire_by_age("t", rows[i].common_days, rows[i].age_days), rows[i].goes ? 10 : 1,
                     "row %zu", i);
        cr_assert_eq(redis_number("EXISTS threat:t"), !rows[i].goes, "row %zu", i);
    }
    redis_do("SET customer:acme text");
    redis_do("HSET threat:t data {}");
    cr_assert_eq(expire_by_age("t", 90, 89), 1);
    cr_assert_eq(expire_by_age("t", 90, 91), 10);
}

Test(upkeep, what_waits_stays_and_what_is_no_record_goes) {
    redis_do("HSET threat:waits entry 1-1");
    redis_do("SET threat:odd text");
    redis_do("ZADD threats:by_created 1 odd 2 gone");
    cr_assert_eq(expire_by_age("waits", 1, 1000), 0);
    cr_assert_eq(expire_by_age("odd", 1, 1000), 0);
    cr_assert_eq(expire_by_age("gone", 1, 1000), 0);
    cr_assert_eq(redis_number("EXISTS threat:waits threat:odd"), 1);
    cr_assert_eq(redis_number("ZCARD threats:by_created"), 0);
    cr_assert_eq(redis_number("XLEN threats:log"), 2);
}
