/* api/threats/judge_case.lua on a real server, together with worker/results/commit_analysis.lua: whatever
 * happens in whatever order, the histories are those of shared/model/history.c, and their counts those of the
 * words that stand. */
#include <criterion/criterion.h>

#include "shared/base/uuid.h"
#include "shared/model/history.h"
#include "tests/unit/private_redis.h"
#include "tests/unit/random_bytes.h"

enum { SCOPES = 5, SCOPES_OF_A_CASE = 2, CASES_MAX = 600, ROUNDS = 6, STEPS = 500 };

static struct script commit_analysis, judge_case;

static void start(void) {
    private_redis_start();
    script_load(&commit_analysis, "commit_analysis");
    script_load(&judge_case, "judge_case");
    redis_do("XGROUP CREATE threats:stream soc-workers 0 MKSTREAM");
}

static void stop(void) {
    private_redis_forget();
    private_redis_stop();
    script_unload(&commit_analysis);
    script_unload(&judge_case);
}

TestSuite(judge_script, .timeout = 60, .init = start, .fini = stop);

/* A case as the test knows it. */
struct known {
    struct history_case told; /* with the word that stands */
    bool incident;
    unsigned scopes[SCOPES_OF_A_CASE];
};

static struct known cases[CASES_MAX];
static unsigned case_count, change_count;
static struct history model[SCOPES];

/* --- the two scripts --- */

static void add_scopes(struct command *command, const struct known *known) {
    char key[32];
    for (int i = 0; i < SCOPES_OF_A_CASE; i++) {
        snprintf(key, sizeof(key), "history:%u", known->scopes[i]);
        command_string(command, key);
    }
}

static void add_case(struct command *command, const struct history_case *added, bool with_word) {
    struct buffer text = BUFFER_EMPTY;
    history_case_write(&text, added);
    if (!with_word)
        text.len -= strlen(vocabulary_word(&vocabulary_verdict, (int)added->verdict)) + 1;
    command_text(command, buffer_text(&text));
    buffer_fini(&text);
}

static void complete(const struct known *known) {
    struct command command = COMMAND_EMPTY;
    char entry[32], key[HISTORY_CASE_ID_MAX + 8];
    struct text added = reply_text(redis_ask("XADD threats:stream * id %s", known->told.id));
    snprintf(entry, sizeof(entry), "%.*s", (int)added.len, added.at);
    redis_do("XREADGROUP GROUP soc-workers w1 COUNT 100 STREAMS threats:stream >");
    snprintf(key, sizeof(key), "threat:%s", known->told.id);
    command_begin_script(&command, &commit_analysis, 5 + SCOPES_OF_A_CASE);
    command_words(&command, "threats:stream", "threats:log", "threats:by_created", "threats:completed", key,
                  NULL);
    add_scopes(&command, known);
    command_words(&command, "soc-workers", "w1", "", entry, entry, entry, "1", known->told.id, NULL);
    command_signed(&command, known->told.created_at_ms);
    command_words(&command, "{body}", "row", NULL);
    add_case(&command, &known->told, true);
    command_signed(&command, SCOPES_OF_A_CASE);
    const redisReply *reply = redis_send(&command);
    cr_assert(reply_is_array(reply, 1) && text_is(reply_text(reply->element[0]), "OK"), "%s", reply->str);
    command_fini(&command);
}

static const char *word_of(enum verdict verdict) {
    return vocabulary_word(&vocabulary_verdict, (int)verdict);
}

/* `told` says of what the word is; the outcome, and what is stored, as they stand in the reply. */
static const redisReply *judge(const struct known *known, const char *head, const char *rest, bool automated,
                               const char *further) {
    struct command command = COMMAND_EMPTY;
    char key[HISTORY_CASE_ID_MAX + 8];
    snprintf(key, sizeof(key), known->incident ? "incidents" : "threat:%s", known->told.id);
    command_begin_script(&command, &judge_case, 1 + SCOPES_OF_A_CASE + (further != NULL));
    command_string(&command, key);
    add_scopes(&command, known);
    if (further != NULL)
        command_string(&command, further);
    command_string(&command, known->incident ? "incident" : "threat");
    command_signed(&command, SCOPES_OF_A_CASE);
    command_string(&command, known->told.id);
    command_signed(&command, known->told.created_at_ms);
    add_case(&command, &known->told, false);
    command_words(&command, word_of(known->told.verdict), head, rest, NULL);
    if (!known->incident)
        command_words(&command, automated ? "1" : "", "row", NULL);
    const redisReply *reply = redis_send(&command);
    command_fini(&command);
    return reply;
}

static const redisReply *judge_threat(const struct known *known, const char *by, bool automated) {
    char head[128] = "", rest[64] = "";
    if (known->told.verdict != VERDICT_NONE) {
        snprintf(head, sizeof(head), "{\"verdict\":\"%s\",\"analyst\":\"%s\",\"automated\":%s",
                 word_of(known->told.verdict), by, automated ? "true" : "false");
        snprintf(rest, sizeof(rest), ",\"at\":\"%09u\"}", change_count);
    }
    return judge(known, head, rest, automated, "threats:log");
}

static const redisReply *import(const struct known *known) {
    char head[128], rest[64];
    snprintf(head, sizeof(head), "{\"customer_id\":\"c%u\"", known->scopes[0]);
    snprintf(rest, sizeof(rest), ",\"verdict\":\"%s\"}", word_of(known->told.verdict));
    return judge(known, head, rest, false, NULL);
}

static void expect_outcome(const redisReply *reply, const char *outcome) {
    cr_assert(reply_is_array(reply, 2), "%s", reply->str);
    cr_assert(text_is(reply_text(reply->element[0]), outcome), "%s, expected %s", reply->element[0]->str,
              outcome);
}

/* --- random lives --- */

static struct known *make_case(bool incident) {
    struct known *made = &cases[case_count];
    *made = (struct known){.incident = incident};
    made->told = (struct history_case){.created_at_ms = 1763696000000 + (int64_t)random_below(200) * 1000,
                                       .threat_type = (enum threat_type)random_below(THREAT_TYPE_COUNT),
                                       .severity = (enum severity)random_below(SEVERITY_NONE),
                                       .fp_milli = (unsigned)random_below(1001)};
    snprintf(made->told.id, sizeof(made->told.id), incident ? "INC-%u" : "01993bb4-0000-7000-8000-%012u",
             case_count++);
    made->scopes[0] = (unsigned)random_below(SCOPES);
    made->scopes[1] = (made->scopes[0] + 1 + (unsigned)random_below(SCOPES - 1)) % SCOPES;
    return made;
}

static void new_case(void) {
    bool incident = random_below(3) == 0;
    struct known *made = make_case(incident);
    if (incident) {
        made->told.verdict = (enum verdict)(1 + random_below(2));
        expect_outcome(import(made), "CHANGED");
    } else {
        complete(made);
    }
    for (int i = 0; i < SCOPES_OF_A_CASE; i++)
        history_add(&model[made->scopes[i]], &made->told);
}

static void change_word(struct known *known, enum verdict verdict) {
    enum verdict before = known->told.verdict;
    change_count++;
    known->told.verdict = verdict;
    const redisReply *reply = known->incident ? import(known) : judge_threat(known, "ada", false);
    expect_outcome(reply, verdict == before ? "SAME" : "CHANGED");
    for (int i = 0; i < SCOPES_OF_A_CASE && verdict != before; i++)
        history_judge(&model[known->scopes[i]], &known->told, before);
}

static void expect_histories(void) {
    struct buffer text = BUFFER_EMPTY;
    for (int i = 0; i < SCOPES; i++) {
        struct text stored = reply_text(redis_ask("GET history:%d", i));
        buffer_clear(&text);
        if (model[i].total > 0)
            history_write(&text, &model[i]);
        cr_assert(text_equal(stored, buffer_text(&text)), "key %d: %.*s, expected %.*s", i, (int)stored.len,
                  stored.at, (int)text.len, text.at);
    }
    buffer_fini(&text);
}

/* From scratch: what stands now, however it came to stand. */
static void expect_counts(void) {
    for (unsigned scope = 0; scope < SCOPES; scope++) {
        uint64_t count[VERDICT_COUNT] = {0};
        for (unsigned i = 0; i < case_count; i++)
            for (int k = 0; k < SCOPES_OF_A_CASE; k++)
                count[cases[i].told.verdict] += cases[i].scopes[k] == scope;
        cr_assert_eq(model[scope].total,
                     count[VERDICT_NONE] + count[VERDICT_FALSE_POSITIVE] + count[VERDICT_TRUE_POSITIVE]);
        cr_assert_eq(model[scope].false_positives, count[VERDICT_FALSE_POSITIVE]);
        cr_assert_eq(model[scope].true_positives, count[VERDICT_TRUE_POSITIVE]);
    }
}

/* Every case in a list tells its word of now, and the newest come first. */
static void expect_lists(void) {
    for (unsigned scope = 0; scope < SCOPES; scope++) {
        const struct history *history = &model[scope];
        for (unsigned i = 0; i < history->recent_count; i++) {
            unsigned k = 0;
            while (strcmp(cases[k].told.id, history->recent[i].id) != 0)
                cr_assert_lt(++k, case_count);
            cr_assert_eq(history->recent[i].verdict, cases[k].told.verdict);
            cr_assert(i == 0 || history->recent[i - 1].created_at_ms >= history->recent[i].created_at_ms);
        }
    }
}

static void live_one_life(void) {
    case_count = 0;
    memset(model, 0, sizeof(model));
    redis_do("DEL history:0 history:1 history:2 history:3 history:4 incidents");
    for (int step = 0; step < STEPS; step++) {
        if (case_count == 0 || random_below(3) == 0) {
            new_case();
        } else {
            struct known *known = &cases[random_below(case_count)];
            change_word(known, known->incident ? (enum verdict)(1 + random_below(2))
                                               : (enum verdict)random_below(VERDICT_COUNT));
        }
        expect_histories();
    }
    expect_counts();
    expect_lists();
}

Test(judge_script, histories_are_the_models_and_counts_those_of_the_standing_words) {
    for (int round = 0; round < ROUNDS; round++) {
        live_one_life();
        for (unsigned i = 0; i < case_count; i++)
            if (!cases[i].incident)
                change_word(&cases[i], VERDICT_NONE);
        expect_histories();
        expect_counts();
        for (unsigned i = 0; i < case_count; i++)
            redis_do("DEL threat:%s", cases[i].told.id);
    }
}

/* --- single words --- */

static struct known *completed_case(void) {
    struct known *known = make_case(false);
    complete(known);
    return known;
}

Test(judge_script, a_word_is_stored_with_its_row_and_goes_without_trace) {
    struct known *known = completed_case();
    known->told.verdict = VERDICT_FALSE_POSITIVE;
    const redisReply *reply = judge_threat(known, "ada", false);
    expect_outcome(reply, "CHANGED");
    char stored[256];
    snprintf(stored, sizeof(stored), "%s", reply->element[1]->str);
    expect_redis_text(stored, "HGET threat:%s verdict", known->told.id);
    cr_assert_eq(redis_number("XLEN threats:log"), 2);
    change_count += 7;
    reply = judge_threat(known, "ada", false);
    expect_outcome(reply, "SAME");
    cr_assert_str_eq(reply->element[1]->str, stored, "at the time of the first");
    cr_assert_eq(redis_number("XLEN threats:log"), 2);
    expect_outcome(judge_threat(known, "eve", false), "CHANGED");
    known->told.verdict = VERDICT_NONE;
    expect_outcome(judge_threat(known, "", false), "CHANGED");
    expect_outcome(judge_threat(known, "", false), "SAME");
    cr_assert_eq(redis_number("HEXISTS threat:%s verdict", known->told.id), 0);
    cr_assert_eq(redis_number("XLEN threats:log"), 4);
}

Test(judge_script, automation_yields_to_humans_only) {
    struct known *known = completed_case();
    known->told.verdict = VERDICT_TRUE_POSITIVE;
    expect_outcome(judge_threat(known, "bot", true), "CHANGED");
    expect_outcome(judge_threat(known, "other bot", true), "CHANGED");
    expect_outcome(judge_threat(known, "ada", false), "CHANGED");
    expect_outcome(judge_threat(known, "bot", true), "HUMAN");
    known->told.verdict = VERDICT_NONE;
    expect_outcome(judge_threat(known, "bot", true), "HUMAN");
    expect_outcome(judge_threat(known, "ada", false), "CHANGED");
    expect_outcome(judge_threat(known, "bot", true), "SAME");
}

Test(judge_script, what_is_not_there_gets_no_word) {
    struct known *known = make_case(false);
    known->told.verdict = VERDICT_TRUE_POSITIVE;
    const redisReply *reply = judge_threat(known, "ada", false);
    cr_assert(reply_is_array(reply, 1) && text_is(reply_text(reply->element[0]), "ABSENT"));
    redis_do("HSET threat:%s entry 1-1", known->told.id);
    reply = judge_threat(known, "ada", false);
    cr_assert(reply_is_array(reply, 1) && text_is(reply_text(reply->element[0]), "ABSENT"));
    cr_assert_eq(redis_number("EXISTS threats:log history:0 history:1 history:2 history:3 history:4"), 0);
}

Test(judge_script, an_incident_with_other_facts_or_a_threats_id_is_refused) {
    struct known *known = make_case(true);
    known->told.verdict = VERDICT_TRUE_POSITIVE;
    expect_outcome(import(known), "CHANGED");
    expect_outcome(judge(known, "{\"customer_id\":\"other\"", ",\"verdict\":\"true_positive\"}", false, NULL),
                   "OTHER");
    redis_do("HSET threat:x entry 1-1");
    expect_outcome(
        judge(known, "{\"customer_id\":\"other\"", ",\"verdict\":\"true_positive\"}", false, "threat:x"),
        "THREAT");
    cr_assert_eq(redis_number("HLEN incidents"), 1);
}

Test(judge_script, a_bad_history_is_begun_anew_and_a_bad_key_breaks_nothing) {
    struct known *known = completed_case();
    struct history fresh = {0};
    struct buffer text = BUFFER_EMPTY;
    redis_do("SET history:%u nonsense", known->scopes[0]);
    redis_do("DEL history:%u", known->scopes[1]);
    redis_do("HSET history:%u field value", known->scopes[1]);
    known->told.verdict = VERDICT_TRUE_POSITIVE;
    expect_outcome(judge_threat(known, "ada", false), "CHANGED");
    history_judge(&fresh, &known->told, VERDICT_NONE);
    history_write(&text, &fresh);
    buffer_append_char(&text, '\0');
    for (int i = 0; i < SCOPES_OF_A_CASE; i++)
        expect_redis_text(text.at, "GET history:%u", known->scopes[i]);
    redis_do("DEL threats:log");
    redis_do("SET threats:log text");
    known->told.verdict = VERDICT_FALSE_POSITIVE;
    cr_assert_eq(reply_status(judge_threat(known, "ada", false)), STATUS_WRONG_TYPE);
    expect_redis_text(text.at, "GET history:%u", known->scopes[0]);
    buffer_fini(&text);
}

Test(judge_script, out_of_memory_refuses_before_the_first_write) {
    struct known *known = completed_case();
    redis_do("SETRANGE ballast 2097152 x");
    redis_do("CONFIG SET maxmemory-policy noeviction");
    redis_do("CONFIG SET maxmemory 1mb");
    known->told.verdict = VERDICT_TRUE_POSITIVE;
    cr_assert_eq(reply_status(judge_threat(known, "ada", false)), STATUS_NO_MEMORY);
    cr_assert_eq(redis_number("HEXISTS threat:%s verdict", known->told.id), 0);
    cr_assert_eq(redis_number("XLEN threats:log"), 1);
}
