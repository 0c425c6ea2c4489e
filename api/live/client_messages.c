#include "api/live/client.h"

#include <jansson.h>
#include <stdlib.h>

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

enum filter_kind { FILTER_WORDS, FILTER_TEXT, FILTER_BOOLEAN };

struct filter_row {
    const char *name;
    enum filter_kind kind;
};

static const struct filter_row filter_rows[] = {
    {"severity", FILTER_WORDS},   {"threat_type", FILTER_WORDS},       {"status", FILTER_WORDS},
    {"customer_id", FILTER_TEXT}, {"requires_review", FILTER_BOOLEAN}, {"search", FILTER_TEXT},
};

static const char *const filter_kind_words[] = {"must be a list of strings", "must be a string",
                                                "must be true or false"};

/* `["high","critical"]` → `high,critical`, as a URL would have it. */
static bool join_words(const json_t *value, struct buffer *out) {
    size_t i;
    json_t *word;
    json_array_foreach(value, i, word) {
        if (!json_is_string(word))
            return false;
        if (i > 0)
            buffer_append_char(out, ',');
        buffer_append(out, json_string_value(word), json_string_length(word));
    }
    return json_is_array(value);
}

/* The member's value as a URL would have it; false when it is of another kind. */
static bool filter_text(const struct filter_row *row, const json_t *value, struct buffer *out) {
    if (row->kind == FILTER_WORDS)
        return join_words(value, out);
    if (row->kind == FILTER_TEXT && json_is_string(value)) {
        buffer_append(out, json_string_value(value), json_string_length(value));
        return true;
    }
    if (row->kind == FILTER_BOOLEAN && json_is_boolean(value)) {
        buffer_append_string(out, json_is_true(value) ? "true" : "false");
        return true;
    }
    return false;
}

static const struct filter_row *find_filter(const char *name) {
    for (size_t i = 0; i < sizeof(filter_rows) / sizeof(filter_rows[0]); i++)
        if (strcmp(name, filter_rows[i].name) == 0)
            return &filter_rows[i];
    return NULL;
}

static void read_filter(json_t *message, struct arena *arena, struct query *filter, struct faults *faults) {
    const char *name;
    json_t *value;
    json_object_foreach(message, name, value) {
        struct text name_text = text_of(name);
        struct buffer words = BUFFER_EMPTY;
        const struct filter_row *row = find_filter(name);
        if (strcmp(name, "type") == 0)
            continue;
        if (row == NULL)
            faults_add(faults, &name_text, "is not a member of a subscription");
        else if (!filter_text(row, value, &words))
            faults_add(faults, &name_text, "%s", filter_kind_words[row->kind]);
        else if (row->kind != FILTER_WORDS || words.len > 0) /* an empty list filters nothing */
            query_set(filter, name_text, arena_copy(arena, buffer_text(&words)), faults);
        buffer_fini(&words);
    }
}

static void on_subscribe(struct client *client, json_t *message) {
    struct arena arena = ARENA_EMPTY;
    struct faults faults;
    struct query filter;
    faults_init(&faults, &arena);
    query_init(&filter);
    read_filter(message, &arena, &filter, &faults);
    if (faults.count > 0) {
        const struct fault *fault = &faults.rows[0];
        send_error(client, arena_printf(&arena, "%.*s %.*s", (int)fault->pointer.len, fault->pointer.at,
                                        (int)fault->detail.len, fault->detail.at));
    } else {
        client->filter = filter;
        if (filter.customer_id.at != NULL) {
            memcpy(client->filter_customer, filter.customer_id.at, filter.customer_id.len);
            client->filter.customer_id.at = client->filter_customer;
        }
        client->filtered = json_object_size(message) > 1;
        json_object_del(message, "type");
        char *echoed = json_dumps(message, JSON_COMPACT);
        struct buffer out = BUFFER_EMPTY;
        buffer_printf(&out, "{\"type\":\"subscribed\",\"filter\":%s}", echoed == NULL ? "{}" : echoed);
        websocket_send_text(client->websocket, buffer_text(&out));
        buffer_fini(&out);
        free(echoed);
    }
    arena_fini(&arena);
}

/* Asked before the first batch is there, it waits for that. */
static void on_resume(struct client *client, json_t *message) {
    struct stream_id last;
    if (!stream_id_parse(text_of(json_string_value(json_object_get(message, "last_id"))), &last)) {
        send_error(client, TEXT_LITERAL("resume needs last_id, the id of an event"));
    } else if (client->stage == CLIENT_WAITING) {
        client->has_resume = true;
        client->resume_from = last;
    } else if (client->stage != CLIENT_CLOSING) {
        client_resume(client, last);
    }
}

static void on_ping_message(struct client *client, json_t *message) {
    (void)message;
    websocket_send_text(client->websocket, TEXT_LITERAL("{\"type\":\"pong\"}"));
}

struct message_row {
    const char *type;
    void (*handle)(struct client *client, json_t *message);
};

static const struct message_row message_rows[] = {
    {"ping", on_ping_message},
    {"subscribe", on_subscribe},
    {"resume", on_resume},
};

static void dispatch(struct client *client, json_t *message) {
    const char *type = json_string_value(json_object_get(message, "type"));
    for (size_t i = 0; type != NULL && i < sizeof(message_rows) / sizeof(message_rows[0]); i++)
        if (strcmp(type, message_rows[i].type) == 0) {
            message_rows[i].handle(client, message);
            return;
        }
    send_error(client, type == NULL ? TEXT_LITERAL("a message needs a string type")
                                    : TEXT_LITERAL("this type of message is not known"));
}

void client_on_text(void *owner, struct text text) {
    struct client *client = owner;
    json_t *message = json_loadb(text.at, text.len, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(message))
        dispatch(client, message);
    else
        send_error(client, TEXT_LITERAL("a message is one JSON object"));
    json_decref(message);
}
