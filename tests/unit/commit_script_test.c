/* worker/results/commit_analysis.lua and api/threats/enqueue_signal.lua on a real server. */
#include <criterion/criterion.h>

#include "shared/base/uuid.h"
#include "shared/model/history.h"
#include "tests/unit/private_redis.h"
#include "tests/unit/random_bytes.h"

enum { BATCH_MAX = 16, HISTORY_KEYS = 12, ANALYSIS_KEYS_MAX = 3, ROUNDS = 400 };

static struct script commit_analysis, enqueue_signal;

static void start(void) {
    private_redis_start();
    script_load(&commit_analysis, "commit_analysis");
    script_load(&enqueue_signal, "enqueue_signal");
    redis_do("XGROUP CREATE threats:stream soc-workers 0 MKSTREAM");
}

static void stop(void) {
    private_redis_forget();
    private_redis_stop();
    script_unload(&commit_analysis);
    script_unload(&enqueue_signal);
}

TestSuite(commit_script, .timeout = 60, .init = start, .fini = stop);
TestSuite(enqueue_script, .timeout = 60, .init = start, .fini = stop);

/* One analysis as a worker offers it. */
struct offer {
    char entry[32], id[UUID_LENGTH + 1];
    unsigned deliveries;
    int64_t created_at_ms;
    struct history_case history_case;
    unsigned key_count, keys[ANALYSIS_KEYS_MAX];
};

/* Puts an entry on the stream; it is read by redis_read. */
static struct offer make_offer(unsigned number) {
    struct offer offer = {.deliveries = 1,
                          .created_at_ms = 1763696000000 + number,
                          .key_count = 1,
                          .keys = {number % HISTORY_KEYS}};
    snprintf(offer.id, sizeof(offer.id), "01993bb4-0000-7000-8000-%012u", number);
    history_case_set_id(&offer.history_case, text_of(offer.id));
    offer.history_case.created_at_ms = offer.created_at_ms;
    struct text entry =
        reply_text(redis_ask("XADD threats:stream * v 1 id %s signal {} received_at 1", offer.id));
    snprintf(offer.entry, sizeof(offer.entry), "%.*s", (int)entry.len, entry.at);
    return offer;
}

static void read_all(const char *consumer) {
    redis_ask("XREADGROUP GROUP soc-workers %s COUNT 100000 STREAMS threats:stream >", consumer);
}

static struct text case_text(struct buffer *out, const struct history_case *added) {
    struct history one = {0};
    history_add(&one, added);
    buffer_clear(out);
    history_write(out, &one);
    const char *bar = memchr(out->at, '|', out->len);
    return (struct text){bar + 1, out->len - (size_t)(bar + 1 - out->at)};
}

static void add_keys(struct command *keys, const struct offer *offer) {
    char key[64];
    snprintf(key, sizeof(key), "threat:%s", offer->id);
    command_string(keys, key);
    for (unsigned h = 0; h < offer->key_count; h++) {
        snprintf(key, sizeof(key), "history:%u", offer->keys[h]);
        command_string(keys, key);
    }
}

static void add_arguments(struct command *arguments, const struct offer *offer) {
    struct buffer text = BUFFER_EMPTY;
    command_string(arguments, offer->entry);
    command_signed(arguments, offer->deliveries);
    command_string(arguments, offer->id);
    command_signed(arguments, offer->created_at_ms);
    buffer_printf(&text, "{\"id\":\"%s\"}", offer->id);
    command_text(arguments, buffer_text(&text));
    buffer_clear(&text);
    buffer_printf(&text, "row of %s", offer->id);
    command_text(arguments, buffer_text(&text));
    command_text(arguments, case_text(&text, &offer->history_case));
    command_signed(arguments, offer->key_count);
    buffer_fini(&text);
}

static const redisReply *commit_for(const char *consumer, const char *channel, const struct offer *offers,
                                    unsigned count) {
    struct command keys = COMMAND_EMPTY, arguments = COMMAND_EMPTY, whole = COMMAND_EMPTY;
    command_begin_part(&keys);
    command_begin_part(&arguments);
    command_words(&keys, "threats:stream", "threats:log", "threats:by_created", "threats:completed", NULL);
    command_words(&arguments, "soc-workers", consumer, channel, offers[0].entry, offers[count - 1].entry,
                  NULL);
    for (unsigned i = 0; i < count; i++) {
        add_keys(&keys, &offers[i]);
        add_arguments(&arguments, &offers[i]);
    }
    command_begin_script(&whole, &commit_analysis, (int)keys.count);
    command_join(&whole, &keys);
    command_join(&whole, &arguments);
    const redisReply *reply = redis_send(&whole);
    command_fini(&keys);
    command_fini(&arguments);
    command_fini(&whole);
    return reply;
}

static void expect_answers(const redisReply *reply, const char *const *expected, unsigned count) {
    cr_assert(reply_is_array(reply, count), "%s", reply->str);
    cr_assert_eq(reply->elements, count);
    for (unsigned i = 0; i < count; i++) {
        struct text answer = reply_text(reply->element[i]);
        size_t len = strlen(expected[i]);
        cr_assert(answer.len >= len && memcmp(answer.at, expected[i], len) == 0,
                  "answer %u: %.*s, expected %s", i, (int)answer.len, answer.at, expected[i]);
    }
}

static void expect_stored(const struct offer *offer, bool stored) {
    char body[64];
    snprintf(body, sizeof(body), "{\"id\":\"%s\"}", offer->id);
    const redisReply *data = redis_ask("HGET threat:%s data", offer->id);
    cr_assert(stored ? text_is(reply_text(data), body) : data->type != REDIS_REPLY_STRING);
    struct text score = reply_text(redis_ask("ZSCORE threats:by_created %s", offer->id));
    char expected[32];
    snprintf(expected, sizeof(expected), "%lld", (long long)offer->created_at_ms);
    cr_assert(stored ? text_is(score, expected) : score.at == NULL);
}

static long long log_rows_of(const struct offer *offer) {
    const redisReply *rows = redis_ask("XRANGE threats:log - +");
    long long count = 0;
    for (size_t i = 0; i < rows->elements; i++) {
        const redisReply *fields = rows->element[i]->element[1];
        if (!text_is(reply_text(reply_field(fields, "id")), offer->id))
            continue;
        cr_assert(text_is(reply_text(reply_field(fields, "kind")), "completed"));
        cr_assert_not_null(reply_text(reply_field(fields, "row")).at);
        cr_assert_eq(fields->elements, 6);
        count++;
    }
    return count;
}

/* --- outcomes --- */

Test(commit_script, one_batch_is_stored_indexed_logged_published_and_acknowledged) {
    static const char *const ok[] = {"OK", "OK", "OK"};
    struct offer offers[3];
    redisContext *listener = private_redis_connect(), *speaker = own_redis.context;
    freeReplyObject(redisCommand(listener, "SUBSCRIBE threats:events"));
    for (unsigned i = 0; i < 3; i++)
        offers[i] = make_offer(i);
    redis_do("HSET threat:%s entry %s", offers[0].id, offers[0].entry);
    read_all("w1");
    expect_answers(commit_for("w1", "threats:events", offers, 3), ok, 3);
    for (unsigned i = 0; i < 3; i++) {
        expect_stored(&offers[i], true);
        cr_assert_eq(log_rows_of(&offers[i]), 1);
        redisReply *message = NULL;
        char body[64];
        snprintf(body, sizeof(body), "{\"id\":\"%s\"}", offers[i].id);
        cr_assert_eq(redisGetReply(listener, (void **)&message), REDIS_OK);
        cr_assert(text_is(reply_text(message->element[2]), body), "published in the order of the batch");
        freeReplyObject(message);
    }
    cr_assert_eq(own_redis.context, speaker);
    expect_redis_text(offers[0].entry, "HGET threat:%s entry", offers[0].id);
    cr_assert_eq(pending_of(NULL), 0);
    cr_assert_eq(redis_number("ZCARD threats:by_created"), 3);
    cr_assert_eq(redis_number("XLEN threats:log"), 3);
    redisFree(listener);
}

Test(commit_script, an_unwanted_channel_is_not_spoken_to) {
    static const char *const ok[] = {"OK"};
    struct offer offer = make_offer(1);
    read_all("w1");
    redis_do("CONFIG RESETSTAT");
    expect_answers(commit_for("w1", "", &offer, 1), ok, 1);
    cr_assert_null(strstr(redis_ask("INFO commandstats")->str, "cmdstat_publish"));
}

Test(commit_script, only_the_owner_at_its_delivery_may_complete) {
    static const char *const expected[] = {"OK", "GONE", "FENCED", "FENCED", "GONE", "OK"};
    struct offer offers[6];
    for (unsigned i = 0; i < 6; i++)
        offers[i] = make_offer(i);
    read_all("w1");
    redis_do("XACK threats:stream soc-workers %s", offers[1].entry);
    redis_do("XCLAIM threats:stream soc-workers w2 0 %s", offers[2].entry); /* robbed */
    redis_do("XCLAIM threats:stream soc-workers w1 0 %s", offers[3].entry); /* delivered again */
    redis_do("XCLAIM threats:stream soc-workers w2 0 %s", offers[4].entry);
    redis_do("XACK threats:stream soc-workers %s", offers[4].entry); /* robbed and finished */
    redis_do("XCLAIM threats:stream soc-workers w2 0 %s JUSTID", offers[5].entry);
    redis_do("XCLAIM threats:stream soc-workers w1 0 %s", offers[5].entry); /* there and back */
    offers[5].deliveries = 2;
    expect_answers(commit_for("w1", "threats:events", offers, 6), expected, 6);
    for (unsigned i = 0; i < 6; i++) {
        expect_stored(&offers[i], i == 0 || i == 5);
        cr_assert_eq(log_rows_of(&offers[i]), i == 0 || i == 5);
    }
    cr_assert_eq(pending_of("w1"), 1, "the delivery that is not ours to finish stays");
    cr_assert_eq(pending_of("w2"), 1);
}

Test(commit_script, offering_again_changes_nothing) {
    static const char *const ok[] = {"OK", "OK"}, *const gone[] = {"GONE", "GONE"};
    struct offer offers[2] = {make_offer(0), make_offer(HISTORY_KEYS)};
    struct buffer before = BUFFER_EMPTY;
    read_all("w1");
    expect_answers(commit_for("w1", "", offers, 2), ok, 2);
    buffer_append_text(&before, reply_text(redis_ask("GET history:0")));
    for (int i = 0; i < 3; i++)
        expect_answers(commit_for("w1", "", offers, 2), gone, 2);
    cr_assert_eq(redis_number("XLEN threats:log"), 2);
    buffer_append_char(&before, '\0');
    expect_redis_text(before.at, "GET history:0");
    buffer_fini(&before);
}

Test(commit_script, entries_that_were_never_there_are_gone) {
    static const char *const gone[] = {"GONE"};
    struct offer offer = make_offer(1);
    expect_answers(commit_for("w1", "", &offer, 1), gone, 1);
    cr_assert_eq(redis_number("EXISTS threats:log threats:by_created history:1 threat:%s", offer.id), 0);
}

Test(commit_script, without_the_group_nothing_is_written) {
    struct offer offer = make_offer(1);
    read_all("w1");
    redis_do("XGROUP DESTROY threats:stream soc-workers");
    cr_assert_eq(reply_status(commit_for("w1", "", &offer, 1)), STATUS_NO_GROUP);
    redis_do("DEL threats:stream");
    cr_assert_eq(reply_status(commit_for("w1", "", &offer, 1)), STATUS_NO_GROUP);
    cr_assert_eq(redis_number("DBSIZE"), 0);
}

Test(commit_script, what_is_stored_already_is_acknowledged_and_nothing_else) {
    static const char *const ok[] = {"OK"}, *const done_and_ok[] = {"DONE", "OK"};
    struct offer offers[2] = {make_offer(1), make_offer(2)};
    read_all("w1");
    expect_answers(commit_for("w1", "", offers, 1), ok, 1);
    redis_do("XGROUP DESTROY threats:stream soc-workers");
    redis_do("XGROUP CREATE threats:stream soc-workers 0");
    read_all("w1");
    cr_assert_eq(pending_of("w1"), 2);
    expect_answers(commit_for("w1", "", offers, 2), done_and_ok, 2);
    cr_assert_eq(pending_of(NULL), 0);
    for (unsigned i = 0; i < 2; i++) {
        expect_stored(&offers[i], true);
        cr_assert_eq(log_rows_of(&offers[i]), 1);
        cr_assert_eq(strtol(reply_text(redis_ask("GET history:%u", i + 1)).at, NULL, 10), 1);
    }
    expect_redis_text("2", "GET threats:completed");
}

Test(commit_script, a_bad_account_stops_nothing) {
    static const char *const ok[] = {"OK"};
    struct offer offer = make_offer(1);
    read_all("w1");
    redis_do("HSET threats:completed field text");
    expect_answers(commit_for("w1", "", &offer, 1), ok, 1);
    expect_stored(&offer, true);
    cr_assert_eq(pending_of(NULL), 0);
    expect_redis_text("1", "GET threats:completed");
}

/* --- keys of another type --- */

Test(commit_script, a_bad_threat_key_leaves_its_neighbours_done_and_itself_pending) {
    static const char *const expected[] = {"OK", "WRONGTYPE", "OK"};
    struct offer offers[3];
    for (unsigned i = 0; i < 3; i++)
        offers[i] = make_offer(i);
    read_all("w1");
    redis_do("SET threat:%s text", offers[1].id);
    expect_answers(commit_for("w1", "", offers, 3), expected, 3);
    for (unsigned i = 0; i < 3; i++) {
        expect_stored(&offers[i], i != 1);
        cr_assert_eq(log_rows_of(&offers[i]), i != 1);
        cr_assert_eq(redis_number("EXISTS history:%d", (int)i), i != 1);
    }
    const redisReply *pending = redis_ask("XPENDING threats:stream soc-workers - + 10");
    cr_assert_eq(pending->elements, 1);
    cr_assert(text_is(reply_text(pending->element[0]->element[0]), offers[1].entry));
}

Test(commit_script, a_bad_log_or_index_acknowledges_nothing_and_adds_no_history) {
    struct offer offers[2] = {make_offer(1), make_offer(2)};
    static const char *const wrong[] = {"WRONGTYPE", "WRONGTYPE"}, *const ok[] = {"OK", "OK"};
    read_all("w1");
    redis_do("SET threats:log text");
    expect_answers(commit_for("w1", "", offers, 2), wrong, 2);
    cr_assert_eq(pending_of("w1"), 2);
    cr_assert_eq(redis_number("EXISTS history:1 history:2"), 0);
    redis_do("DEL threats:log threats:by_created");
    redis_do("SET threats:by_created text");
    expect_answers(commit_for("w1", "", offers, 2), wrong, 2);
    cr_assert_eq(pending_of("w1"), 2);
    cr_assert_eq(redis_number("EXISTS history:1 history:2 threats:log threats:completed"), 0);
    for (unsigned i = 0; i < 2; i++)
        cr_assert_eq(redis_number("HEXISTS threat:%s data", offers[i].id), 0);
    redis_do("DEL threats:by_created");
    expect_answers(commit_for("w1", "", offers, 2), ok, 2);
    cr_assert_eq(pending_of(NULL), 0);
}

Test(commit_script, a_bad_history_is_begun_anew) {
    static const char *const texts[] = {"", "nonsense", "1 2 3", "a b c d e", "-1 0 0 0 0"};
    static const char *const ok[] = {"OK"};
    for (unsigned i = 0; i < 6; i++) {
        struct offer offer = make_offer(HISTORY_KEYS * i);
        struct history expected = {0};
        struct buffer text = BUFFER_EMPTY;
        read_all("w1");
        redis_do("DEL history:0");
        if (i < 5)
            redis_do("SET history:0 %s", texts[i]);
        else
            redis_do("HSET history:0 field value");
        expect_answers(commit_for("w1", "", &offer, 1), ok, 1);
        history_add(&expected, &offer.history_case);
        history_write(&text, &expected);
        buffer_append_char(&text, '\0');
        expect_redis_text(text.at, "GET history:0");
        buffer_fini(&text);
    }
}

/* --- history: the script and shared/model/history.c add alike --- */

static struct history model[HISTORY_KEYS];

static void expect_histories(void) {
    struct buffer text = BUFFER_EMPTY;
    for (int i = 0; i < HISTORY_KEYS; i++) {
        struct text stored = reply_text(redis_ask("GET history:%d", i));
        struct history read;
        buffer_clear(&text);
        if (model[i].total > 0)
            history_write(&text, &model[i]);
        cr_assert(text_equal(stored, buffer_text(&text)), "key %d: %.*s, expected %.*s", i, (int)stored.len,
                  stored.at, (int)text.len, text.at);
        cr_assert(history_read(stored, &read));
    }
    buffer_fini(&text);
}

/* Histories as they may stand there: judged by analysts, never analysed, of huge counts. */
static void prepare_histories(void) {
    for (int i = 0; i < HISTORY_KEYS / 2; i++) {
        struct buffer text = BUFFER_EMPTY;
        for (int k = 0; k < i; k++) {
            struct history_case old = {.created_at_ms = 1763696000000 - k * 1000,
                                       .threat_type = (enum threat_type)random_below(THREAT_TYPE_COUNT),
                                       .severity = (enum severity)random_below(SEVERITY_COUNT),
                                       .fp_milli = (unsigned)random_below(1001),
                                       .verdict = (enum verdict)random_below(VERDICT_COUNT)};
            snprintf(old.id, sizeof(old.id), "INC-%d:%d", i, k);
            history_add(&model[i], &old);
        }
        if (i == HISTORY_KEYS / 2 - 1)
            model[i].total = UINT64_C(9007199254000000);
        history_write(&text, &model[i]);
        if (i > 0)
            redis_do("SET history:%d %b", i, text.at, text.len);
        buffer_fini(&text);
    }
}

static void randomise(struct offer *offer) {
    offer->created_at_ms = 1763696000000 + (int64_t)random_below(2000000) - 1000000;
    offer->history_case.created_at_ms = offer->created_at_ms;
    offer->history_case.threat_type = (enum threat_type)random_below(THREAT_TYPE_COUNT);
    offer->history_case.severity = (enum severity)random_below(SEVERITY_NONE);
    offer->history_case.fp_milli = (unsigned)random_below(1001);
    offer->key_count = 2 + (unsigned)random_below(2);
    offer->keys[0] = (unsigned)random_below(HISTORY_KEYS);
    for (unsigned h = 1; h < offer->key_count; h++)
        offer->keys[h] = (offer->keys[h - 1] + 1 + (unsigned)random_below(3)) % HISTORY_KEYS;
}

Test(commit_script, history_is_the_models_history) {
    prepare_histories();
    for (unsigned round = 0, number = 0; round < ROUNDS; round++) {
        struct offer offers[BATCH_MAX];
        const char *expected[BATCH_MAX];
        unsigned count = 1 + (unsigned)random_below(BATCH_MAX);
        for (unsigned i = 0; i < count; i++) {
            offers[i] = make_offer(number++);
            randomise(&offers[i]);
        }
        read_all("w1");
        for (unsigned i = 0; i < count; i++) {
            bool lost = random_below(10) == 0;
            if (lost)
                redis_do("XACK threats:stream soc-workers %s", offers[i].entry);
            expected[i] = lost ? "GONE" : "OK";
            for (unsigned h = 0; h < offers[i].key_count && !lost; h++)
                history_add(&model[offers[i].keys[h]], &offers[i].history_case);
        }
        expect_answers(commit_for("w1", "", offers, count), expected, count);
        expect_histories();
    }
    cr_assert_eq(pending_of(NULL), 0);
}

/* --- out of memory --- */

static const redisReply *enqueue(const char *id, const char *idempotency_key) {
    struct command command = COMMAND_EMPTY;
    bool keyed = idempotency_key[0] != '\0';
    char key[64];
    command_begin_script(&command, &enqueue_signal, keyed ? 4 : 3);
    command_words(&command, "threats:stream", "threats:log", NULL);
    snprintf(key, sizeof(key), "threat:%s", id);
    command_string(&command, key);
    if (keyed)
        command_string(&command, idempotency_key);
    command_words(&command, id, "{\"signal\":1}", "1763696000123", keyed ? "00-trace" : "", "row",
                  keyed ? "1" : "", NULL);
    const redisReply *reply = redis_send(&command);
    command_fini(&command);
    return reply;
}

static void run_out_of_memory(void) {
    redis_do("SETRANGE ballast 2097152 x");
    redis_do("CONFIG SET maxmemory-policy noeviction");
    redis_do("CONFIG SET maxmemory 1mb");
    cr_assert_eq(reply_status(redis_ask("SET any thing")), STATUS_NO_MEMORY);
}

Test(commit_script, completes_out_of_memory) {
    static const char *const ok[] = {"OK", "OK"};
    struct offer offers[2] = {make_offer(1), make_offer(2)};
    read_all("w1");
    run_out_of_memory();
    expect_answers(commit_for("w1", "threats:events", offers, 2), ok, 2);
    for (unsigned i = 0; i < 2; i++) {
        expect_stored(&offers[i], true);
        cr_assert_eq(log_rows_of(&offers[i]), 1);
    }
    cr_assert_eq(pending_of(NULL), 0);
}

Test(enqueue_script, is_refused_out_of_memory_and_writes_nothing) {
    run_out_of_memory();
    cr_assert_eq(reply_status(enqueue("new", "")), STATUS_NO_MEMORY);
    cr_assert_eq(reply_status(enqueue("new", "idempotent")), STATUS_NO_MEMORY);
    cr_assert_eq(redis_number("XLEN threats:stream"), 0);
    cr_assert_eq(redis_number("EXISTS threats:log threat:new idempotent"), 0);
    redis_do("CONFIG SET maxmemory 0");
    cr_assert_eq(reply_status(enqueue("new", "")), STATUS_OK);
    cr_assert_eq(redis_number("XLEN threats:stream"), 1);
}

Test(enqueue_script, takes_nothing_when_the_log_is_no_stream) {
    redis_do("SET threats:log text");
    cr_assert_eq(reply_status(enqueue("new", "idempotent")), STATUS_WRONG_TYPE);
    cr_assert_eq(redis_number("XLEN threats:stream"), 0);
    cr_assert_eq(redis_number("EXISTS threat:new idempotent"), 0);
    redis_do("DEL threats:log");
    cr_assert_eq(reply_integer(enqueue("new", "idempotent")->element[0], -1), 0);
    cr_assert_eq(redis_number("XLEN threats:stream"), 1);
}

Test(enqueue_script, writes_entry_record_and_row) {
    static const char *const names[] = {
        "v",           "1",       "id", "t1", "signal", "{\"signal\":1}", "received_at", "1763696000123",
        "traceparent", "00-trace"};
    cr_assert_eq(reply_integer(enqueue("t1", "key")->element[0], -1), 0);
    const redisReply *entries = redis_ask("XRANGE threats:stream - +");
    cr_assert_eq(entries->elements, 1);
    char entry[32];
    snprintf(entry, sizeof(entry), "%s", entries->element[0]->element[0]->str);
    const redisReply *fields = entries->element[0]->element[1];
    cr_assert_eq(fields->elements, 10);
    for (size_t i = 0; i < fields->elements; i++)
        cr_assert_str_eq(fields->element[i]->str, names[i]);
    expect_redis_text(entry, "HGET threat:t1 entry");
    expect_redis_text("t1", "GET key");
    cr_assert_eq(redis_number("TTL key"), 86400);
    const redisReply *rows = redis_ask("XRANGE threats:log - +");
    cr_assert_eq(rows->elements, 1);
    cr_assert(text_is(reply_text(reply_field(rows->element[0]->element[1], "kind")), "created"));
    cr_assert(text_is(reply_text(reply_field(rows->element[0]->element[1], "id")), "t1"));
    cr_assert(text_is(reply_text(reply_field(rows->element[0]->element[1], "row")), "row"));
}

Test(enqueue_script, a_key_seen_before_answers_the_first_id_and_takes_nothing) {
    enqueue("t1", "key");
    for (int i = 0; i < 3; i++)
        cr_assert(text_is(reply_text(enqueue("t2", "key")->element[0]), "t1"));
    cr_assert_eq(reply_integer(enqueue("t3", "")->element[0], -1), 0);
    cr_assert_eq(redis_number("XLEN threats:stream"), 2);
    cr_assert_eq(redis_number("XLEN threats:log"), 2);
    cr_assert_eq(redis_number("EXISTS threat:t2"), 0);
    cr_assert_eq(redis_number("HLEN threat:t3"), 1);
}
