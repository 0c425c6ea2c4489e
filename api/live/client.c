#include "api/live/client.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

#include "shared/json/writer.h"
#include "shared/telemetry/log.h"
#include "shared/telemetry/metrics.h"

enum {
    BATCH_THREATS = 20,
    PONG_SECONDS = 10,
    BEHIND_GRACE_MS = 1000,
    CUSTOMER_ID_ROOM = SIGNAL_CUSTOMER_ID_MAX + 1
};

struct client {
    struct hub *hub;
    struct client *previous, *next;
    struct websocket *websocket; /* NULL once it is gone */
    uint64_t next_sequence;      /* cursor in the ring */
    uint64_t seen_bytes;         /* hub->pushed_bytes at the cursor */
    bool greeted;                /* the first batch is out: events may follow */
    unsigned fetches;            /* batches under way that will come back to this client */
    bool filtered;
    struct query filter;
    char filter_customer[CUSTOMER_ID_ROOM];
    int64_t ping_due_ms;
    int64_t pong_due_ms;     /* 0: none awaited */
    int64_t behind_since_ms; /* further behind than the bound since then; 0: it is not */
};

struct client *client_next(const struct client *client) {
    return client->next;
}

static void send_buffer(struct client *client, struct buffer *message) {
    if (client->websocket != NULL)
        websocket_send_text(client->websocket, buffer_text(message));
}

static void send_error(struct client *client, struct text detail) {
    struct buffer out = BUFFER_EMPTY;
    struct writer writer;
    writer_init(&writer, &out);
    writer_open_object(&writer);
    writer_member_string(&writer, "type", "error");
    writer_member_text(&writer, "detail", detail);
    writer_close_object(&writer);
    send_buffer(client, &out);
    buffer_fini(&out);
}

/* A batch of the newest threats on its way to a client. */
struct client_batch {
    struct client *client;
    const char *type;
    struct log_position position; /* what comes behind it comes as events */
};

static void free_if_over(struct client *client) {
    if (client->websocket == NULL && client->fetches == 0)
        free(client);
}

static void write_batch(struct buffer *out, const struct client_batch *batch, const struct fetched *threats,
                        unsigned count) {
    bool first = true;
    buffer_printf(out, "{\"type\":\"%s\",\"data\":[", batch->type);
    for (unsigned i = 0; i < count; i++) {
        if (threats[i].body.at == NULL)
            continue;
        if (!first)
            buffer_append_char(out, ',');
        first = false;
        buffer_append_text(out, threats[i].body);
    }
    buffer_printf(out, "],\"last_id\":\"%" PRIu64 "-%" PRIu64 "\"}", batch->position.ms,
                  batch->position.sequence);
}

/* Sent even when nothing could be fetched: an empty batch beats silence. */
static void on_batch(void *arg, enum status status, const struct fetched *threats, unsigned count) {
    struct client_batch *batch = arg;
    struct client *client = batch->client;
    struct buffer out = BUFFER_EMPTY;
    client->fetches--;
    if (client->websocket != NULL) {
        write_batch(&out, batch, threats, status == STATUS_OK ? count : 0);
        send_buffer(client, &out);
        client->greeted = client->fetches == 0;
        websocket_wake(client->websocket);
    }
    buffer_fini(&out);
    free(batch);
    free_if_over(client);
}

static void send_batch(struct client *client, const char *type) {
    struct hub *hub = client->hub;
    struct query newest;
    struct uuid ids[BATCH_THREATS];
    bool more;
    struct client_batch *batch = malloc(sizeof(*batch));
    if (batch == NULL)
        abort();
    *batch = (struct client_batch){client, type, hub->passed};
    if (client->filtered)
        newest = client->filter;
    else
        query_init(&newest);
    newest.limit = BATCH_THREATS;
    unsigned count = query_run(&newest, hub->options->catalog, ids, &more);
    client->next_sequence = ring_last(hub->ring) + 1;
    client->seen_bytes = hub->pushed_bytes;
    client->greeted = false;
    client->fetches++;
    fetch_threats(&hub->options->source, ids, count, on_batch, batch);
}

void client_reset(struct client *client) {
    if (client->websocket != NULL)
        send_batch(client, "reset");
}

static void on_open(void *owner) {
    send_batch(owner, "initial_batch");
}

static bool is_behind(const struct client *client) {
    return client->hub->pushed_bytes - client->seen_bytes > client->hub->options->queue_bytes;
}

static unsigned on_fill(void *owner, struct websocket_piece *pieces, unsigned max) {
    struct client *client = owner;
    unsigned count = 0;
    size_t bytes = 0;
    while (client->greeted && count < max && bytes < WEBSOCKET_WRITE_BYTES_MAX) {
        struct live_event *event = ring_peek(client->hub->ring, client->next_sequence);
        if (event == NULL)
            break;
        client->next_sequence++;
        client->seen_bytes += event->frame_bytes;
        if (client->filtered && !query_matches(&client->filter, &event->row))
            continue;
        pieces[count++] = (struct websocket_piece){event->frame, event->frame_bytes, live_event_ref(event)};
        bytes += event->frame_bytes;
    }
    if (!is_behind(client))
        client->behind_since_ms = 0;
    metrics_add(METRIC_WS_EVENTS, 0, 0, count);
    return count;
}

static void on_release(void *owner, void *holder) {
    (void)owner;
    live_event_unref(holder);
}

static void on_pong(void *owner) {
    ((struct client *)owner)->pong_due_ms = 0;
}

static void on_gone(void *owner, const char *reason) {
    struct client *client = owner;
    if (strcmp(reason, "closed") != 0)
        metrics_add(METRIC_WS_DROPPED, METRIC_DROP_ERROR, 0, 1);
    client->websocket = NULL;
    if (client->previous != NULL)
        client->previous->next = client->next;
    else
        client->hub->clients = client->next;
    if (client->next != NULL)
        client->next->previous = client->previous;
    client->hub->count--;
    metrics_set(METRIC_WS_CONNECTIONS, client->hub->count);
    free_if_over(client);
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
        send_buffer(client, &out);
        buffer_fini(&out);
        free(echoed);
    }
    arena_fini(&arena);
}

static bool parse_log_id(const char *text, uint64_t *ms, uint64_t *sequence) {
    int used = 0;
    return text != NULL && sscanf(text, "%20" SCNu64 "-%20" SCNu64 "%n", ms, sequence, &used) == 2 &&
           text[used] == '\0';
}

static bool is_before(struct log_position a, struct log_position b) {
    return a.ms != b.ms ? a.ms < b.ms : a.sequence < b.sequence;
}

/* Is every event behind `position` still in the ring? */
static bool hub_holds_after(const struct hub *hub, struct log_position position) {
    const struct live_event *first = ring_peek(hub->ring, ring_first(hub->ring));
    if (is_before(position, hub->floor) || is_before(hub->passed, position))
        return false;
    if (first == NULL || ring_first(hub->ring) == hub->floor_sequence)
        return true; /* nothing left the ring since the floor */
    return !is_before(position, (struct log_position){first->log_ms, first->log_sequence});
}

/* From the ring when it still holds everything behind `last_id`, else a reset. */
static void on_resume(struct client *client, json_t *message) {
    uint64_t ms, sequence;
    struct ring *ring = client->hub->ring;
    if (!parse_log_id(json_string_value(json_object_get(message, "last_id")), &ms, &sequence)) {
        send_error(client, TEXT_LITERAL("resume needs last_id, the id of an event"));
        return;
    }
    if (!hub_holds_after(client->hub, (struct log_position){ms, sequence})) {
        metrics_add(METRIC_WS_RESUMES, METRIC_RESUME_RESET, 0, 1);
        client_reset(client);
        return;
    }
    metrics_add(METRIC_WS_RESUMES, METRIC_RESUME_RING, 0, 1);
    client->next_sequence = ring_find_after(ring, ms, sequence);
    client->seen_bytes = client->hub->pushed_bytes;
    for (uint64_t at = client->next_sequence; at <= ring_last(ring); at++)
        client->seen_bytes -= ring_peek(ring, at)->frame_bytes;
    client_wake(client);
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

static void on_text(void *owner, struct text text) {
    struct client *client = owner;
    json_t *message = json_loadb(text.at, text.len, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(message))
        dispatch(client, message);
    else
        send_error(client, TEXT_LITERAL("a message is one JSON object"));
    json_decref(message);
}

static const struct websocket_events events = {
    .on_open = on_open,
    .on_text = on_text,
    .on_fill = on_fill,
    .on_release = on_release,
    .on_pong = on_pong,
    .on_gone = on_gone,
};

static bool origin_is_host(struct text origin, struct text host) {
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        size_t len = strlen(schemes[i]);
        if (origin.len > len && memcmp(origin.at, schemes[i], len) == 0 &&
            text_equal_ignoring_case((struct text){origin.at + len, origin.len - len}, host))
            return true;
    }
    return false;
}

static bool origin_listed(struct text origin, const char *list) {
    while (*list != '\0') {
        size_t len = strcspn(list, ",");
        if (text_equal_ignoring_case(origin, (struct text){list, len}))
            return true;
        list += len + (list[len] == ',');
    }
    return false;
}

/* Programs send no Origin; browsers always do, and a foreign page must not ride on an analyst's session. */
static bool origin_allowed(const struct hub *hub, const struct exchange *exchange) {
    const char *allowed = hub->options->allowed_origins;
    struct text origin = exchange_header(exchange, "origin");
    if (origin.at == NULL || strcmp(allowed, "*") == 0)
        return true;
    h2o_iovec_t host = exchange->req->input.authority;
    return allowed[0] == '\0' ? origin_is_host(origin, (struct text){host.base, host.len})
                              : origin_listed(origin, allowed);
}

static void refuse(struct exchange *exchange, enum status status, const char *detail) {
    static const struct header version = {"sec-websocket-version", {"13", 2}};
    const struct status_row *row = status_row(status);
    struct buffer out = BUFFER_EMPTY;
    metrics_add(METRIC_WS_DROPPED, METRIC_DROP_REFUSED, 0, 1);
    if (status != STATUS_UPGRADE_REQUIRED) {
        exchange_answer_problem(exchange, status, detail);
        return;
    }
    problem_write(&out, row->http_status, row->name, row->title, detail, NULL, NULL);
    exchange_answer(exchange, row->http_status, "application/problem+json", &version, 1, buffer_text(&out));
    buffer_fini(&out);
}

static int64_t next_ping_ms(const struct hub *hub) {
    int64_t period = hub->options->ping_seconds * 1000;
    return hub->now_ms + period - random() % (period / 8 + 1);
}

void client_open(struct hub *hub, struct exchange *exchange) {
    if (!origin_allowed(hub, exchange)) {
        refuse(exchange, STATUS_FORBIDDEN, "this Origin may not connect");
        return;
    }
    if (hub->count >= hub->options->clients_max) {
        refuse(exchange, STATUS_OVERLOADED, "as many clients as this process takes are connected");
        return;
    }
    struct client *client = calloc(1, sizeof(*client));
    if (client == NULL)
        abort();
    client->hub = hub;
    enum status status = websocket_accept(exchange->req, &events, client, &client->websocket);
    if (status != STATUS_OK) {
        free(client);
        refuse(exchange, status, "the WebSocket handshake is not complete");
        return;
    }
    exchange->req = NULL;
    client->ping_due_ms = next_ping_ms(hub);
    client->next = hub->clients;
    if (hub->clients != NULL)
        hub->clients->previous = client;
    hub->clients = client;
    metrics_set(METRIC_WS_CONNECTIONS, ++hub->count);
}

static void drop(struct client *client, enum metric_drop reason, enum close_code code, const char *word) {
    metrics_add(METRIC_WS_DROPPED, (int)reason, 0, 1);
    log_write(LOG_WEBSOCKET_DROPPED, LOG_STRING("reason", word));
    websocket_close(client->websocket, code, word);
    client->greeted = false;
}

/* A burst may put any client behind for a moment: only one that stays there is too slow. */
static bool is_too_slow(const struct client *client) {
    bool fell_off = client->next_sequence < ring_first(client->hub->ring);
    return fell_off ||
           (client->behind_since_ms != 0 && client->hub->now_ms - client->behind_since_ms > BEHIND_GRACE_MS);
}

void client_wake(struct client *client) {
    if (client->websocket == NULL || !client->greeted)
        return;
    if (client->behind_since_ms == 0 && is_behind(client))
        client->behind_since_ms = client->hub->now_ms;
    if (is_too_slow(client))
        drop(client, METRIC_DROP_SLOW, CLOSE_TRY_LATER, "too slow: resume with the last id");
    else
        websocket_wake(client->websocket);
}

void client_tick(struct client *client) {
    int64_t now_ms = client->hub->now_ms;
    if (client->behind_since_ms != 0)
        client_wake(client);
    if (client->pong_due_ms != 0 && now_ms > client->pong_due_ms) {
        metrics_add(METRIC_WS_DROPPED, METRIC_DROP_NO_PONG, 0, 1);
        client->pong_due_ms = 0;
        websocket_abort(client->websocket);
    } else if (now_ms >= client->ping_due_ms) {
        websocket_ping(client->websocket);
        if (client->pong_due_ms == 0)
            client->pong_due_ms = now_ms + PONG_SECONDS * 1000;
        client->ping_due_ms = next_ping_ms(client->hub);
    }
}

void client_close(struct client *client, enum close_code code, const char *reason) {
    drop(client, code == CLOSE_GOING_AWAY ? METRIC_DROP_SHUTDOWN : METRIC_DROP_SLOW, code, reason);
}
