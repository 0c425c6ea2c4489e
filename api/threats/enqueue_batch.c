#include "api/threats/enqueue_batch.h"

#include <stdlib.h>

#include "shared/model/log_row.h"

struct batch *batch_new(void) {
    struct batch *batch = calloc(1, sizeof(*batch));
    if (batch == NULL)
        abort();
    return batch;
}

void batch_free(struct batch *batch) {
    command_fini(&batch->keys);
    command_fini(&batch->arguments);
    command_fini(&batch->whole);
    free(batch);
}

void batch_begin(struct batch *batch, const struct keyspace *keyspace) {
    batch->round = NULL;
    batch->count = batch->attempts = 0;
    command_begin_part(&batch->keys);
    command_begin_part(&batch->arguments);
    command_string(&batch->keys, keyspace_fixed(keyspace, KEY_STREAM));
    command_string(&batch->keys, keyspace_fixed(keyspace, KEY_LOG));
}

static void add_keys(struct batch *batch, const struct keyspace *keyspace, const struct enqueue_order *order,
                     struct buffer *scratch) {
    buffer_clear(scratch);
    keyspace_threat(keyspace, &order->id, scratch);
    command_text(&batch->keys, buffer_text(scratch));
    if (order->idempotency_key.len == 0)
        return;
    buffer_clear(scratch);
    keyspace_idempotency(keyspace, order->idempotency_key, scratch);
    command_text(&batch->keys, buffer_text(scratch));
}

static void add_row(struct batch *batch, const struct enqueue_order *order, struct buffer *scratch) {
    struct log_row row = log_row_of_signal(EVENT_CREATED, &order->id, order->received_at_ms, order->signal);
    buffer_clear(scratch);
    log_row_write(scratch, &row);
    command_text(&batch->arguments, buffer_text(scratch));
}

void batch_add(struct batch *batch, const struct keyspace *keyspace, const struct enqueue_order *order,
               bool confirmed, struct buffer *scratch) {
    char id[UUID_LENGTH];
    struct writer writer;
    const char *keyed = confirmed ? "2" : "1";
    add_keys(batch, keyspace, order, scratch);
    uuid_write(&order->id, id);
    command_text(&batch->arguments, (struct text){id, UUID_LENGTH});
    buffer_clear(scratch);
    writer_init(&writer, scratch);
    signal_write(&writer, order->signal);
    command_text(&batch->arguments, buffer_text(scratch));
    command_signed(&batch->arguments, order->received_at_ms);
    command_text(&batch->arguments, order->traceparent);
    add_row(batch, order, scratch);
    command_string(&batch->arguments, order->idempotency_key.len == 0 ? "" : keyed);
}

void batch_finish(struct batch *batch) {
    command_begin_script(&batch->whole, enqueue_script(), (int)batch->keys.count);
    command_join(&batch->whole, &batch->keys);
    command_join(&batch->whole, &batch->arguments);
}

void batch_set_status(struct batch *batch, enum status status, bool unknown) {
    for (unsigned i = 0; i < batch->count; i++) {
        batch->items[i].result.status = status;
        batch->items[i].result.unknown = unknown;
    }
}

void batch_take_answers(struct batch *batch, const redisReply *reply) {
    batch_set_status(batch, STATUS_OK, false);
    for (unsigned i = 0; i < batch->count; i++) {
        struct enqueue_result *result = &batch->items[i].result;
        result->earlier = uuid_parse(reply_text(reply->element[i]), &result->id);
    }
}
