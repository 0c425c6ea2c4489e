#include "api/context/intel_question.h"

#include <stdlib.h>

#include "api/threats/api.h"

/* A list whose reply is awaited. */
struct asked {
    struct intel_question *question;
    unsigned list;
};

struct intel_question *intel_question_new(struct exchange *exchange, const struct intel_question_kind *kind,
                                          size_t own_bytes) {
    struct intel_question *question = calloc(1, sizeof(*question));
    if (question == NULL)
        abort();
    question->kind = kind;
    question->exchange = exchange;
    exchange_hold(exchange);
    if (own_bytes > 0) {
        question->own = arena_take(&question->arena, own_bytes);
        memset(question->own, 0, own_bytes);
    }
    return question;
}

void intel_question_free(struct intel_question *question) {
    if (question->kind->release != NULL)
        question->kind->release(question);
    exchange_release(question->exchange);
    arena_fini(&question->arena);
    free(question);
}

static void finish(struct intel_question *question) {
    if (question->status != STATUS_OK)
        exchange_answer_problem(question->exchange, question->status, NULL);
    else if (question->exchange->req != NULL)
        question->kind->answer(question);
    intel_question_free(question);
}

static void one_less(struct intel_question *question) {
    if (--question->awaited == 0)
        finish(question);
}

static void on_list(void *arg, enum status status, const redisReply *reply) {
    const struct asked *asked = arg;
    struct intel_question *question = asked->question;
    if (status == STATUS_OK)
        question->kind->hear(question, asked->list, reply);
    else if (status != STATUS_WRONG_TYPE)
        question->status = status;
    one_less(question);
}

static void ask_list(struct intel_question *question, unsigned list) {
    const struct api *api = question->exchange->app;
    struct asked *asked = arena_take(&question->arena, sizeof(*asked));
    struct command command = COMMAND_EMPTY;
    struct buffer key = BUFFER_EMPTY;
    *asked = (struct asked){question, list};
    keyspace_intel_list(&api->keyspace, question->lists[list].name, &key);
    question->kind->ask(question, &command, buffer_text(&key));
    question->awaited++;
    if (link_send(api->commands, command_finish(&command), LINK_DEADLINE_MS, on_list, asked) != STATUS_OK) {
        question->awaited--;
        question->status = STATUS_UNAVAILABLE;
    }
    buffer_fini(&key);
    command_fini(&command);
}

static int compare_names(const void *left, const void *right) {
    const struct text *a = &((const struct intel_metadata *)left)->name,
                      *b = &((const struct intel_metadata *)right)->name;
    size_t len = a->len < b->len ? a->len : b->len;
    int order = memcmp(a->at, b->at, len);
    return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
}

/* Lists with a record that workers cannot use are no lists. */
static void read_lists(struct intel_question *question, const redisReply *reply) {
    size_t pairs = reply_is_array(reply, 2) ? reply->elements / 2 : 0;
    question->lists = arena_take(&question->arena, (pairs + 1) * sizeof(*question->lists));
    for (size_t i = 0; i < pairs; i++) {
        struct intel_metadata *list = &question->lists[question->count];
        intel_metadata_read(reply_text(reply->element[2 * i]), reply_text(reply->element[2 * i + 1]),
                            &question->arena, list);
        question->count += list->category >= 0 && context_record_text_fits(list->name, INTEL_NAME_MAX);
    }
    if (question->count > 0)
        qsort(question->lists, question->count, sizeof(*question->lists), compare_names);
}

static void on_lists(void *arg, enum status status, const redisReply *reply) {
    struct intel_question *question = arg;
    question->status = status;
    if (status == STATUS_OK) {
        read_lists(question, reply);
        for (unsigned i = 0; i < question->count; i++)
            ask_list(question, i);
    }
    one_less(question);
}

void intel_question_ask(struct intel_question *question) {
    const struct api *api = question->exchange->app;
    struct command command = COMMAND_EMPTY;
    command_begin(&command, "HGETALL");
    command_string(&command, keyspace_fixed(&api->keyspace, KEY_INTEL_LISTS));
    question->awaited = 1;
    if (link_send(api->commands, command_finish(&command), LINK_DEADLINE_MS, on_lists, question) !=
        STATUS_OK) {
        question->status = STATUS_UNAVAILABLE;
        one_less(question);
    }
    command_fini(&command);
}
