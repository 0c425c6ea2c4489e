#include "api/live/resume_client.h"

#include "api/live/newest_batch.h"
#include "shared/telemetry/metrics.h"

void resume_forget(struct client *client) {
    queue_leave(client);
    log_page_unref(client->page);
    client->page = NULL;
}

static void count(struct client *client, enum metric_resume outcome) {
    metrics_add(METRIC_WS_RESUMES, (int)outcome, 0, 1);
    client->counted = true;
}

/* The row is there: what follows comes behind it. Said once for a resume, so that a client can tell the
 * events that came before it was understood. */
static void begin(struct client *client, enum metric_resume outcome) {
    if (client->counted)
        return;
    count(client, outcome);
    client_tell_position(client);
}

static void give_up(struct client *client) {
    count(client, METRIC_RESUME_RESET);
    newest_batch_owe(client, BATCH_RESET);
}

/* The ring goes on behind the cursor. A cursor ahead of what has passed here got there through another
 * process's eyes, or through the log's. */
static bool can_join(const struct client *client) {
    const struct hub *hub = client->hub;
    return stream_id_is_before(hub->passed, client->cursor) || hub_holds_after(hub, client->cursor);
}

static void join(struct client *client) {
    struct hub *hub = client->hub;
    resume_forget(client);
    client->stage = CLIENT_LIVE;
    client->skip_through = client->cursor;
    client->next_sequence = ring_find_after(hub->ring, client->cursor.ms, client->cursor.sequence);
    const struct live_event *first = ring_peek(hub->ring, client->next_sequence);
    client->seen_bytes = first == NULL ? hub->pushed_bytes : first->pushed_bytes - first->frame_bytes;
    client->behind_since_ms = 0;
    client->catching_up = true;
    client->progress_ms = hub->now_ms;
}

static void take_page(struct client *client, struct log_page *page, unsigned index) {
    resume_forget(client);
    begin(client, METRIC_RESUME_LOG);
    client->page = log_page_ref(page);
    client->page_index = index + 1;
    client->page_since_ms = client->hub->now_ms;
    client->span = page->span;
}

/* Where the page lies that goes on behind the cursor; false when that is too far back. */
static bool find_span(const struct client *client, struct log_span *span) {
    *span = (struct log_span){.start = client->cursor, .end = client->cursor};
    return stream_id_is_before(client->hub->passed, client->cursor) ||
           log_marks_find(&client->hub->marks, client->cursor, span);
}

static void ask(struct client *client) {
    struct hub *hub = client->hub;
    unsigned index;
    struct log_page *page = log_pages_find(hub->pages, client->cursor, &index);
    if (page != NULL) {
        take_page(client, page, index);
        return;
    }
    queue_join(&hub->page_queue, client);
    log_pages_load(hub->pages, &client->span);
}

void client_resume(struct client *client, struct stream_id last) {
    struct hub *hub = client->hub;
    resume_forget(client);
    client->stage = CLIENT_RESUMING;
    client->cursor = last;
    client->counted = false;
    client->owes_position = true;
    if (hub_knows(hub, last) && hub_holds_after(hub, last)) {
        begin(client, METRIC_RESUME_RING);
        join(client);
    } else if (find_span(client, &client->span)) {
        ask(client);
    } else {
        give_up(client);
    }
    websocket_wake(client->websocket);
}

/* The page is told: on to the ring, or to the next page. One that was read for the very span that the cursor
 * is still in was cut short. */
static void turn_page(struct client *client) {
    struct log_span span;
    resume_forget(client);
    if (can_join(client)) {
        join(client);
    } else if (!find_span(client, &span)) {
        give_up(client);
    } else {
        if (stream_id_equal(span.start, client->span.start))
            span.start = client->cursor;
        client->span = span;
        ask(client);
    }
}

unsigned resume_fill(struct client *client, struct websocket_piece *pieces, unsigned max, size_t *bytes) {
    unsigned count = 0;
    while (client->page_index < client->page->count && count < max && *bytes < WEBSOCKET_WRITE_BYTES_MAX) {
        const struct page_row *row = &client->page->rows[client->page_index++];
        client->cursor = row->id;
        if (row->event == NULL || !client_wants(client, row->event))
            continue;
        pieces[count++] =
            (struct websocket_piece){row->event->frame, row->event->frame_bytes, live_event_ref(row->event)};
        *bytes += row->event->frame_bytes;
    }
    if (client->page_index == client->page->count)
        turn_page(client);
    return count;
}

/* The page's rows are the log's: does the client's last one stand among them? */
static void look_into(struct client *client, struct log_page *page) {
    unsigned index;
    bool found = log_page_find(page, client->cursor, &index);
    bool asked_for = log_span_equal(&page->span, &client->span);
    if (found && can_join(client)) {
        begin(client, METRIC_RESUME_LOG);
        join(client);
    } else if (found && index + 1 < page->count) {
        take_page(client, page, index);
    } else if (found && asked_for && !stream_id_equal(client->span.start, client->cursor)) {
        client->span.start = client->cursor;
        return;
    } else if (asked_for) {
        resume_forget(client);
        give_up(client);
    } else {
        return;
    }
    websocket_wake(client->websocket);
}

void resume_retry(struct hub *hub) {
    for (struct client *client = hub->page_queue.first; client != NULL; client = client->queue_next)
        if (!log_pages_load(hub->pages, &client->span))
            return;
}

void resume_with_page(struct hub *hub, struct log_page *page) {
    if (page == NULL)
        return; /* Redis is away: the tick asks again */
    for (struct client *client = hub->page_queue.first, *next; client != NULL; client = next) {
        next = client->queue_next;
        look_into(client, page);
    }
    resume_retry(hub);
}
