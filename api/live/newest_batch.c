#include "api/live/newest_batch.h"

#include <inttypes.h>
#include <stdlib.h>

#include "api/live/resume_client.h"

enum { BATCH_THREATS = 20, OWN_LOADING_MAX = 8 };

/* What comes behind `position` comes as events. */
struct newest_batch {
    struct hub *hub;
    struct client *client; /* whose own it is; NULL: everybody's, or the client has gone */
    bool common;
    uint64_t generation, catalog_rows;
    struct stream_id position;
    uint64_t next_sequence, seen_bytes, rows;
    struct buffer data;
    struct live_event *messages[BATCH_TYPE_COUNT]; /* framed when first wanted */
};

static const char *const type_names[] = {[BATCH_INITIAL] = "initial_batch", [BATCH_RESET] = "reset"};

static void batch_free(struct newest_batch *batch) {
    for (int i = 0; i < BATCH_TYPE_COUNT; i++)
        live_event_unref(batch->messages[i]);
    buffer_fini(&batch->data);
    free(batch);
}

void newest_batch_forget(struct hub *hub) {
    if (hub->common_batch != NULL)
        batch_free(hub->common_batch);
    hub->common_batch = NULL;
}

static struct live_event *message_of(struct newest_batch *batch, enum batch_type type) {
    struct live_event **message = &batch->messages[type];
    if (*message == NULL) {
        struct buffer out = BUFFER_EMPTY;
        buffer_printf(&out, "{\"type\":\"%s\",\"data\":[", type_names[type]);
        buffer_append_text(&out, buffer_text(&batch->data));
        buffer_printf(&out, "],\"last_id\":\"%" PRIu64 "-%" PRIu64 "\"}", batch->position.ms,
                      batch->position.sequence);
        *message = live_event_of_message(buffer_text(&out));
        buffer_fini(&out);
    }
    return live_event_ref(*message);
}

static void give(struct client *client, struct newest_batch *batch) {
    client->messages[client->batch_type] = message_of(batch, client->batch_type);
    client->stage = CLIENT_LIVE;
    client->cursor = batch->position;
    client->skip_through = (struct stream_id){0, 0};
    client->next_sequence = batch->next_sequence;
    client->seen_bytes = batch->seen_bytes;
    client->told_rows = batch->rows;
    client->behind_since_ms = 0;
    client->catching_up = false;
    if (client->has_resume) {
        client->has_resume = false;
        client_resume(client, client->resume_from);
    }
    websocket_wake(client->websocket);
}

static void write_data(struct buffer *out, const struct fetched *threats, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        if (threats[i].body.at == NULL)
            continue;
        if (out->len > 0)
            buffer_append_char(out, ',');
        buffer_append_text(out, threats[i].body);
    }
}

/* Whoever is owed another batch while this is being given waits for its turn in this loop. */
static void give_to_all(struct hub *hub) {
    hub->giving = true;
    while (hub->common_queue.first != NULL && hub->common_batch != NULL) {
        struct client *client = hub->common_queue.first;
        queue_leave(client);
        give(client, hub->common_batch);
    }
    hub->giving = false;
}

/* What nobody wants any more, or what Redis did not give, is forgotten: who still wants it is in a queue. */
static void end_common(struct newest_batch *batch, bool good) {
    struct hub *hub = batch->hub;
    hub->common_loading = false;
    if (!good) {
        batch_free(batch);
        return;
    }
    newest_batch_forget(hub);
    hub->common_batch = batch;
    if (!hub->giving)
        give_to_all(hub);
}

static void serve_own(struct hub *hub);

static void end_own(struct newest_batch *batch, bool good) {
    struct hub *hub = batch->hub;
    struct client *client = batch->client;
    hub->own_loading--;
    if (client != NULL) {
        client->batch = NULL;
        if (good)
            give(client, batch);
        else
            queue_join(&hub->own_queue, client);
    }
    batch_free(batch);
    if (good)
        serve_own(hub);
}

static void on_threats(void *arg, enum status status, const struct fetched *threats, unsigned count) {
    struct newest_batch *batch = arg;
    bool good = status == STATUS_OK && batch->generation == batch->hub->generation && batch->hub->ready;
    if (good)
        write_data(&batch->data, threats, count);
    (batch->common ? end_common : end_own)(batch, good);
}

/* `client` is NULL for everybody's. */
static void load(struct hub *hub, struct client *client) {
    struct query newest;
    struct uuid ids[BATCH_THREATS];
    bool more;
    struct newest_batch *batch = calloc(1, sizeof(*batch));
    if (batch == NULL)
        abort();
    *batch = (struct newest_batch){.hub = hub,
                                   .client = client,
                                   .common = client == NULL,
                                   .generation = hub->generation,
                                   .catalog_rows = hub->catalog_rows,
                                   .position = hub->passed,
                                   .next_sequence = ring_last(hub->ring) + 1,
                                   .seen_bytes = hub->pushed_bytes,
                                   .rows = hub->marks.rows};
    query_init(&newest);
    if (client != NULL) {
        newest = client->filter;
        client->batch = batch;
        hub->own_loading++;
    } else {
        hub->common_loading = true;
    }
    newest.limit = BATCH_THREATS;
    unsigned count = query_run(&newest, hub->options->catalog, ids, &more);
    fetch_threats(&hub->options->source, ids, count, on_threats, batch);
}

static void serve_common(struct hub *hub) {
    if (!hub->ready || hub->giving || hub->common_queue.first == NULL)
        return;
    if (hub->common_batch != NULL && hub->common_batch->catalog_rows == hub->catalog_rows)
        give_to_all(hub);
    else if (!hub->common_loading)
        load(hub, NULL);
}

/* A batch without threats is given within the call; one that Redis refuses ends the loop. */
static void serve_own(struct hub *hub) {
    if (hub->serving_own)
        return;
    hub->serving_own = true;
    bool refused = false;
    while (hub->ready && !refused && hub->own_loading < OWN_LOADING_MAX && hub->own_queue.first != NULL) {
        struct client *client = hub->own_queue.first;
        queue_leave(client);
        load(hub, client);
        refused = client->queue == &hub->own_queue;
    }
    hub->serving_own = false;
}

void newest_batch_owe(struct client *client, enum batch_type type) {
    struct hub *hub = client->hub;
    resume_forget(client);
    client_drop_message(client, (enum client_message)type);
    client_drop_message(client, MESSAGE_POSITION);
    client->stage = CLIENT_WAITING;
    client->batch_type = type;
    queue_join(client->filtered ? &hub->own_queue : &hub->common_queue, client);
    if (client->filtered)
        serve_own(hub);
    else
        serve_common(hub);
}

void newest_batch_cancel(struct client *client) {
    queue_leave(client);
    for (int message = 0; message < MESSAGE_COUNT; message++)
        client_drop_message(client, (enum client_message)message);
    if (client->batch != NULL)
        client->batch->client = NULL;
    client->batch = NULL;
}

void newest_batch_retry(struct hub *hub) {
    serve_common(hub);
    serve_own(hub);
}
