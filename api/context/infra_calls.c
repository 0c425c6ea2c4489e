/* POST, GET and DELETE of infra events. */
#include <stdlib.h>

#include "api/context/context_calls.h"
#include "api/context/context_order.h"
#include "api/context/infra_json.h"
#include "api/http/url_query.h"
#include "api/threats/api.h"
#include "shared/base/clock.h"
#include "shared/base/rfc3339.h"
#include "shared/context/customer_records.h"
#include "shared/redis/script_call.h"

static void begin_change(struct command *command, const struct api *api) {
    command_begin_script(command, change_infra_script(), 2);
    command_string(command, keyspace_fixed(&api->keyspace, KEY_INFRA_EVENTS));
    command_string(command, keyspace_fixed(&api->keyspace, KEY_CONTEXT_LOG));
}

/* --- POST --- */

/* What was posted, kept until Redis has it: ids were made. */
struct infra_post {
    struct exchange *exchange;
    struct buffer answer;
};

static void post_free(struct infra_post *post) {
    exchange_release(post->exchange);
    buffer_fini(&post->answer);
    free(post);
}

static void on_posted(void *arg, enum status status, const redisReply *reply) {
    struct infra_post *post = arg;
    if (status != STATUS_OK)
        exchange_answer_problem(post->exchange, status,
                                reply == NULL ? "the connection broke before the store answered: whether the "
                                                "events were taken is not known"
                                              : "nothing was taken: try again");
    else
        exchange_answer_json(post->exchange, reply_integer(reply, 0) > 0 ? 201 : 200,
                             buffer_text(&post->answer));
    post_free(post);
}

static void write_answer(const struct infra_records *records, struct buffer *out) {
    struct writer writer;
    writer_init(&writer, out);
    if (records->array)
        writer_open_array(&writer);
    for (unsigned i = 0; i < records->count; i++)
        infra_json_write(&writer, &records->rows[i], true);
    if (records->array)
        writer_close_array(&writer);
}

static void store(struct exchange *exchange, const struct infra_records *records) {
    struct api *api = exchange->app;
    struct buffer json = BUFFER_EMPTY;
    struct command command = COMMAND_EMPTY;
    struct infra_post *post = calloc(1, sizeof(*post));
    if (post == NULL)
        abort();
    post->exchange = exchange;
    exchange_hold(exchange);
    write_answer(records, &post->answer);
    begin_change(&command, api);
    for (unsigned i = 0; i < records->count; i++) {
        struct writer writer;
        buffer_clear(&json);
        writer_init(&writer, &json);
        infra_json_write(&writer, &records->rows[i], false);
        command_text(&command, records->rows[i].id);
        command_text(&command, buffer_text(&json));
    }
    if (script_call(api->commands, command_finish(&command), on_posted, post) != STATUS_OK) {
        exchange_answer_problem(exchange, STATUS_UNAVAILABLE, "nothing was taken: try again");
        post_free(post);
    }
    command_fini(&command);
    buffer_fini(&json);
}

void post_infra_events(struct exchange *exchange) {
    struct api *api = exchange->app;
    struct arena arena = ARENA_EMPTY;
    struct faults faults;
    struct infra_records records;
    if (!exchange_body_is_acceptable(exchange, exchange_json_types, INFRA_BODY_MAX,
                                     "infra events have at most 1048576 bytes in one request"))
        return;
    faults_init(&faults, &arena);
    if (infra_json_read(exchange_body(exchange), &api->ids, clock_wall_ms(), &arena, &records, &faults))
        store(exchange, &records);
    else if (records.too_many)
        exchange_answer_problem(exchange, STATUS_TOO_LARGE, "one request holds at most 1000 events");
    else
        exchange_answer_faults(exchange, &faults, "pointer");
    arena_fini(&arena);
}

/* --- GET --- */

struct infra_filter {
    struct text customer_id; /* at == NULL: any */
    int64_t since_ms, until_ms;
};

/* RFC 3339 offsets hold a '+', which a query decodes to a blank. */
static bool read_time(struct arena *arena, struct text value, int64_t *ms) {
    char *copy = (char *)arena_copy(arena, value).at;
    if (value.len > 6 && copy[value.len - 6] == ' ')
        copy[value.len - 6] = '+';
    return rfc3339_parse((struct text){copy, value.len}, ms);
}

static void set_filter(struct infra_filter *filter, struct arena *arena, struct text name, struct text value,
                       struct faults *faults) {
    bool since = text_is(name, "since");
    if (value.at == NULL)
        faults_add(faults, &name, "is not valid UTF-8");
    else if (text_is(name, "customer_id") && customer_record_id_fits(value))
        filter->customer_id = value;
    else if (text_is(name, "customer_id"))
        faults_add(faults, &name, "must be 1 to 64 characters of A-Z a-z 0-9 . _ -");
    else if (!since && !text_is(name, "until"))
        faults_add(faults, &name, "is not a parameter of this call");
    else if (!read_time(arena, value, since ? &filter->since_ms : &filter->until_ms))
        faults_add(faults, &name, "must be a time of RFC 3339, like 2026-11-21T03:34:54Z");
}

static bool read_filter(struct exchange *exchange, struct arena *arena, struct infra_filter *filter) {
    struct text rest = exchange->query, name, value;
    struct faults faults;
    *filter = (struct infra_filter){TEXT_NONE, INT64_MIN, INT64_MAX};
    faults_init(&faults, arena);
    while (url_query_next(&rest, arena, &name, &value))
        set_filter(filter, arena, name, value, &faults);
    if (faults.count > 0)
        exchange_answer_bad_parameters(exchange, &faults);
    return faults.count == 0;
}

static bool is_wanted(const struct infra_filter *filter, const struct infra_record *record) {
    return record->ends_at_ms >= filter->since_ms && record->starts_at_ms < filter->until_ms &&
           (filter->customer_id.at == NULL || text_equal(filter->customer_id, record->customer_id));
}

static int newest_first(const void *left, const void *right) {
    const struct infra_record *a = left, *b = right;
    if (a->starts_at_ms != b->starts_at_ms)
        return a->starts_at_ms < b->starts_at_ms ? 1 : -1;
    size_t len = a->id.len < b->id.len ? a->id.len : b->id.len;
    int order = memcmp(a->id.at, b->id.at, len);
    return order != 0 ? order : (a->id.len > b->id.len) - (a->id.len < b->id.len);
}

static void answer_events(struct exchange *exchange, struct infra_record *rows, unsigned count) {
    struct infra_records records = {.rows = rows, .count = count, .array = true};
    struct buffer out = BUFFER_EMPTY;
    if (count > 0)
        qsort(rows, count, sizeof(*rows), newest_first);
    write_answer(&records, &out);
    exchange_answer_json(exchange, 200, buffer_text(&out));
    buffer_fini(&out);
}

static void on_events(struct exchange *exchange, const redisReply *reply) {
    struct arena arena = ARENA_EMPTY;
    struct infra_filter filter;
    unsigned count = 0;
    size_t pairs = reply_is_array(reply, 2) ? reply->elements / 2 : 0;
    struct infra_record *rows = arena_take(&arena, (pairs + 1) * sizeof(*rows));
    if (read_filter(exchange, &arena, &filter)) {
        for (size_t i = 0; i < pairs; i++) {
            struct text id = reply_text(reply->element[2 * i]), json = reply_text(reply->element[2 * i + 1]);
            if (infra_json_read_stored(id, json, &arena, &rows[count]) && is_wanted(&filter, &rows[count]))
                count++;
        }
        answer_events(exchange, rows, count);
    }
    arena_fini(&arena);
}

void list_infra_events(struct exchange *exchange) {
    const struct api *api = exchange->app;
    struct arena arena = ARENA_EMPTY;
    struct infra_filter filter;
    struct command command = COMMAND_EMPTY;
    if (read_filter(exchange, &arena, &filter)) {
        command_begin(&command, "HGETALL");
        command_string(&command, keyspace_fixed(&api->keyspace, KEY_INFRA_EVENTS));
        order_send(exchange, &command, false, on_events);
    }
    command_fini(&command);
    arena_fini(&arena);
}

/* --- DELETE --- */

static void on_deleted(struct exchange *exchange, const redisReply *reply) {
    if (reply_integer(reply, 0) == 0)
        exchange_answer_problem(exchange, STATUS_NOT_FOUND, "no infra event has this id");
    else
        exchange_answer(exchange, 204, NULL, NULL, 0, TEXT_LITERAL(""));
}

void delete_infra_event(struct exchange *exchange) {
    struct command command = COMMAND_EMPTY;
    if (!infra_id_fits(exchange->id)) {
        exchange_answer_bad_parameter(exchange, "id", "must be 1 to 128 characters of A-Z a-z 0-9 . _ : -");
        return;
    }
    begin_change(&command, exchange->app);
    command_text(&command, exchange->id);
    order_send(exchange, &command, true, on_deleted);
    command_fini(&command);
}
