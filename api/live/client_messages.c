#include "api/live/client.h"
#include "api/live/read_message.h"
#include "api/live/resume_client.h"
#include "shared/json/writer.h"

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

static void on_subscribe(struct client *client, const struct live_message *message) {
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

/* Asked before the first batch is there, it waits for that. */
static void on_resume(struct client *client, const struct live_message *message) {
    if (client->stage == CLIENT_WAITING) {
        client->has_resume = true;
        client->resume_from = message->last;
    } else if (client->stage != CLIENT_CLOSING) {
        client_resume(client, message->last);
    }
}

static void on_ping(struct client *client, const struct live_message *message) {
    (void)message;
    websocket_send_text(client->websocket, TEXT_LITERAL("{\"type\":\"pong\"}"));
}

static void (*const handlers[])(struct client *client, const struct live_message *message) = {
    [MESSAGE_PING] = on_ping,
    [MESSAGE_SUBSCRIBE] = on_subscribe,
    [MESSAGE_RESUME] = on_resume,
};

void client_on_text(void *owner, struct text text) {
    struct client *client = owner;
    struct arena arena = ARENA_EMPTY;
    struct live_message message;
    struct text complaint;
    if (read_message(text, &arena, &message, &complaint))
        handlers[message.kind](client, &message);
    else
        send_error(client, complaint);
    arena_fini(&arena);
}
