#include "api/live/client_messages.h"

#include "api/live/read_message.h"
#include "shared/json/writer.h"
#include "shared/telemetry/metrics.h"

static void send_error(struct client *client, struct text detail) {
    struct buffer out = BUFFER_EMPTY;
    struct writer writer;
    writer_init(&writer, &out);
    writer_open_object(&writer);
    writer_member_string(&writer, "type", "error");
    writer_member_text(&writer, "detail", detail);
    writer_close_object(&writer);
    websocket_send_text(client->websocket, buffer_text(&out));
    buffer_fini(&out);
}

static void on_subscribe(struct client *client, const struct client_message *message) {
    struct buffer out = BUFFER_EMPTY;
    client->filter = message->filter;
    if (message->filter.customer_id.at != NULL) {
        memcpy(client->filter_customer, message->filter.customer_id.at, message->filter.customer_id.len);
        client->filter.customer_id.at = client->filter_customer;
    }
    client->filtered = message->filtered;
    buffer_append_string(&out, "{\"type\":\"subscribed\",\"filter\":");
    buffer_append_text(&out, message->shown);
    buffer_append_char(&out, '}');
    websocket_send_text(client->websocket, buffer_text(&out));
    buffer_fini(&out);
}

/* Is every event behind `position` still in the ring? */
static bool hub_holds_after(const struct hub *hub, struct stream_id position) {
    const struct live_event *first = ring_peek(hub->ring, ring_first(hub->ring));
    if (stream_id_is_before(position, hub->floor) || stream_id_is_before(hub->passed, position))
        return false;
    if (first == NULL || ring_first(hub->ring) == hub->floor_sequence)
        return true; /* nothing left the ring since the floor */
    return !stream_id_is_before(position, (struct stream_id){first->log_ms, first->log_sequence});
}

/* From the ring when it still holds everything behind `last_id`, else a reset. */
static void on_resume(struct client *client, const struct client_message *message) {
    struct stream_id last = message->last;
    struct ring *ring = client->hub->ring;
    if (!hub_holds_after(client->hub, last)) {
        metrics_add(METRIC_WS_RESUMES, METRIC_RESUME_RESET, 0, 1);
        client_reset(client);
        return;
    }
    metrics_add(METRIC_WS_RESUMES, METRIC_RESUME_RING, 0, 1);
    client->next_sequence = ring_find_after(ring, last.ms, last.sequence);
    client->seen_bytes = client->hub->pushed_bytes;
    for (uint64_t at = client->next_sequence; at <= ring_last(ring); at++)
        client->seen_bytes -= ring_peek(ring, at)->frame_bytes;
    client_wake(client);
}

static void on_ping(struct client *client, const struct client_message *message) {
    (void)message;
    websocket_send_text(client->websocket, TEXT_LITERAL("{\"type\":\"pong\"}"));
}

static void (*const handlers[])(struct client *client, const struct client_message *message) = {
    [MESSAGE_PING] = on_ping,
    [MESSAGE_SUBSCRIBE] = on_subscribe,
    [MESSAGE_RESUME] = on_resume,
};

void client_on_text(void *owner, struct text text) {
    struct client *client = owner;
    struct arena arena = ARENA_EMPTY;
    struct client_message message;
    struct text complaint;
    if (read_message(text, &arena, &message, &complaint))
        handlers[message.kind](client, &message);
    else
        send_error(client, complaint);
    arena_fini(&arena);
}
