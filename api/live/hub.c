#include "api/live/hub.h"

#include "api/live/client.h"
#include "api/live/newest_batch.h"
#include "api/live/resume_client.h"

enum { RING_BURST_BYTES = 4 * 1024 * 1024 };

static size_t ring_room(const struct live_options *options) {
    return options->queue_bytes + RING_BURST_BYTES;
}

static void on_page(void *arg, struct log_page *page) {
    resume_with_page(arg, page);
}

void hub_init(struct hub *hub, const struct live_options *options) {
    *hub = (struct hub){.options = options, .ring = ring_new(ring_room(options)), .floor_sequence = 1};
    log_marks_init(&hub->marks, options->resume_rows);
    hub->pages = log_pages_new(&options->source, ring_room(options), on_page, hub);
}

void hub_fini(struct hub *hub) {
    newest_batch_forget(hub);
    log_pages_free(hub->pages);
    log_marks_fini(&hub->marks);
    ring_free(hub->ring);
}

/* The new log may count from below the old one: its events cannot stand behind those in the ring. */
void hub_restart(struct hub *hub) {
    hub->ready = false;
    hub->generation++;
    hub->passed = hub->floor = (struct stream_id){0, 0};
    hub->floor_sequence = 1;
    ring_free(hub->ring);
    hub->ring = ring_new(ring_room(hub->options));
    log_marks_clear(&hub->marks);
    log_pages_drop(hub->pages);
    newest_batch_forget(hub);
}

void hub_pass(struct hub *hub, struct stream_id position) {
    hub->passed = position;
    log_marks_pass(&hub->marks, position);
}

void hub_pass_by(struct hub *hub, struct stream_id position) {
    hub_pass(hub, position);
    hub->floor = position;
    hub->floor_sequence = ring_last(hub->ring) + 1;
}

void hub_lose(struct hub *hub, uint64_t rows, struct stream_id position) {
    hub->marks.rows += rows - 1;
    hub_pass_by(hub, position);
}

void hub_push(struct hub *hub, struct live_event *event) {
    hub_pass(hub, live_event_id(event));
    hub->pushed_bytes += event->frame_bytes;
    event->pushed_bytes = hub->pushed_bytes;
    event->rows = hub->marks.rows;
    ring_push(hub->ring, event);
}

bool hub_holds_after(const struct hub *hub, struct stream_id position) {
    const struct live_event *first = ring_peek(hub->ring, ring_first(hub->ring));
    if (stream_id_is_before(position, hub->floor) || stream_id_is_before(hub->passed, position))
        return false;
    if (first == NULL || ring_first(hub->ring) == hub->floor_sequence)
        return true; /* nothing left the ring since the floor */
    return !stream_id_is_before(position, live_event_id(first));
}

bool hub_knows(const struct hub *hub, struct stream_id position) {
    uint64_t after = ring_find_after(hub->ring, position.ms, position.sequence);
    const struct live_event *event = ring_peek(hub->ring, after - 1);
    return stream_id_equal(position, hub->passed) || stream_id_equal(position, hub->floor) ||
           (event != NULL && stream_id_equal(position, live_event_id(event)));
}

void queue_join(struct client_queue *queue, struct client *client) {
    queue_leave(client);
    client->queue = queue;
    client->queue_previous = queue->last;
    if (queue->last == NULL)
        queue->first = client;
    else
        queue->last->queue_next = client;
    queue->last = client;
}

void queue_leave(struct client *client) {
    struct client_queue *queue = client->queue;
    if (queue == NULL)
        return;
    if (client->queue_previous == NULL)
        queue->first = client->queue_next;
    else
        client->queue_previous->queue_next = client->queue_next;
    if (client->queue_next == NULL)
        queue->last = client->queue_previous;
    else
        client->queue_next->queue_previous = client->queue_previous;
    client->queue = NULL;
    client->queue_previous = client->queue_next = NULL;
}
