/* Random lives of threats against a real Redis, with the scripts that expire and trim: whoever followed the
 * log all the time, whoever reads it from its start, and the records say the same; and the log stays short.
 */
#include <criterion/criterion.h>

#include "api/catalog/catalog.h"
#include "api/catalog/log_entry.h"
#include "tests/unit/private_redis.h"
#include "tests/unit/random_bytes.h"

enum { LIVES = 400, STEPS = 100000, CHECK_EVERY = 10000, LONG_LIVES = 8, ROWS_PER_TRIM = 500 };

static struct script expire_threats, trim_log;

static void start(void) {
    private_redis_start();
    script_load(&expire_threats, "expire_threats");
    script_load(&trim_log, "trim_log");
}

static void stop(void) {
    private_redis_forget();
    private_redis_stop();
    script_unload(&expire_threats);
    script_unload(&trim_log);
}

TestSuite(upkeep, .timeout = 300, .init = start, .fini = stop);

enum life_state { LIFE_NONE, LIFE_PENDING, LIFE_COMPLETED, LIFE_FAILED };

/* A place in which one threat after another lives; the first few are not expired. */
struct life {
    struct uuid id;
    char text[UUID_LENGTH + 1];
    enum life_state state;
    enum verdict verdict;
    bool replayed;
};

struct reader {
    struct catalog *catalog;
    struct stream_id position;
};

static struct life lives[LIVES];
static uint64_t ids_given;

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

static void tell(const struct life *life, enum event_kind kind) {
    struct buffer text = BUFFER_EMPTY;
    struct command command = COMMAND_EMPTY;
    struct log_row row = {.kind = kind,
                          .id = life->id,
                          .created_at_ms = 1763696000000,
                          .severity = life->state == LIFE_COMPLETED ? SEVERITY_HIGH : SEVERITY_NONE,
                          .status = status_of(life),
                          .verdict = life->verdict,
                          .customer_id = TEXT_LITERAL("acme"),
                          .customer_name = TEXT_LITERAL("Acme Inc")};
    cr_assert(address_parse(TEXT_LITERAL("192.0.2.1"), &row.source_ip));
    log_row_write(&text, &row);
    command_begin(&command, "XADD");
    command_words(&command, "threats:log", "*", "kind", vocabulary_word(&vocabulary_event_kind, (int)kind),
                  "id", life->text, "row", NULL);
    command_text(&command, buffer_text(&text));
    redis_send(&command);
    command_fini(&command);
    buffer_fini(&text);
}

static void be_born(struct life *life) {
    ids_given++;
    *life = (struct life){.state = LIFE_PENDING};
    for (int i = 0; i < 8; i++)
        life->id.bytes[8 + i] = (uint8_t)(ids_given >> (8 * (7 - i)));
    life->id.bytes[6] = 0x70;
    life->id.bytes[8] |= 0x80;
    uuid_write(&life->id, life->text);
    redis_do("HSET threat:%s entry 1-1", life->text);
    tell(life, EVENT_CREATED);
}

static void be_finished(struct life *life, bool well) {
    life->state = well ? LIFE_COMPLETED : LIFE_FAILED;
    redis_do("HSET threat:%s data {\"id\":1,\"status\":\"%s\",\"more\":2}", life->text,
             well ? "completed" : "failed");
    redis_do("ZADD threats:by_created 1 %s", life->text);
    tell(life, well ? EVENT_COMPLETED : EVENT_FAILED);
}

static void be_replayed(struct life *life) {
    life->state = LIFE_PENDING;
    life->replayed = true;
    redis_do("HDEL threat:%s data", life->text);
    tell(life, EVENT_UPDATED);
}

static void be_judged(struct life *life) {
    life->verdict = (enum verdict)random_below(VERDICT_COUNT);
    if (life->verdict == VERDICT_NONE)
        redis_do("HDEL threat:%s verdict", life->text);
    else
        redis_do("HSET threat:%s verdict {\"verdict\":\"%s\",\"note\":null}", life->text,
                 vocabulary_word(&vocabulary_verdict, (int)life->verdict));
    tell(life, EVENT_UPDATED);
}

static void be_expired(struct life *life) {
    struct command command = COMMAND_EMPTY;
    char key[UUID_LENGTH + 16];
    bool finished = life->state != LIFE_PENDING;
    snprintf(key, sizeof(key), "threat:%s", life->text);
    command_begin_script(&command, &expire_threats, 3);
    command_words(&command, "threats:by_created", "threats:log", key, life->text, NULL);
    cr_assert_eq(reply_integer(redis_send(&command), -1), finished);
    command_fini(&command);
    if (finished)
        life->state = LIFE_NONE;
}

static long long trim(void) {
    struct command command = COMMAND_EMPTY;
    command_begin_script(&command, &trim_log, 1);
    command_words(&command, "threats:log", "threat:", NULL);
    command_signed(&command, ROWS_PER_TRIM);
    command_signed(&command, living());
    command_signed(&command, INT64_C(1) << 50); /* none is young */
    const redisReply *reply = redis_send(&command);
    cr_assert(reply_is_array(reply, 2), "%s", reply->str == NULL ? "?" : reply->str);
    long long cut = reply_integer(reply->element[0], -1);
    command_fini(&command);
    return cut;
}

static void live_on(unsigned index) {
    struct life *life = &lives[index];
    switch (life->state) {
    case LIFE_NONE: be_born(life); break;
    case LIFE_PENDING:
        if (random_below(20) == 0)
            be_expired(life); /* asked to, and does not */
        else if (index >= LONG_LIVES || life->replayed || random_below(50) == 0)
            be_finished(life, random_below(6) != 0);
        break;
    case LIFE_FAILED:
    case LIFE_COMPLETED:
        if (life->state == LIFE_FAILED && random_below(2) == 0)
            be_replayed(life);
        else if (random_below(4) == 0)
            be_judged(life);
        else if (index >= LONG_LIVES)
            be_expired(life);
        break;
    }
}

/* As api/catalog/follow_log.c does when the row it stands at was cut. */
static void start_over_when_cut(struct reader *reader) {
    const redisReply *found =
        redis_ask("XRANGE threats:log %llu-%llu + COUNT 1", (unsigned long long)reader->position.ms,
                  (unsigned long long)reader->position.sequence);
    struct log_entry entry;
    if (reader->position.ms == 0 || (reply_is_array(found, 1) && log_entry_read(found->element[0], &entry) &&
                                     stream_id_equal(entry.position, reader->position)))
        return;
    catalog_clear(reader->catalog);
    reader->position = (struct stream_id){0, 0};
}

static void read_on(struct reader *reader) {
    start_over_when_cut(reader);
    for (;;) {
        struct log_entry entry;
        const redisReply *rows =
            redis_ask("XRANGE threats:log (%llu-%llu + COUNT 1000", (unsigned long long)reader->position.ms,
                      (unsigned long long)reader->position.sequence);
        if (!reply_is_array(rows, 1))
            return;
        for (size_t i = 0; i < rows->elements; i++) {
            cr_assert(log_entry_read(rows->element[i], &entry));
            cr_assert(entry.readable);
            reader->position = entry.position;
            catalog_apply(reader->catalog, &entry.row);
        }
    }
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
    }
}

Test(upkeep, every_reader_knows_what_is_stored_however_the_log_was_cut) {
    struct reader follower = {.catalog = catalog_new()};
    for (unsigned step = 1; step <= STEPS; step++) {
        live_on((unsigned)random_below(LIVES));
        if (random_below(200) == 0)
            trim();
        if (random_below(300) == 0)
            read_on(&follower);
        if (step % CHECK_EVERY != 0)
            continue;
        struct reader late = {.catalog = catalog_new()};
        read_on(&follower);
        read_on(&late);
        expect_truth(follower.catalog, "the follower", step);
        expect_truth(late.catalog, "a late reader", step);
        while (trim() > 0)
            continue;
        long long length = redis_number("XLEN threats:log");
        cr_assert_leq(length, 3 * (long long)living() + 1000, "step %u: %lld rows of %u", step, length,
                      living());
        struct reader later = {.catalog = catalog_new()};
        read_on(&later);
        expect_truth(later.catalog, "a reader of the cut log", step);
        catalog_free(late.catalog);
        catalog_free(later.catalog);
    }
    catalog_free(follower.catalog);
}

Test(upkeep, the_last_row_stays) {
    be_born(&lives[LONG_LIVES]);
    be_finished(&lives[LONG_LIVES], true);
    be_expired(&lives[LONG_LIVES]);
    cr_assert_eq(trim(), 2);
    cr_assert_eq(trim(), 0);
    cr_assert_eq(redis_number("XLEN threats:log"), 1);
    redis_do("DEL threats:log");
    cr_assert_eq(trim(), 0);
}
