#include "api/threats/enqueue_signal.h"

#include <stdlib.h>

#include "lua/enqueue_signal_lua.h"
#include "shared/model/log_row.h"
#include "shared/telemetry/log.h"
#include "shared/telemetry/metrics.h"

enum { BATCH_MAX = 16, ATTEMPTS_MAX = 2 };

struct batch_item {
    enqueue_done done;
    void *arg;
    struct uuid id;
};

struct batch {
    struct enqueue *enqueue;
    struct batch *next_spare;
    struct command keys, arguments, whole;
    struct batch_item items[BATCH_MAX];
    unsigned count;
    unsigned attempts;
};

struct enqueue {
    struct link *const *link;
    const struct keyspace *keyspace;
    struct batch *open; /* collects this turn's signals; NULL: none yet */
    struct batch *spare;
    struct buffer scratch;
};

const struct script *enqueue_script(void) {
    static struct script script;
    return script_once(&script, enqueue_signal_lua);
}

struct enqueue *enqueue_new(struct link *const *link, const struct keyspace *keyspace) {
    struct enqueue *enqueue = calloc(1, sizeof(*enqueue));
    if (enqueue == NULL)
        abort();
    enqueue->link = link;
    enqueue->keyspace = keyspace;
    return enqueue;
}

void enqueue_free(struct enqueue *enqueue) {
    if (enqueue == NULL)
        return;
    while (enqueue->spare != NULL) {
        struct batch *batch = enqueue->spare;
        enqueue->spare = batch->next_spare;
        command_fini(&batch->keys);
        command_fini(&batch->arguments);
        command_fini(&batch->whole);
        free(batch);
    }
    buffer_fini(&enqueue->scratch);
    free(enqueue);
}

static struct batch *batch_open(struct enqueue *enqueue) {
    struct batch *batch = enqueue->spare;
    if (batch != NULL)
        enqueue->spare = batch->next_spare;
    else if ((batch = calloc(1, sizeof(*batch))) == NULL)
        abort();
    batch->enqueue = enqueue;
    batch->count = batch->attempts = 0;
    command_begin_part(&batch->keys);
    command_begin_part(&batch->arguments);
    command_string(&batch->keys, keyspace_fixed(enqueue->keyspace, KEY_STREAM));
    command_string(&batch->keys, keyspace_fixed(enqueue->keyspace, KEY_LOG));
    return batch;
}

static void add_keys(struct enqueue *enqueue, struct batch *batch, const struct enqueue_order *order) {
    buffer_clear(&enqueue->scratch);
    keyspace_threat(enqueue->keyspace, &order->id, &enqueue->scratch);
    command_text(&batch->keys, buffer_text(&enqueue->scratch));
    if (order->idempotency_key.len == 0)
        return;
    buffer_clear(&enqueue->scratch);
    keyspace_idempotency(enqueue->keyspace, order->idempotency_key, &enqueue->scratch);
    command_text(&batch->keys, buffer_text(&enqueue->scratch));
}

static void add_row(struct enqueue *enqueue, struct batch *batch, const struct enqueue_order *order) {
    struct log_row row = log_row_of_signal(EVENT_CREATED, &order->id, order->received_at_ms, order->signal);
    buffer_clear(&enqueue->scratch);
    log_row_write(&enqueue->scratch, &row);
    command_text(&batch->arguments, buffer_text(&enqueue->scratch));
}

static void add_arguments(struct enqueue *enqueue, struct batch *batch, const struct enqueue_order *order) {
    char id[UUID_LENGTH];
    struct writer writer;
    uuid_write(&order->id, id);
    command_text(&batch->arguments, (struct text){id, UUID_LENGTH});
    buffer_clear(&enqueue->scratch);
    writer_init(&writer, &enqueue->scratch);
    signal_write(&writer, order->signal);
    command_text(&batch->arguments, buffer_text(&enqueue->scratch));
    command_signed(&batch->arguments, order->received_at_ms);
    command_text(&batch->arguments, order->traceparent);
    add_row(enqueue, batch, order);
    command_string(&batch->arguments, order->idempotency_key.len == 0 ? "" : "1");
}

void enqueue_signal(struct enqueue *enqueue, const struct enqueue_order *order, enqueue_done done,
                    void *arg) {
    if (enqueue->open == NULL)
        enqueue->open = batch_open(enqueue);
    struct batch *batch = enqueue->open;
    add_keys(enqueue, batch, order);
    add_arguments(enqueue, batch, order);
    batch->items[batch->count++] = (struct batch_item){done, arg, order->id};
    if (batch->count < BATCH_MAX)
        return;
    enqueue_flush(enqueue);
    link_flush(*enqueue->link); /* Redis works on a full batch while this turn goes on */
}

static void finish(struct batch *batch, enum status status, bool sent, const redisReply *reply) {
    for (unsigned i = 0; i < batch->count; i++) {
        struct enqueue_result result = {status, batch->items[i].id, false, sent};
        if (reply != NULL && uuid_parse(reply_text(reply->element[i]), &result.id))
            result.earlier = true;
        batch->items[i].done(batch->items[i].arg, &result);
    }
    batch->next_spare = batch->enqueue->spare;
    batch->enqueue->spare = batch;
}

static void on_reply(void *arg, enum status status, const redisReply *reply);

static void send_batch(struct batch *batch) {
    batch->attempts++;
    if (link_send(*batch->enqueue->link, command_finish(&batch->whole), LINK_DEADLINE_MS, on_reply, batch) !=
        STATUS_OK)
        finish(batch, STATUS_UNAVAILABLE, false, NULL);
}

static void on_reply(void *arg, enum status status, const redisReply *reply) {
    struct batch *batch = arg;
    if (status == STATUS_NO_SCRIPT && batch->attempts < ATTEMPTS_MAX) {
        send_batch(batch); /* the link has just sent SCRIPT LOAD before it */
        return;
    }
    if (status == STATUS_OK && !reply_is_array(reply, batch->count))
        status = STATUS_INTERNAL;
    if (status != STATUS_OK && reply != NULL)
        log_write(LOG_REDIS_REPLY, LOG_STRING("command", "enqueue_signal"),
                  LOG_TEXT("reply", reply_text(reply)));
    finish(batch, status, true, status == STATUS_OK ? reply : NULL);
}

void enqueue_flush(struct enqueue *enqueue) {
    struct batch *batch = enqueue->open;
    if (batch == NULL)
        return;
    enqueue->open = NULL;
    metrics_observe(METRIC_ENQUEUE_BATCH, 0, batch->count);
    command_begin_script(&batch->whole, enqueue_script(), (int)batch->keys.count);
    command_join(&batch->whole, &batch->keys);
    command_join(&batch->whole, &batch->arguments);
    send_batch(batch);
}
