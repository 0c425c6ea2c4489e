#include "api/live/push_event.h"

#include <stdlib.h>

#include "api/live/client.h"
#include "shared/json/writer.h"
#include "shared/telemetry/metrics.h"

enum {
    CHUNK_ROWS = 128,
    WAITING_ROWS_MAX = 65536,
    RING_BURST_BYTES = 4 * 1024 * 1024,
    TICK_CLIENTS_EVERY_MS = 250
};

/* A row on its way to the ring; its texts lie behind it. */
struct waiting_row {
    struct waiting_row *next;
    struct stream_id position;
    struct log_row row;
    char texts[];
};

struct live {
    struct live_options options;
    struct hub hub;
    struct waiting_row *oldest, *newest;
    unsigned waiting;
    struct waiting_row *chunk[CHUNK_ROWS]; /* rows whose bodies are being fetched */
    unsigned chunk_count;
    int fetched_at[CHUNK_ROWS]; /* index of the chunk row's body in the fetch, -1: needs none */
    bool fetching;
    bool chunk_is_stale; /* of a log that was reset while it was fetched: not to be pushed */
    bool pushed;         /* since the last flush */
    int64_t ticked_ms;
    struct buffer data;
};

struct live *live_new(const struct live_options *options) {
    struct live *live = calloc(1, sizeof(*live));
    if (live == NULL)
        abort();
    live->options = *options;
    live->hub.options = &live->options;
    live->hub.ring = ring_new(options->queue_bytes + RING_BURST_BYTES);
    return live;
}

static void forget_waiting(struct live *live) {
    while (live->oldest != NULL) {
        struct waiting_row *row = live->oldest;
        live->oldest = row->next;
        free(row);
    }
    live->newest = NULL;
    live->waiting = 0;
}

void live_free(struct live *live) {
    if (live == NULL)
        return;
    while (live->chunk_count > 0)
        free(live->chunk[--live->chunk_count]);
    forget_waiting(live);
    ring_free(live->hub.ring);
    buffer_fini(&live->data);
    free(live);
}

unsigned live_clients(const struct live *live) {
    return live->hub.count;
}

void live_accept(struct live *live, struct exchange *exchange) {
    client_open(&live->hub, exchange);
}

static struct waiting_row *copy_row(struct stream_id position, const struct log_row *row) {
    struct waiting_row *copy = malloc(sizeof(*copy) + row->customer_id.len + row->customer_name.len);
    if (copy == NULL)
        abort();
    *copy = (struct waiting_row){.position = position, .row = *row};
    if (row->customer_id.len > 0)
        memcpy(copy->texts, row->customer_id.at, row->customer_id.len);
    if (row->customer_name.len > 0)
        memcpy(copy->texts + row->customer_id.len, row->customer_name.at, row->customer_name.len);
    copy->row.customer_id.at = copy->texts;
    copy->row.customer_name.at = copy->texts + row->customer_id.len;
    return copy;
}

static bool wanted(const struct live *live, const struct log_row *row) {
    return live->hub.count > 0 ||
           (row->kind != EVENT_CREATED && live->options.wanted(live->options.arg, &row->id));
}

/* A row goes by without becoming an event. */
static void pass_by(struct live *live, struct stream_id position) {
    live->hub.passed = live->hub.floor = position;
    live->hub.floor_sequence = ring_last(live->hub.ring) + 1;
}

static void write_summary(struct buffer *out, const struct log_row *row) {
    struct writer writer;
    char id[UUID_LENGTH], ip[ADDRESS_TEXT_MAX];
    uuid_write(&row->id, id);
    writer_init(&writer, out);
    writer_open_object(&writer);
    writer_member_text(&writer, "id", (struct text){id, UUID_LENGTH});
    writer_member_string(&writer, "status", vocabulary_word(&vocabulary_threat_status, (int)row->status));
    writer_member_string(&writer, "threat_type",
                         vocabulary_word(&vocabulary_threat_type, (int)row->threat_type));
    if (row->severity != SEVERITY_NONE)
        writer_member_string(&writer, "severity", vocabulary_word(&vocabulary_severity, (int)row->severity));
    if (row->verdict != VERDICT_NONE)
        writer_member_string(&writer, "verdict", vocabulary_word(&vocabulary_verdict, (int)row->verdict));
    writer_member_text(&writer, "customer_id", row->customer_id);
    writer_member_text(&writer, "customer_name", row->customer_name);
    writer_member_text(&writer, "source_ip", (struct text){ip, address_write(&row->source_ip, ip)});
    writer_member_time(&writer, "created_at", row->created_at_ms);
    writer_close_object(&writer);
}

static void push_to_ring(struct live *live, const struct waiting_row *waiting, enum live_kind kind,
                         struct text data) {
    struct hub *hub = &live->hub;
    ring_push(hub->ring, kind, waiting->position.ms, waiting->position.sequence, &waiting->row, data);
    hub->pushed_bytes += ring_peek(hub->ring, ring_last(hub->ring))->frame_bytes;
    live->pushed = true;
}

/* `body` has no bytes when the row needs none, or when the record is gone already. */
static void push_row(struct live *live, const struct waiting_row *waiting, struct text body) {
    const struct log_row *row = &waiting->row;
    bool finished = row->kind == EVENT_COMPLETED || row->kind == EVENT_FAILED;
    if (finished && body.at != NULL)
        live->options.on_analysis(live->options.arg, &row->id, body);
    if (live->hub.count == 0) {
        pass_by(live, waiting->position);
        return;
    }
    live->hub.passed = waiting->position;
    if (row->kind == EVENT_COMPLETED && body.at != NULL) {
        push_to_ring(live, waiting, LIVE_NEW_THREAT, body);
        return;
    }
    buffer_clear(&live->data);
    write_summary(&live->data, row);
    push_to_ring(live, waiting, row->kind == EVENT_CREATED ? LIVE_THREAT_CREATED : LIVE_THREAT_UPDATED,
                 buffer_text(&live->data));
}

static void drop_chunk(struct live *live) {
    while (live->chunk_count > 0)
        free(live->chunk[--live->chunk_count]);
    live->chunk_is_stale = false;
}

static void on_bodies(void *arg, enum status status, const struct fetched *threats, unsigned count) {
    struct live *live = arg;
    (void)count;
    live->fetching = false;
    if (status != STATUS_OK)
        return; /* the chunk stays; live_tick asks again */
    for (unsigned i = 0; i < live->chunk_count && !live->chunk_is_stale; i++)
        push_row(live, live->chunk[i],
                 live->fetched_at[i] < 0 ? TEXT_NONE : threats[live->fetched_at[i]].body);
    drop_chunk(live);
}

static void fetch_chunk(struct live *live) {
    struct uuid ids[CHUNK_ROWS];
    unsigned count = 0;
    for (unsigned i = 0; i < live->chunk_count; i++) {
        const struct log_row *row = &live->chunk[i]->row;
        bool body = (row->kind == EVENT_COMPLETED || row->kind == EVENT_FAILED) && wanted(live, row);
        live->fetched_at[i] = body ? (int)count : -1;
        if (body)
            ids[count++] = row->id;
    }
    live->fetching = true;
    fetch_threats(&live->options.source, ids, count, on_bodies, live);
}

static void take_chunk(struct live *live) {
    while (live->oldest != NULL && live->chunk_count < CHUNK_ROWS) {
        struct waiting_row *row = live->oldest;
        live->oldest = row->next;
        live->chunk[live->chunk_count++] = row;
        live->waiting--;
    }
    if (live->oldest == NULL)
        live->newest = NULL;
}

/* One chunk is under way at a time: that keeps the events in the log's order. A chunk without bodies to
 * fetch is done when fetch_chunk returns. */
static void pump(struct live *live) {
    while (live->chunk_count == 0 && live->oldest != NULL) {
        take_chunk(live);
        fetch_chunk(live);
    }
}

static void close_all(struct live *live, enum close_code code, const char *reason) {
    for (struct client *client = live->hub.clients, *next; client != NULL; client = next) {
        next = client_next(client);
        client_close(client, code, reason);
    }
}

void push_event(struct live *live, struct stream_id position, const struct log_row *row) {
    bool idle = live->oldest == NULL && live->chunk_count == 0;
    if (row->kind == EVENT_EXPIRED || (idle && !wanted(live, row))) {
        if (idle && row->kind != EVENT_EXPIRED)
            pass_by(live, position);
        return;
    }
    if (live->waiting ==
        WAITING_ROWS_MAX) { /* Redis gives rows but no bodies: nobody may have a silent hole */
        forget_waiting(live);
        close_all(live, CLOSE_TRY_LATER, "events were lost: connect again");
    }
    struct waiting_row *copy = copy_row(position, row);
    if (live->newest == NULL)
        live->oldest = copy;
    else
        live->newest->next = copy;
    live->newest = copy;
    live->waiting++;
}

void live_skip(struct live *live, struct stream_id position) {
    if (live->oldest == NULL && live->chunk_count == 0)
        pass_by(live, position);
}

void live_flush(struct live *live) {
    pump(live);
    if (!live->pushed)
        return;
    live->pushed = false;
    for (struct client *client = live->hub.clients; client != NULL; client = client_next(client))
        client_wake(client);
}

void live_tick(struct live *live, int64_t now_ms) {
    live->hub.now_ms = now_ms;
    if (live->chunk_count > 0 && !live->fetching)
        fetch_chunk(live);
    if (now_ms - live->ticked_ms < TICK_CLIENTS_EVERY_MS)
        return;
    live->ticked_ms = now_ms;
    for (struct client *client = live->hub.clients; client != NULL; client = client_next(client))
        client_tick(client);
}

void live_reset(struct live *live) {
    forget_waiting(live);
    if (live->fetching)
        live->chunk_is_stale = true;
    else
        drop_chunk(live);
    /* The new log may count from below the old one: its events cannot stand behind those in the ring. */
    ring_free(live->hub.ring);
    live->hub.ring = ring_new(live->options.queue_bytes + RING_BURST_BYTES);
    pass_by(live, live->hub.passed);
    for (struct client *client = live->hub.clients; client != NULL; client = client_next(client))
        client_reset(client);
}

void live_stop(struct live *live) {
    close_all(live, CLOSE_GOING_AWAY, "the server is going away");
}
