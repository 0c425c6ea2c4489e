/* GET and DELETE of dead letters. */
#include "api/context/context_order.h"
#include "api/dead_letters/letter.h"
#include "api/dead_letters/letter_calls.h"
#include "api/dead_letters/letter_query.h"
#include "api/threats/api.h"

enum { LIMIT_DEFAULT = 100, LIMIT_MAX = 1000 };

static void write_next_link(struct buffer *link, unsigned limit, struct text last) {
    buffer_printf(link, "</api/dead-letters?limit=%u&cursor=%.*s>; rel=\"next\"", limit, (int)last.len,
                  last.at);
}

/* One more letter than the page has was asked for: it tells whether there is a next one. */
static void on_letters(struct exchange *exchange, const redisReply *reply) {
    struct arena arena = ARENA_EMPTY;
    struct buffer out = BUFFER_EMPTY, link = BUFFER_EMPTY;
    struct letter_query query;
    struct letter letter;
    struct writer writer;
    if (!letter_query_read(exchange, &arena, LIMIT_DEFAULT, LIMIT_MAX, false, &query))
        goto out;
    writer_init(&writer, &out);
    writer_open_array(&writer);
    for (size_t i = 0; reply_is_array(reply, 1) && i < reply->elements && i < query.limit; i++)
        if (letter_read(reply->element[i], &letter))
            letter_write(&writer, &letter);
    writer_close_array(&writer);
    if (reply_is_array(reply, query.limit + 1))
        write_next_link(&link, query.limit, reply_text(reply->element[query.limit - 1]->element[0]));
    struct header header = {"link", buffer_text(&link)};
    exchange_answer(exchange, 200, "application/json", &header, link.len > 0, buffer_text(&out));
out:
    buffer_fini(&out);
    buffer_fini(&link);
    arena_fini(&arena);
}

void list_letters(struct exchange *exchange) {
    const struct api *api = exchange->app;
    struct arena arena = ARENA_EMPTY;
    struct buffer start = BUFFER_EMPTY;
    struct command command = COMMAND_EMPTY;
    struct letter_query query;
    if (letter_query_read(exchange, &arena, LIMIT_DEFAULT, LIMIT_MAX, false, &query)) {
        buffer_append_string(&start, query.cursor.at == NULL ? "+" : "(");
        if (query.cursor.at != NULL)
            buffer_append_text(&start, query.cursor);
        command_begin(&command, "XREVRANGE");
        command_string(&command, keyspace_fixed(&api->keyspace, KEY_DEAD));
        command_text(&command, buffer_text(&start));
        command_words(&command, "-", "COUNT", NULL);
        command_signed(&command, query.limit + 1);
        order_send(exchange, &command, false, on_letters);
    }
    command_fini(&command);
    buffer_fini(&start);
    arena_fini(&arena);
}

bool letter_id_of(struct exchange *exchange) {
    if (letter_id_fits(exchange->id))
        return true;
    exchange_answer_bad_parameter(exchange, "id", "must be the id of a dead letter, like 1763696000123-0");
    return false;
}

static void on_deleted(struct exchange *exchange, const redisReply *reply) {
    if (reply_integer(reply, 0) == 0)
        exchange_answer_problem(exchange, STATUS_NOT_FOUND, "no dead letter has this id");
    else
        exchange_answer(exchange, 204, NULL, NULL, 0, TEXT_LITERAL(""));
}

void delete_letter(struct exchange *exchange) {
    const struct api *api = exchange->app;
    struct command command = COMMAND_EMPTY;
    if (!letter_id_of(exchange))
        return;
    command_begin(&command, "XDEL");
    command_string(&command, keyspace_fixed(&api->keyspace, KEY_DEAD));
    command_text(&command, exchange->id);
    order_send(exchange, &command, true, on_deleted);
    command_fini(&command);
}
