/* GET /api/customers: a page of records in the order of their ids. */
#include <stdlib.h>

#include "api/context/context_calls.h"
#include "api/context/context_order.h"
#include "api/context/customer_json.h"
#include "api/http/url_query.h"
#include "api/threats/api.h"
#include "shared/redis/customer_ids.h"
#include "shared/redis/script_call.h"

enum { PAGE_DEFAULT = 100, PAGE_MAX = 1000 };

struct customer_page {
    struct exchange *exchange;
    struct api *api;
    struct arena arena;
    struct text after; /* the id behind which the page begins; at == NULL: at the start */
    unsigned limit;
    struct text *ids; /* all that were found, then sorted */
    unsigned count, room;
    struct text next; /* of the walk over the ids */
    unsigned shown, awaited;
    enum status status;
    struct buffer out;
    struct writer writer;
};

static void ask_ids(struct customer_page *page);

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
    if (link_send(page->api->commands, command_finish(&command), LINK_DEADLINE_MS, on_record, place) ==
        STATUS_OK)
        page->awaited++;
    else
        page->status = STATUS_UNAVAILABLE;
    command_fini(&command);
    buffer_fini(&key);
}

static int compare_ids(const void *left, const void *right) {
    const struct text *a = left, *b = right;
    size_t len = a->len < b->len ? a->len : b->len;
    int order = memcmp(a->at, b->at, len);
    return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
}

/* An id may be told twice. */
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

static void on_ids(void *arg, enum status status, const redisReply *reply) {
    struct customer_page *page = arg;
    if (status != STATUS_OK || !reply_is_array(reply, 2)) {
        fail(page, status == STATUS_OK ? STATUS_INTERNAL : status);
        return;
    }
    const redisReply *ids = reply->element[1];
    for (size_t i = 0; reply_is_array(ids, 1) && i < ids->elements; i++)
        keep_id(page, reply_text(ids->element[i]));
    page->next = arena_copy(&page->arena, reply_text(reply->element[0]));
    if (page->next.len == 0)
        ask_records(page);
    else
        ask_ids(page);
}

static void ask_ids(struct customer_page *page) {
    struct command command = COMMAND_EMPTY;
    customer_ids_ask(&command, &page->api->keyspace, page->next);
    if (script_call(page->api->commands, command_finish(&command), on_ids, page) != STATUS_OK)
        fail(page, STATUS_UNAVAILABLE);
    command_fini(&command);
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
        ask_ids(page);
        return;
    }
    exchange_answer_bad_parameters(exchange, &faults);
    page_free(page);
}
