/* GET, PUT and DELETE of one customer. */
#include "api/context/context_calls.h"
#include "api/context/context_order.h"
#include "api/context/customer_json.h"
#include "api/threats/api.h"

static bool id_is_fine(struct exchange *exchange) {
    if (customer_record_id_fits(exchange->id))
        return true;
    exchange_answer_bad_parameter(exchange, "id", "must be 1 to 64 characters of A-Z a-z 0-9 . _ -");
    return false;
}

static void answer_record(struct exchange *exchange, int http_status, const struct context_field *fields,
                          unsigned count) {
    struct buffer out = BUFFER_EMPTY;
    struct writer writer;
    writer_init(&writer, &out);
    customer_json_write(&writer, exchange->id, fields, count);
    exchange_answer_json(exchange, http_status, buffer_text(&out));
    buffer_fini(&out);
}

static void add_key(struct command *command, const struct api *api, struct text id) {
    struct buffer key = BUFFER_EMPTY;
    keyspace_customer(&api->keyspace, id, &key);
    command_text(command, buffer_text(&key));
    buffer_fini(&key);
}

static void on_record(struct exchange *exchange, const redisReply *reply) {
    struct context_field fields[CUSTOMER_HASH_FIELDS_MAX];
    unsigned count = customer_fields_of_reply(reply, fields);
    if (count == 0)
        exchange_answer_problem(exchange, STATUS_NOT_FOUND, "no customer has this id");
    else
        answer_record(exchange, 200, fields, count);
}

void get_customer(struct exchange *exchange) {
    struct command command = COMMAND_EMPTY;
    if (!id_is_fine(exchange))
        return;
    command_begin(&command, "HGETALL");
    add_key(&command, exchange->app, exchange->id);
    order_send(exchange, &command, false, on_record);
    command_fini(&command);
}

static void begin_change(struct command *command, const struct exchange *exchange) {
    const struct api *api = exchange->app;
    command_begin_script(command, change_customer_script(), 3);
    add_key(command, api, exchange->id);
    command_string(command, keyspace_fixed(&api->keyspace, KEY_CONTEXT_LOG));
    command_string(command, keyspace_fixed(&api->keyspace, KEY_CUSTOMERS));
    command_text(command, exchange->id);
}

/* Reads the request's body once more: it was good before. */
static void on_put(struct exchange *exchange, const redisReply *reply) {
    struct arena arena = ARENA_EMPTY;
    struct faults faults;
    struct customer_fields fields = {.count = 0};
    faults_init(&faults, &arena);
    if (customer_json_read(exchange_body(exchange), exchange->id, &arena, &fields, &faults))
        answer_record(exchange, reply_integer(reply, 1) == 0 ? 201 : 200, fields.rows, fields.count);
    arena_fini(&arena);
}

void put_customer(struct exchange *exchange) {
    struct arena arena = ARENA_EMPTY;
    struct faults faults;
    struct customer_fields fields = {.count = 0};
    struct command command = COMMAND_EMPTY;
    if (!id_is_fine(exchange) ||
        !exchange_body_is_acceptable(exchange, exchange_json_types, CUSTOMER_BODY_MAX,
                                     "a customer record has at most 262144 bytes"))
        return;
    faults_init(&faults, &arena);
    if (customer_json_read(exchange_body(exchange), exchange->id, &arena, &fields, &faults)) {
        begin_change(&command, exchange);
        for (unsigned i = 0; i < fields.count; i++) {
            command_text(&command, fields.rows[i].name);
            command_text(&command, fields.rows[i].value);
        }
        order_send(exchange, &command, true, on_put);
    } else {
        exchange_answer_faults(exchange, &faults, "pointer");
    }
    command_fini(&command);
    arena_fini(&arena);
}

static void on_deleted(struct exchange *exchange, const redisReply *reply) {
    if (reply_integer(reply, 0) == 0)
        exchange_answer_problem(exchange, STATUS_NOT_FOUND, "no customer has this id");
    else
        exchange_answer(exchange, 204, NULL, NULL, 0, TEXT_LITERAL(""));
}

void delete_customer(struct exchange *exchange) {
    struct command command = COMMAND_EMPTY;
    if (!id_is_fine(exchange))
        return;
    begin_change(&command, exchange);
    order_send(exchange, &command, true, on_deleted);
    command_fini(&command);
}
