#include "api/live/client.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/live/newest_batch.h"
#include "api/live/resume_client.h"
#include "shared/telemetry/log.h"
#include "shared/telemetry/metrics.h"

enum {
    POSITION_MESSAGE_MAX = 96,
    PONG_SECONDS = 10,
    BEHIND_GRACE_MS = 1000,
    RESUME_STALL_MS = 10000, /* for a page, and for a write while catching up */
    POSITIONS_PER_REACH =
        8 /* an idle client's last id is told at least so often while a resume would reach */
};

/* One that said at once where to resume from needs no batch. */
static void on_open(void *owner) {
    struct client *client = owner;
    if (!client->has_resume || !client->hub->ready) {
        newest_batch_owe(client, BATCH_INITIAL);
        return;
    }
    client->has_resume = false;
    client_resume(client, client->resume_from);
}

static bool is_behind(const struct client *client) {
    return client->hub->pushed_bytes - client->seen_bytes > client->hub->options->queue_bytes;
}

static bool put_message(struct client *client, struct websocket_piece *piece) {
    for (int i = 0; i < MESSAGE_COUNT; i++) {
        struct live_event *message = client->messages[i];
        if (message == NULL)
            continue;
        client->messages[i] = NULL;
        *piece = (struct websocket_piece){message->frame, message->frame_bytes, message};
        return true;
    }
    return false;
}

static unsigned fill_from_ring(struct client *client, struct websocket_piece *pieces, unsigned max,
                               size_t *bytes) {
    unsigned count = 0;
    while (count < max && *bytes < WEBSOCKET_WRITE_BYTES_MAX) {
        struct live_event *event = ring_peek(client->hub->ring, client->next_sequence);
        if (event == NULL)
            break;
        client->next_sequence++;
        client->seen_bytes = event->pushed_bytes;
        if (!stream_id_is_before(client->skip_through, live_event_id(event)))
            continue;
        client->cursor = live_event_id(event);
        if (!client_wants(client, event))
            continue;
        client->told_rows = event->rows;
        pieces[count++] = (struct websocket_piece){event->frame, event->frame_bytes, live_event_ref(event)};
        *bytes += event->frame_bytes;
    }
    if (!is_behind(client)) {
        client->behind_since_ms = 0;
        client->catching_up = false;
    }
    return count;
}

/* A page's end may bring the next page, the ring or a message: so round and round until one has nothing. */
static unsigned on_fill(void *owner, struct websocket_piece *pieces, unsigned max) {
    struct client *client = owner;
    unsigned count = 0, events = 0, more;
    size_t bytes = 0;
    client->progress_ms = client->hub->now_ms;
    while (count < max && bytes < WEBSOCKET_WRITE_BYTES_MAX) {
        if (put_message(client, &pieces[count])) {
            bytes += pieces[count++].len;
            continue;
        }
        if (client->stage == CLIENT_RESUMING && client->page != NULL) {
            more = resume_fill(client, pieces + count, max - count, &bytes);
        } else {
            more = client->stage == CLIENT_LIVE ? fill_from_ring(client, pieces + count, max - count, &bytes)
                                                : 0;
            max = count + more;
        }
        count += more;
        events += more;
    }
    metrics_add(METRIC_WS_EVENTS, 0, 0, events);
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
    resume_forget(client);
    newest_batch_cancel(client);
    if (client->previous != NULL)
        client->previous->next = client->next;
    else
        client->hub->clients = client->next;
    if (client->next != NULL)
        client->next->previous = client->previous;
    client->hub->count--;
    metrics_set(METRIC_WS_CONNECTIONS, client->hub->count);
    free(client);
}

const struct websocket_events client_events = {
    .on_open = on_open,
    .on_text = client_on_text,
    .on_fill = on_fill,
    .on_release = on_release,
    .on_pong = on_pong,
    .on_gone = on_gone,
};

int64_t client_next_ping_ms(const struct hub *hub) {
    int64_t period = hub->options->ping_seconds * 1000;
    return hub->now_ms + period - random() % (period / 8 + 1);
}

static void drop(struct client *client, enum metric_drop reason, enum close_code code, const char *word) {
    metrics_add(METRIC_WS_DROPPED, (int)reason, 0, 1);
    log_write(LOG_WEBSOCKET_DROPPED, LOG_STRING("reason", word));
    resume_forget(client);
    newest_batch_cancel(client);
    client->stage = CLIENT_CLOSING;
    websocket_close(client->websocket, code, word);
}

/* A burst may put any client behind for a moment: only one that stays there is too slow. One that resumed has
 * time as long as it takes what it is given. */
static bool is_too_slow(const struct client *client) {
    const struct hub *hub = client->hub;
    if (client->page != NULL && hub->now_ms - client->page_since_ms > RESUME_STALL_MS)
        return true;
    if (client->stage != CLIENT_LIVE)
        return false;
    if (client->catching_up)
        return hub->now_ms - client->progress_ms > RESUME_STALL_MS;
    return client->next_sequence < ring_first(hub->ring) ||
           (client->behind_since_ms != 0 && hub->now_ms - client->behind_since_ms > BEHIND_GRACE_MS);
}

void client_wake(struct client *client) {
    const struct hub *hub = client->hub;
    if (client->stage == CLIENT_CLOSING || client->stage == CLIENT_WAITING)
        return;
    if (client->stage == CLIENT_LIVE && client->behind_since_ms == 0 && is_behind(client))
        client->behind_since_ms = hub->now_ms;
    if (is_too_slow(client))
        drop(client, METRIC_DROP_SLOW, CLOSE_TRY_LATER, "too slow: resume with the last id");
    else if (client->stage == CLIENT_LIVE && client->next_sequence < ring_first(hub->ring))
        client_resume(client, client->cursor);
    else
        websocket_wake(client->websocket);
}

/* A client whose filter lets nothing through, or that has nothing to hear, keeps an id to resume from; one
 * that has resumed learns that this was all. */
static void tell_position(struct client *client, uint64_t rows_at_least) {
    struct hub *hub = client->hub;
    bool has_all = client->stage == CLIENT_LIVE && client->next_sequence > ring_last(hub->ring) &&
                   !stream_id_is_before(hub->passed, client->cursor);
    if (!has_all || (!client->owes_position && hub->marks.rows - client->told_rows < rows_at_least))
        return;
    client->owes_position = false;
    client->cursor = hub->passed;
    client_tell_position(client);
    websocket_wake(client->websocket);
}

void client_tell_position(struct client *client) {
    char text[POSITION_MESSAGE_MAX];
    int len = snprintf(text, sizeof(text), "{\"type\":\"position\",\"id\":\"%" PRIu64 "-%" PRIu64 "\"}",
                       client->cursor.ms, client->cursor.sequence);
    client_drop_message(client, MESSAGE_POSITION);
    client->messages[MESSAGE_POSITION] = live_event_of_message((struct text){text, (size_t)len});
    client->told_rows = client->hub->marks.rows;
}

void client_drop_message(struct client *client, enum client_message message) {
    live_event_unref(client->messages[message]);
    client->messages[message] = NULL;
}

void client_tick(struct client *client) {
    int64_t now_ms = client->hub->now_ms;
    if (client->behind_since_ms != 0 || client->page != NULL || client->catching_up)
        client_wake(client);
    tell_position(client, client->hub->options->resume_rows / POSITIONS_PER_REACH);
    if (client->pong_due_ms != 0 && now_ms > client->pong_due_ms) {
        metrics_add(METRIC_WS_DROPPED, METRIC_DROP_NO_PONG, 0, 1);
        client->pong_due_ms = 0;
        websocket_abort(client->websocket);
    } else if (now_ms >= client->ping_due_ms) {
        tell_position(client, 1);
        websocket_ping(client->websocket);
        if (client->pong_due_ms == 0)
            client->pong_due_ms = now_ms + PONG_SECONDS * 1000;
        client->ping_due_ms = client_next_ping_ms(client->hub);
    }
}

void client_hold(struct client *client) {
    if (client->stage == CLIENT_LIVE || client->stage == CLIENT_RESUMING)
        newest_batch_owe(client, BATCH_RESET);
}

void client_close(struct client *client, enum close_code code, const char *reason) {
    drop(client, code == CLOSE_GOING_AWAY ? METRIC_DROP_SHUTDOWN : METRIC_DROP_SLOW, code, reason);
}
