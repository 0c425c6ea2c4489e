#include "api/threats/judge_case.h"

#include <stdlib.h>

#include "lua/judge_case_lua.h"
#include "shared/redis/script_call.h"
#include "shared/redis/tell_reply.h"

struct judging {
    judge_done done;
    void *arg;
};

const struct script *judge_script(void) {
    static struct script script;
    return script_once(&script, judge_case_lua);
}

static enum judge_outcome outcome_of(const redisReply *reply) {
    static const char *const words[JUDGE_OUTCOME_COUNT] = {
        [JUDGE_CHANGED] = "CHANGED", [JUDGE_SAME] = "SAME",   [JUDGE_HUMAN] = "HUMAN",
        [JUDGE_ABSENT] = "ABSENT",   [JUDGE_OTHER] = "OTHER", [JUDGE_THREAT] = "THREAT"};
    int outcome = 0;
    if (reply_is_array(reply, 1))
        while (outcome < JUDGE_OUTCOME_COUNT && !text_is(reply_text(reply->element[0]), words[outcome]))
            outcome++;
    return reply_is_array(reply, 1) ? (enum judge_outcome)outcome : JUDGE_OUTCOME_COUNT;
}

static void on_reply(void *arg, enum status status, const redisReply *reply) {
    struct judging *judging = arg;
    struct judge_result result = {.status = status, .sent = true};
    if (status == STATUS_OK) {
        result.outcome = outcome_of(reply);
        result.stored = reply->elements > 1 ? reply_text(reply->element[1]) : TEXT_NONE;
        result.status = result.outcome == JUDGE_OUTCOME_COUNT ? STATUS_INTERNAL : STATUS_OK;
    }
    if (result.status != STATUS_OK && reply != NULL)
        tell_reply("judge_case", reply);
    judging->done(judging->arg, &result);
    free(judging);
}

static void send(struct link *link, struct command *command, judge_done done, void *arg) {
    struct judging *judging = malloc(sizeof(*judging));
    if (judging == NULL)
        abort();
    *judging = (struct judging){done, arg};
    if (script_call(link, command_finish(command), on_reply, judging) != STATUS_OK) {
        done(arg, &(struct judge_result){.status = STATUS_UNAVAILABLE});
        free(judging);
    }
    command_fini(command);
}

static void add_history_keys(struct command *command, const struct keyspace *keyspace,
                             const struct case_word *word) {
    struct buffer key = BUFFER_EMPTY;
    keyspace_history_customer(keyspace, word->customer_id, word->judged->threat_type, &key);
    command_text(command, buffer_text(&key));
    buffer_clear(&key);
    keyspace_history_address(keyspace, &word->source_ip, &key);
    command_text(command, buffer_text(&key));
    buffer_clear(&key);
    keyspace_history_agent(keyspace, word->agent_hash, &key);
    if (word->agent_hash != 0)
        command_text(command, buffer_text(&key));
    buffer_fini(&key);
}

static int histories_of(const struct case_word *word) {
    return word->agent_hash != 0 ? 3 : 2;
}

static void add_word(struct command *command, const char *kind, const struct case_word *word) {
    const char *verdict = vocabulary_word(&vocabulary_verdict, (int)word->judged->verdict);
    struct buffer text = BUFFER_EMPTY;
    history_case_write(&text, word->judged);
    text.len -= strlen(verdict) + 1;
    command_string(command, kind);
    command_signed(command, histories_of(word));
    command_string(command, word->judged->id);
    command_signed(command, word->judged->created_at_ms);
    command_text(command, buffer_text(&text));
    command_string(command, verdict);
    command_text(command, word->head);
    command_text(command, word->rest);
    buffer_fini(&text);
}

void judge_threat_case(struct link *link, const struct keyspace *keyspace, const struct case_word *word,
                       const struct log_row *row, bool automated, judge_done done, void *arg) {
    struct command command = COMMAND_EMPTY;
    struct buffer text = BUFFER_EMPTY;
    command_begin_script(&command, judge_script(), 2 + histories_of(word));
    keyspace_threat(keyspace, &row->id, &text);
    command_text(&command, buffer_text(&text));
    add_history_keys(&command, keyspace, word);
    command_string(&command, keyspace_fixed(keyspace, KEY_LOG));
    add_word(&command, "threat", word);
    command_string(&command, automated ? "1" : "");
    buffer_clear(&text);
    log_row_write(&text, row);
    command_text(&command, buffer_text(&text));
    buffer_fini(&text);
    send(link, &command, done, arg);
}

void judge_incident_case(struct link *link, const struct keyspace *keyspace, const struct case_word *word,
                         judge_done done, void *arg) {
    struct command command = COMMAND_EMPTY;
    struct buffer key = BUFFER_EMPTY;
    struct uuid id;
    bool like_a_threat = uuid_parse(text_of(word->judged->id), &id);
    command_begin_script(&command, judge_script(), 1 + histories_of(word) + like_a_threat);
    command_string(&command, keyspace_fixed(keyspace, KEY_INCIDENTS));
    add_history_keys(&command, keyspace, word);
    if (like_a_threat) {
        keyspace_threat(keyspace, &id, &key);
        command_text(&command, buffer_text(&key));
    }
    add_word(&command, "incident", word);
    buffer_fini(&key);
    send(link, &command, done, arg);
}
