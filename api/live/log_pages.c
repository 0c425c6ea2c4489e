#include "api/live/log_pages.h"

#include <stdlib.h>

#include "api/catalog/log_entry.h"
#include "api/live/logged_row.h"

enum { LOADS_MAX = 4, ROWS_MAX = 2 * PAGE_ROWS, KEEP_UNUSED_MS = 10000 };

struct log_pages {
    struct fetch_source source;
    size_t max_bytes, bytes;
    log_pages_hook on_page;
    void *arg;
    struct log_page *first;
    unsigned loading;
    int64_t now_ms;
};

struct log_pages *log_pages_new(const struct fetch_source *source, size_t max_bytes, log_pages_hook on_page,
                                void *arg) {
    struct log_pages *pages = calloc(1, sizeof(*pages));
    if (pages == NULL)
        abort();
    *pages = (struct log_pages){.source = *source, .max_bytes = max_bytes, .on_page = on_page, .arg = arg};
    return pages;
}

static void forget_rows(struct log_page *page) {
    while (page->oldest != NULL) {
        struct logged_row *row = page->oldest;
        page->oldest = row->next;
        free(row);
    }
    page->newest = NULL;
}

static void page_free(struct log_page *page) {
    page->pages->bytes -= page->bytes;
    forget_rows(page);
    for (unsigned i = 0; i < page->count; i++)
        live_event_unref(page->rows[i].event);
    free(page->rows);
    free(page);
}

static void unlink_page(struct log_page *page) {
    struct log_page **at = &page->pages->first;
    while (*at != page)
        at = &(*at)->next;
    *at = page->next;
}

void log_page_unref(struct log_page *page) {
    if (page == NULL)
        return;
    page->used_ms = page->pages->now_ms;
    if (--page->references == 0 && page->dropped)
        page_free(page);
}

struct log_page *log_page_ref(struct log_page *page) {
    page->references++;
    return page;
}

/* Out of the table; whoever holds it keeps it. */
static void drop(struct log_page *page) {
    unlink_page(page);
    page->dropped = true;
    if (page->references == 0)
        page_free(page);
}

void log_pages_drop(struct log_pages *pages) {
    while (pages->first != NULL)
        drop(pages->first);
}

void log_pages_free(struct log_pages *pages) {
    if (pages == NULL)
        return;
    log_pages_drop(pages);
    free(pages);
}

bool log_page_find(const struct log_page *page, struct stream_id id, unsigned *index) {
    unsigned low = 0, high = page->count;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        if (stream_id_is_before(page->rows[middle].id, id))
            low = middle + 1;
        else
            high = middle;
    }
    *index = low;
    return low < page->count && stream_id_equal(page->rows[low].id, id);
}

struct log_page *log_pages_find(const struct log_pages *pages, struct stream_id id, unsigned *index) {
    for (struct log_page *page = pages->first; page != NULL; page = page->next)
        if (page->loaded && log_page_find(page, id, index) && *index + 1 < page->count)
            return page;
    return NULL;
}

/* The end of a load that Redis did not let come true. The load's reference is given back. */
static void fail(struct log_page *page) {
    struct log_pages *pages = page->pages;
    bool dropped = page->dropped;
    pages->loading--;
    if (!dropped)
        drop(page);
    log_page_unref(page);
    if (!dropped)
        pages->on_page(pages->arg, NULL);
}

static void add_row(struct log_page *page, struct stream_id id, struct live_event *event) {
    size_t bytes = sizeof(struct page_row) + (event == NULL ? 0 : live_event_bytes(event));
    page->rows[page->count++] = (struct page_row){id, event};
    page->bytes += bytes;
    page->pages->bytes += bytes;
}

static bool wants_body(const struct logged_row *row) {
    return row->row.kind == EVENT_COMPLETED;
}

static void on_bodies(void *arg, enum status status, const struct fetched *threats, unsigned count) {
    struct log_page *page = arg;
    struct log_pages *pages = page->pages;
    (void)count;
    if (status != STATUS_OK || page->dropped) {
        fail(page);
        return;
    }
    unsigned body = 0;
    for (const struct logged_row *row = page->oldest; row != NULL; row = row->next) {
        struct text text = TEXT_NONE;
        if (live_event_is_due(&row->row) && wants_body(row) && threats[body++].finished)
            text = threats[body - 1].body;
        add_row(page, row->position,
                live_event_is_due(&row->row) ? live_event_of_row(row->position, &row->row, text) : NULL);
    }
    forget_rows(page);
    page->loaded = true;
    pages->loading--;
    page->used_ms = pages->now_ms;
    pages->on_page(pages->arg, page);
    log_page_unref(page);
}

static void fetch_bodies(struct log_page *page) {
    struct uuid ids[ROWS_MAX];
    unsigned count = 0;
    for (const struct logged_row *row = page->oldest; row != NULL; row = row->next)
        if (live_event_is_due(&row->row) && wants_body(row))
            ids[count++] = row->row.id;
    fetch_threats(&page->pages->source, ids, count, on_bodies, page);
}

static void keep_row(struct log_page *page, struct stream_id position, const struct log_row *row) {
    struct logged_row *copy = logged_row_copy(position, row);
    if (page->newest == NULL)
        page->oldest = copy;
    else
        page->newest->next = copy;
    page->newest = copy;
}

/* What is no event is kept as a row that is none: its position counts. */
static void keep_entries(struct log_page *page, const redisReply *reply) {
    static const struct log_row none = {.kind = EVENT_EXPIRED};
    struct log_entry entry;
    page->rows = calloc(reply->elements + 1, sizeof(*page->rows));
    if (page->rows == NULL)
        abort();
    for (size_t i = 0; i < reply->elements && i < ROWS_MAX; i++)
        if (log_entry_read(reply->element[i], &entry))
            keep_row(page, entry.position, entry.readable && !entry.again ? &entry.row : &none);
}

/* All that was asked for is there. */
static void go_on(struct log_page *page) {
    if (--page->awaited > 0)
        return;
    if (page->failed || page->dropped) {
        fail(page);
        return;
    }
    if (page->untrimmed) /* the beginning is a position like a row's */
        add_row(page, page->span.start, NULL);
    fetch_bodies(page);
}

static void on_rows(void *arg, enum status status, const redisReply *reply) {
    struct log_page *page = arg;
    page->failed = status != STATUS_OK || !reply_is_array(reply, 0);
    if (!page->failed)
        keep_entries(page, reply);
    go_on(page);
}

/* XINFO STREAM, after the rows: a log that still has every row then had them before. An error says that there
 * is no log. */
static void on_info(void *arg, enum status status, const redisReply *reply) {
    struct log_page *page = arg;
    page->untrimmed = status != STATUS_OK || reply_integer(reply_field(reply, "entries-added"), 0) ==
                                                 reply_integer(reply_field(reply, "length"), -1);
    go_on(page);
}

static bool send(struct log_page *page, struct command *command, link_reply on_reply) {
    if (link_send(*page->pages->source.link, command_finish(command), LINK_DEADLINE_MS, on_reply, page) !=
        STATUS_OK)
        return false;
    page->awaited++;
    return true;
}

static bool is_beginning(struct stream_id id) {
    return id.ms == 0 && id.sequence == 0;
}

static bool ask(struct log_page *page) {
    struct command command = COMMAND_EMPTY;
    char start[LOG_POSITION_TEXT_MAX], end[LOG_POSITION_TEXT_MAX] = "+";
    const char *log = keyspace_fixed(page->pages->source.keyspace, KEY_LOG);
    log_position_write(page->span.start, start);
    if (!page->span.open)
        log_position_write(page->span.end, end);
    command_begin(&command, "XRANGE");
    command_words(&command, log, start, end, "COUNT", NULL);
    command_signed(&command, ROWS_MAX);
    bool sent = send(page, &command, on_rows);
    if (sent && is_beginning(page->span.start)) {
        command_begin(&command, "XINFO");
        command_words(&command, "STREAM", log, NULL);
        send(page, &command, on_info);
    }
    command_fini(&command);
    return sent;
}

static bool make_room(struct log_pages *pages) {
    while (pages->bytes >= pages->max_bytes) {
        struct log_page *oldest = NULL;
        for (struct log_page *page = pages->first; page != NULL; page = page->next)
            if (page->references == 0 && (oldest == NULL || page->used_ms < oldest->used_ms))
                oldest = page;
        if (oldest == NULL)
            return false;
        drop(oldest);
    }
    return true;
}

static bool is_loading(const struct log_pages *pages, const struct log_span *span) {
    for (const struct log_page *page = pages->first; page != NULL; page = page->next)
        if (!page->loaded && log_span_equal(&page->span, span))
            return true;
    return false;
}

bool log_pages_load(struct log_pages *pages, const struct log_span *span) {
    if (is_loading(pages, span))
        return true;
    if (pages->loading == LOADS_MAX || !make_room(pages))
        return false;
    struct log_page *page = calloc(1, sizeof(*page));
    if (page == NULL)
        abort();
    *page = (struct log_page){.next = pages->first, .pages = pages, .span = *span, .references = 1};
    pages->first = page;
    if (!ask(page)) {
        page->references = 0;
        drop(page);
        return false;
    }
    pages->loading++;
    return true;
}

void log_pages_tick(struct log_pages *pages, int64_t now_ms) {
    pages->now_ms = now_ms;
    for (struct log_page *page = pages->first, *next; page != NULL; page = next) {
        next = page->next;
        if (page->references == 0 && now_ms - page->used_ms > KEEP_UNUSED_MS)
            drop(page);
    }
}
