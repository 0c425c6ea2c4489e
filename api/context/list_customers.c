/* GET /api/customers: a page of records in the order of their ids. The ids come by SCAN, so that records
 * which others wrote are there too. */
#include <stdlib.h>

#include "api/context/context_calls.h"
#include "api/context/context_order.h"
#include "api/context/customer_json.h"
#include "api/http/url_query.h"
#include "api/threats/api.h"

enum { PAGE_DEFAULT = 100, PAGE_MAX = 1000, SCAN_COUNT = 1000 };

struct customer_page {
    struct exchange *exchange;
    struct api *api;
    struct arena arena;
    struct text after; /* the id behind which the page begins; at == NULL: at the start */
    unsigned limit;
    struct text *ids; /* all that were found, then sorted */
    unsigned count, room;
    unsigned shown, awaited;
    enum status status;
    struct buffer out;
    struct writer writer;
};

static void ask_scan(struct customer_page *page, struct text cursor);

static void page_free(struct customer_page *page) {
    exchange_release(page->exchange);
    arena_fini(&page->arena);
    buffer_fini(&page->out);
    free(page->ids);
    free(page);
}

static void fail(struct customer_page *page, enum status status) {
    exchange_answer_problem(page->exchange, status, NULL);
    page_free(page);
}

static bool ask(struct customer_page *page, struct command *command, link_reply on_reply, void *arg) {
    enum status status =
        link_send(page->api->commands, command_finish(command), LINK_DEADLINE_MS, on_reply, arg);
    command_fini(command);
    return status == STATUS_OK;
}

/* --- the records --- */

struct record_place {
    struct customer_page *page;
    struct text id;
};

static void finish(struct customer_page *page) {
    struct buffer link = BUFFER_EMPTY;
    if (page->status != STATUS_OK) {
        fail(page, page->status);
        return;
    }
    writer_close_array(&page->writer);
    if (page->shown < page->count)
        buffer_printf(&link, "</api/customers?limit=%u&cursor=%.*s>; rel=\"next\"", page->limit,
                      (int)page->ids[page->shown - 1].len, page->ids[page->shown - 1].at);
    struct header header = {"link", buffer_text(&link)};
    exchange_answer(page->exchange, 200, "application/json", &header, link.len > 0, buffer_text(&page->out));
    buffer_fini(&link);
    page_free(page);
}

static void on_record(void *arg, enum status status, const redisReply *reply) {
    struct record_place *place = arg;
    struct customer_page *page = place->page;
    struct context_field fields[CUSTOMER_HASH_FIELDS_MAX];
    unsigned count = status == STATUS_OK ? customer_fields_of_reply(reply, fields) : 0;
    if (count > 0)
        customer_json_write(&page->writer, place->id, fields, count);
    else if (status != STATUS_OK && status != STATUS_WRONG_TYPE)
        page->status = status;
    if (--page->awaited == 0)
        finish(page);
}

static void ask_record(struct customer_page *page, struct text id) {
    struct command command = COMMAND_EMPTY;
    struct buffer key = BUFFER_EMPTY;
    struct record_place *place = arena_take(&page->arena, sizeof(*place));
    *place = (struct record_place){page, id};
    keyspace_customer(&page->api->keyspace, id, &key);
    command_begin(&command, "HGETALL");
    command_text(&command, buffer_text(&key));
    if (ask(page, &command, on_record, place))
        page->awaited++;
    else
        page->status = STATUS_UNAVAILABLE;
    buffer_fini(&key);
}

static int compare_ids(const void *left, const void *right) {
    const struct text *a = left, *b = right;
    size_t len = a->len < b->len ? a->len : b->len;
    int order = memcmp(a->at, b->at, len);
    return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
}

/* SCAN may tell a key twice. */
static void sort_ids(struct customer_page *page) {
    unsigned kept = 0;
    if (page->count == 0)
        return;
    qsort(page->ids, page->count, sizeof(*page->ids), compare_ids);
    for (unsigned i = 0; i < page->count; i++)
        if (kept == 0 || !text_equal(page->ids[kept - 1], page->ids[i]))
            page->ids[kept++] = page->ids[i];
    page->count = kept;
}

static void ask_records(struct customer_page *page) {
    sort_ids(page);
    page->shown = page->count < page->limit ? page->count : page->limit;
    writer_init(&page->writer, &page->out);
    writer_open_array(&page->writer);
    page->awaited = 1;
    for (unsigned i = 0; i < page->shown; i++)
        ask_record(page, page->ids[i]);
    if (--page->awaited == 0)
        finish(page);
}

/* --- the ids --- */

static void keep_id(struct customer_page *page, struct text id) {
    if (!customer_record_id_fits(id) || (page->after.at != NULL && compare_ids(&id, &page->after) <= 0))
        return;
    if (page->count == page->room) {
        page->room = page->room == 0 ? 256 : page->room * 2;
        page->ids = reallocarray(page->ids, page->room, sizeof(*page->ids));
        if (page->ids == NULL)
            abort();
    }
    page->ids[page->count++] = arena_copy(&page->arena, id);
}

static void on_scan(void *arg, enum status status, const redisReply *reply) {
    struct customer_page *page = arg;
    if (status != STATUS_OK || !reply_is_array(reply, 2)) {
        fail(page, status == STATUS_OK ? STATUS_INTERNAL : status);
        return;
    }
    size_t head = strlen(page->api->keyspace.prefix) + sizeof("customer:") - 1;
    const redisReply *keys = reply->element[1];
    for (size_t i = 0; reply_is_array(keys, 1) && i < keys->elements; i++) {
        struct text key = reply_text(keys->element[i]);
        if (key.len > head)
            keep_id(page, (struct text){key.at + head, key.len - head});
    }
    if (text_is(reply_text(reply->element[0]), "0"))
        ask_records(page);
    else
        ask_scan(page, reply_text(reply->element[0]));
}

static void ask_scan(struct customer_page *page, struct text cursor) {
    struct command command = COMMAND_EMPTY;
    struct buffer pattern = BUFFER_EMPTY;
    keyspace_customer_pattern(&page->api->keyspace, &pattern);
    command_begin(&command, "SCAN");
    command_text(&command, cursor);
    command_string(&command, "MATCH");
    command_text(&command, buffer_text(&pattern));
    command_string(&command, "COUNT");
    command_signed(&command, SCAN_COUNT);
    buffer_fini(&pattern);
    if (!ask(page, &command, on_scan, page))
        fail(page, STATUS_UNAVAILABLE);
}

static void set_parameter(struct customer_page *page, struct text name, struct text value,
                          struct faults *faults) {
    unsigned long long limit;
    if (text_is(name, "cursor") && value.at != NULL && customer_record_id_fits(value))
        page->after = arena_copy(&page->arena, value);
    else if (text_is(name, "cursor"))
        faults_add(faults, &name, "must be a customer's id");
    else if (!text_is(name, "limit"))
        faults_add(faults, &name, "is not a parameter of this call");
    else if (value.at == NULL || !text_to_unsigned(value, PAGE_MAX, &limit) || limit == 0)
        faults_add(faults, &name, "must be an integer from 1 to %d", PAGE_MAX);
    else
        page->limit = (unsigned)limit;
}

void list_customers(struct exchange *exchange) {
    struct customer_page *page = calloc(1, sizeof(*page));
    struct text rest = exchange->query, name, value;
    struct faults faults;
    if (page == NULL)
        abort();
    page->exchange = exchange;
    page->api = exchange->app;
    page->limit = PAGE_DEFAULT;
    exchange_hold(exchange);
    faults_init(&faults, &page->arena);
    while (url_query_next(&rest, &page->arena, &name, &value))
        set_parameter(page, name, value, &faults);
    if (faults.count == 0) {
        ask_scan(page, TEXT_LITERAL("0"));
        return;
    }
    exchange_answer_bad_parameters(exchange, &faults);
    page_free(page);
}
