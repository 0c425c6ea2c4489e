/* Dead letters go back on the stream: one, or a bounded number of the oldest. */
#include <stdlib.h>

#include "api/dead_letters/letter.h"
#include "api/dead_letters/letter_calls.h"
#include "api/dead_letters/letter_query.h"
#include "api/threats/api.h"
#include "lua/replay_letters_lua.h"
#include "shared/model/log_row.h"
#include "shared/redis/script_call.h"
#include "shared/redis/tell_reply.h"
#include "shared/telemetry/log.h"

enum { LIMIT_DEFAULT = 100, LIMIT_MAX = 500 };

/* One call on its way: the letters are read, then one script puts back those that can be. */
struct replay {
    struct exchange *exchange;
    struct api *api;
    bool one;
    unsigned limit;
    int reason; /* -1: any */
    unsigned sent, skipped;
    char next[LETTER_ID_MAX]; /* "": no letters behind these */
};

const struct script *replay_script(void) {
    static struct script script;
    return script_once(&script, replay_letters_lua);
}

static void replay_free(struct replay *replay) {
    exchange_release(replay->exchange);
    free(replay);
}

/* --- the answer --- */

static void answer_one(struct replay *replay, struct text word) {
    struct exchange *exchange = replay->exchange;
    if (text_is(word, "OK"))
        exchange_answer_json(exchange, 200, TEXT_LITERAL("{\"replayed\":1,\"skipped\":0,\"next\":null}"));
    else if (text_is(word, "GONE"))
        exchange_answer_problem(exchange, STATUS_NOT_FOUND, "no dead letter has this id");
    else if (text_is(word, "OTHER"))
        exchange_answer_problem(exchange, STATUS_CONFLICT, "the letter's threat is not failed any more");
    else
        exchange_answer_problem(exchange, STATUS_CONFLICT,
                                "the letter names no threat with a signal that can be analysed");
}

static void answer_many(struct replay *replay, unsigned replayed) {
    struct buffer out = BUFFER_EMPTY;
    struct writer writer;
    writer_init(&writer, &out);
    writer_open_object(&writer);
    writer_member_signed(&writer, "replayed", replayed);
    writer_member_signed(&writer, "skipped", replay->skipped + replay->sent - replayed);
    writer_key(&writer, "next");
    if (replay->next[0] == '\0')
        writer_null(&writer);
    else
        writer_string(&writer, replay->next);
    writer_close_object(&writer);
    exchange_answer_json(replay->exchange, 200, buffer_text(&out));
    buffer_fini(&out);
}

static void answer_replayed(struct replay *replay, const redisReply *reply) {
    unsigned replayed = 0;
    for (size_t i = 0; i < reply->elements; i++)
        replayed += text_is(reply_text(reply->element[i]), "OK");
    for (unsigned i = 0; i < replayed; i++)
        admission_count(&replay->api->admission);
    if (replayed > 0)
        log_write(LOG_LETTERS_REPLAYED, LOG_NUMBER("count", replayed));
    if (replay->one)
        answer_one(replay, reply_text(reply->element[0]));
    else
        answer_many(replay, replayed);
}

static void refuse(struct replay *replay, enum status status, bool unknown) {
    exchange_answer_problem(replay->exchange, status,
                            unknown ? "the connection broke before the store answered: whether letters were "
                                      "replayed is not known; send it again"
                                    : "nothing was replayed: try again");
    replay_free(replay);
}

static void on_replayed(void *arg, enum status status, const redisReply *reply) {
    struct replay *replay = arg;
    if (status == STATUS_OK && !reply_is_array(reply, replay->sent))
        status = STATUS_INTERNAL;
    if (status == STATUS_NO_MEMORY)
        admission_note_full(&replay->api->admission);
    if (status != STATUS_OK) {
        if (reply != NULL)
            tell_reply("replay_letters", reply);
        refuse(replay, status, reply == NULL);
        return;
    }
    answer_replayed(replay, reply);
    replay_free(replay);
}

/* --- the letters --- */

static void add_row(struct command *arguments, const struct uuid *id, int64_t received_at_ms,
                    const struct signal *signal) {
    struct log_row row = log_row_of_signal(EVENT_UPDATED, id, received_at_ms, signal);
    struct buffer text = BUFFER_EMPTY;
    log_row_write(&text, &row);
    command_text(arguments, buffer_text(&text));
    buffer_fini(&text);
}

static bool is_wanted(const struct replay *replay, const struct letter *letter) {
    return replay->reason < 0 ||
           text_is(letter->reason, vocabulary_word(&vocabulary_dead_reason, replay->reason));
}

static bool add_letter(struct replay *replay, struct command *keys, struct command *arguments,
                       const redisReply *element) {
    static struct arena arena;
    struct buffer key = BUFFER_EMPTY;
    char id[UUID_LENGTH];
    struct letter letter;
    struct signal signal;
    int64_t received_at_ms;
    arena_reset(&arena);
    if (!letter_read(element, &letter) || !is_wanted(replay, &letter) ||
        !letter_is_replayable(&letter, &arena, &signal, &received_at_ms))
        return false;
    keyspace_threat(&replay->api->keyspace, &letter.threat, &key);
    command_text(keys, buffer_text(&key));
    buffer_fini(&key);
    uuid_write(&letter.threat, id);
    command_text(arguments, letter.id);
    command_text(arguments, (struct text){id, UUID_LENGTH});
    command_text(arguments, letter.signal);
    command_signed(arguments, received_at_ms);
    add_row(arguments, &letter.threat, received_at_ms, &signal);
    return true;
}

static void note_next(struct replay *replay, const redisReply *letters, size_t page) {
    if (replay->one || letters->elements <= page)
        return;
    struct text last = reply_text(letters->element[page - 1]->element[0]);
    snprintf(replay->next, sizeof(replay->next), "%.*s", (int)last.len, last.at);
}

/* One letter more than the page was asked for: it tells whether there is a next one. */
static void collect(struct replay *replay, const redisReply *letters, struct command *whole) {
    struct command keys = COMMAND_EMPTY, arguments = COMMAND_EMPTY;
    const struct keyspace *keyspace = &replay->api->keyspace;
    size_t page = letters->elements < replay->limit ? letters->elements : replay->limit;
    command_begin_part(&keys);
    command_begin_part(&arguments);
    command_words(&keys, keyspace_fixed(keyspace, KEY_STREAM), keyspace_fixed(keyspace, KEY_LOG),
                  keyspace_fixed(keyspace, KEY_DEAD), NULL);
    for (size_t i = 0; i < page; i++)
        replay->sent += add_letter(replay, &keys, &arguments, letters->element[i]);
    replay->skipped = (unsigned)page - replay->sent;
    note_next(replay, letters, page);
    command_begin_script(whole, replay_script(), (int)keys.count);
    command_join(whole, &keys);
    command_join(whole, &arguments);
    command_fini(&keys);
    command_fini(&arguments);
}

/* False: there is none that can be. */
static bool put_back(struct replay *replay, const redisReply *letters) {
    struct command whole = COMMAND_EMPTY;
    collect(replay, letters, &whole);
    bool any = replay->sent > 0;
    if (any && script_call(replay->api->commands, command_finish(&whole), on_replayed, replay) != STATUS_OK)
        refuse(replay, STATUS_UNAVAILABLE, false);
    command_fini(&whole);
    return any;
}

static void on_letters(void *arg, enum status status, const redisReply *reply) {
    struct replay *replay = arg;
    if (status == STATUS_OK && !reply_is_array(reply, 0))
        status = STATUS_INTERNAL;
    if (status != STATUS_OK) {
        refuse(replay, status, false);
        return;
    }
    if (put_back(replay, reply))
        return;
    if (replay->one)
        answer_one(replay, reply->elements == 0 ? TEXT_LITERAL("GONE") : TEXT_LITERAL(""));
    else
        answer_many(replay, 0);
    replay_free(replay);
}

static void ask(struct exchange *exchange, bool one, const struct letter_query *query) {
    struct api *api = exchange->app;
    struct replay *replay = calloc(1, sizeof(*replay));
    struct command command = COMMAND_EMPTY;
    struct buffer start = BUFFER_EMPTY;
    if (replay == NULL)
        abort();
    *replay = (struct replay){
        .exchange = exchange, .api = api, .one = one, .limit = query->limit, .reason = query->reason};
    exchange_hold(exchange);
    buffer_append_string(&start, one ? "" : query->cursor.at == NULL ? "-" : "(");
    buffer_append_text(&start, query->cursor.at == NULL ? TEXT_LITERAL("") : query->cursor);
    command_begin(&command, "XRANGE");
    command_string(&command, keyspace_fixed(&api->keyspace, KEY_DEAD));
    command_text(&command, buffer_text(&start));
    command_text(&command, one ? query->cursor : TEXT_LITERAL("+"));
    command_string(&command, "COUNT");
    command_signed(&command, query->limit + 1);
    if (link_send(api->commands, command_finish(&command), LINK_DEADLINE_MS, on_letters, replay) != STATUS_OK)
        refuse(replay, STATUS_UNAVAILABLE, false);
    command_fini(&command);
    buffer_fini(&start);
}

static bool is_admitted(struct exchange *exchange) {
    const struct api *api = exchange->app;
    enum status status = link_is_up(api->commands) ? admission_judge(&api->admission) : STATUS_UNAVAILABLE;
    if (status != STATUS_OK)
        exchange_answer_problem(exchange, status, "nothing was replayed: try again");
    return status == STATUS_OK;
}

void replay_letter(struct exchange *exchange) {
    const struct letter_query query = {.limit = 1, .cursor = exchange->id, .reason = -1};
    if (letter_id_of(exchange) && is_admitted(exchange))
        ask(exchange, true, &query);
}

void replay_letters(struct exchange *exchange) {
    struct arena arena = ARENA_EMPTY;
    struct letter_query query;
    if (letter_query_read(exchange, &arena, LIMIT_DEFAULT, LIMIT_MAX, true, &query) && is_admitted(exchange))
        ask(exchange, false, &query);
    arena_fini(&arena);
}
