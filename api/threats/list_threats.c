#include <stdlib.h>

#include "api/threats/api.h"
#include "api/threats/list_query.h"
#include "api/threats/read_calls.h"

/* One page on its way: the link to the next is known before the bodies are. */
struct page {
    struct exchange *exchange;
    struct buffer link; /* the Link header's value; empty: no more pages */
};

static void on_page(void *arg, enum status status, const struct fetched *threats, unsigned count) {
    struct page *page = arg;
    struct buffer out = BUFFER_EMPTY;
    if (status != STATUS_OK) {
        exchange_answer_problem(page->exchange, status, NULL);
    } else {
        bool first = true;
        buffer_append_char(&out, '[');
        for (unsigned i = 0; i < count; i++) {
            if (threats[i].body.at == NULL) /* expired since the catalog was asked */
                continue;
            if (!first)
                buffer_append_char(&out, ',');
            first = false;
            buffer_append_text(&out, threats[i].body);
        }
        buffer_append_char(&out, ']');
        struct header header = {"link", buffer_text(&page->link)};
        exchange_answer(page->exchange, 200, "application/json", &header, page->link.len > 0,
                        buffer_text(&out));
    }
    buffer_fini(&out);
    buffer_fini(&page->link);
    exchange_release(page->exchange);
    free(page);
}

static void ask_for_page(struct exchange *exchange, struct arena *arena, const struct query *query) {
    static struct uuid ids[QUERY_LIMIT_MAX];
    struct api *api = exchange->app;
    bool more;
    struct page *page = calloc(1, sizeof(*page));
    if (page == NULL)
        abort();
    unsigned count = query_run(query, api->catalog, ids, &more);
    page->exchange = exchange;
    exchange_hold(exchange);
    if (more)
        list_query_write_next(exchange->query, arena, &ids[count - 1], &page->link);
    struct fetch_source source = {.link = &api->commands, .keyspace = &api->keyspace};
    fetch_threats(&source, ids, count, on_page, page);
}

void list_threats(struct exchange *exchange) {
    const struct api *api = exchange->app;
    struct arena arena = ARENA_EMPTY;
    struct faults faults;
    struct query query;
    faults_init(&faults, &arena);
    list_query_read(exchange->query, &arena, &query, &faults);
    if (faults.count > 0)
        exchange_answer_bad_parameters(exchange, &faults);
    else if (!api_is_ready(api))
        exchange_answer_problem(exchange, STATUS_UNAVAILABLE, "the catalog is being read");
    else if (!link_is_up(api->commands))
        exchange_answer_problem(exchange, STATUS_UNAVAILABLE, NULL);
    else
        ask_for_page(exchange, &arena, &query);
    arena_fini(&arena);
}
