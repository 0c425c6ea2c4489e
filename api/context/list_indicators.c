/* GET /api/intel/indicators: the lists with their records and how many entries they have. DELETE: one goes.
 */
#include "api/context/context_calls.h"
#include "api/context/context_order.h"
#include "api/context/intel_question.h"
#include "api/context/replace_list.h"
#include "api/http/url_query.h"
#include "api/threats/api.h"

static void ask(struct intel_question *question, struct command *command, struct text key) {
    if (question->own == NULL)
        question->own = arena_take(&question->arena, question->count * sizeof(int64_t));
    command_begin(command, "HLEN");
    command_text(command, key);
}

static void hear(struct intel_question *question, unsigned list, const redisReply *reply) {
    ((int64_t *)question->own)[list] = reply_integer(reply, 0);
}

static void write_list(struct writer *writer, const struct intel_metadata *list, int64_t entries) {
    writer_open_object(writer);
    intel_metadata_write(writer, list);
    writer_member_signed(writer, "score", list->score);
    writer_member_signed(writer, "entries", entries);
    if (list->rejected >= 0)
        writer_member_signed(writer, "rejected", list->rejected);
    if (list->imported_at.at != NULL)
        writer_member_text(writer, "imported_at", list->imported_at);
    writer_close_object(writer);
}

static void answer(struct intel_question *question) {
    const int64_t *entries = question->own;
    struct buffer out = BUFFER_EMPTY;
    struct writer writer;
    writer_init(&writer, &out);
    writer_open_array(&writer);
    for (unsigned i = 0; i < question->count; i++)
        write_list(&writer, &question->lists[i], entries[i]);
    writer_close_array(&writer);
    exchange_answer_json(question->exchange, 200, buffer_text(&out));
    buffer_fini(&out);
}

void list_indicators(struct exchange *exchange) {
    static const struct intel_question_kind kind = {ask, hear, answer, NULL};
    intel_question_ask(intel_question_new(exchange, &kind, 0));
}

static void on_deleted(struct exchange *exchange, const redisReply *reply) {
    if (reply_integer(reply, 0) == 0)
        exchange_answer_problem(exchange, STATUS_NOT_FOUND, "no list has this name");
    else
        exchange_answer(exchange, 204, NULL, NULL, 0, TEXT_LITERAL(""));
}

static void send_delete(struct exchange *exchange, struct text name) {
    const struct api *api = exchange->app;
    struct command command = COMMAND_EMPTY;
    struct buffer key = BUFFER_EMPTY;
    keyspace_intel_list(&api->keyspace, name, &key);
    command_begin_script(&command, replace_list_script(), 4);
    command_text(&command, buffer_text(&key));
    command_text(&command, buffer_text(&key));
    command_string(&command, keyspace_fixed(&api->keyspace, KEY_INTEL_LISTS));
    command_string(&command, keyspace_fixed(&api->keyspace, KEY_CONTEXT_LOG));
    command_text(&command, name);
    order_send(exchange, &command, true, on_deleted);
    buffer_fini(&key);
    command_fini(&command);
}

void delete_indicators(struct exchange *exchange) {
    struct arena arena = ARENA_EMPTY;
    struct text rest = exchange->query, name, value, list = TEXT_NONE;
    struct faults faults;
    faults_init(&faults, &arena);
    while (url_query_next(&rest, &arena, &name, &value)) {
        if (text_is(name, "list"))
            list = value;
        else
            faults_add(&faults, &name, "is not a parameter of this call");
    }
    name = TEXT_LITERAL("list");
    if (list.at == NULL || !context_record_text_fits(list, INTEL_NAME_MAX))
        faults_add(&faults, &name, "must be the name of a list");
    if (faults.count > 0)
        exchange_answer_bad_parameters(exchange, &faults);
    else
        send_delete(exchange, list);
    arena_fini(&arena);
}
