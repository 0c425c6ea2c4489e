#include "api/threats/enqueue_signal.h"

#include <stdlib.h>

#include "lua/enqueue_signal_lua.h"
#include "shared/model/log_row.h"
#include "shared/redis/tell_reply.h"
#include "shared/telemetry/metrics.h"

/* ROUNDS_MAX: one is confirmed, the next stands behind it; what comes meanwhile makes one more. */
enum { BATCH_MAX = 16, ATTEMPTS_MAX = 2, ROUNDS_MAX = 2 };

struct batch_item {
    enqueue_done done;
    void *arg;
    struct enqueue_result result;
};

struct round;

struct batch {
    struct enqueue *enqueue;
    struct batch *next; /* in `spare`, in `waiting` or of its round */
    struct round *round;
    struct command keys, arguments, whole;
    struct batch_item items[BATCH_MAX];
    unsigned count;
    unsigned attempts;
};

/* Scripts with one WAIT behind them. */
struct round {
    struct enqueue *enqueue;
    struct batch *batches;
    unsigned awaited; /* replies; 0: not under way */
    bool waited;      /* WAIT was answered, by `confirmed` replicas */
    long long confirmed;
};

struct enqueue {
    struct enqueue_options options;
    struct batch *open;                   /* collects this turn's signals; NULL: none yet */
    struct batch *waiting, **waiting_end; /* closed, for the next round */
    struct round rounds[ROUNDS_MAX];
    struct batch *spare;
    struct buffer scratch;
};

const struct script *enqueue_script(void) {
    static struct script script;
    return script_once(&script, enqueue_signal_lua);
}

struct enqueue *enqueue_new(const struct enqueue_options *options) {
    struct enqueue *enqueue = calloc(1, sizeof(*enqueue));
    if (enqueue == NULL)
        abort();
    enqueue->options = *options;
    enqueue->waiting_end = &enqueue->waiting;
    for (int i = 0; i < ROUNDS_MAX; i++)
        enqueue->rounds[i].enqueue = enqueue;
    return enqueue;
}

static void batch_free(struct batch *batch) {
    command_fini(&batch->keys);
    command_fini(&batch->arguments);
    command_fini(&batch->whole);
    free(batch);
}

void enqueue_free(struct enqueue *enqueue) {
    if (enqueue == NULL)
        return;
    while (enqueue->spare != NULL) {
        struct batch *batch = enqueue->spare;
        enqueue->spare = batch->next;
        batch_free(batch);
    }
    buffer_fini(&enqueue->scratch);
    free(enqueue);
}

bool enqueue_is_up(const struct enqueue *enqueue) {
    return link_is_up(*enqueue->options.link);
}

static struct batch *batch_open(struct enqueue *enqueue) {
    struct batch *batch = enqueue->spare;
    if (batch != NULL)
        enqueue->spare = batch->next;
    else if ((batch = calloc(1, sizeof(*batch))) == NULL)
        abort();
    batch->enqueue = enqueue;
    batch->round = NULL;
    batch->count = batch->attempts = 0;
    command_begin_part(&batch->keys);
    command_begin_part(&batch->arguments);
    command_string(&batch->keys, keyspace_fixed(enqueue->options.keyspace, KEY_STREAM));
    command_string(&batch->keys, keyspace_fixed(enqueue->options.keyspace, KEY_LOG));
    return batch;
}

static void add_keys(struct enqueue *enqueue, struct batch *batch, const struct enqueue_order *order) {
    buffer_clear(&enqueue->scratch);
    keyspace_threat(enqueue->options.keyspace, &order->id, &enqueue->scratch);
    command_text(&batch->keys, buffer_text(&enqueue->scratch));
    if (order->idempotency_key.len == 0)
        return;
    buffer_clear(&enqueue->scratch);
    keyspace_idempotency(enqueue->options.keyspace, order->idempotency_key, &enqueue->scratch);
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
    const char *keyed = enqueue->options.wait_replicas > 0 ? "2" : "1";
    command_string(&batch->arguments, order->idempotency_key.len == 0 ? "" : keyed);
}

static void close_open(struct enqueue *enqueue);
static void send_alone(struct enqueue *enqueue);

void enqueue_signal(struct enqueue *enqueue, const struct enqueue_order *order, enqueue_done done,
                    void *arg) {
    if (enqueue->open == NULL)
        enqueue->open = batch_open(enqueue);
    struct batch *batch = enqueue->open;
    add_keys(enqueue, batch, order);
    add_arguments(enqueue, batch, order);
    batch->items[batch->count++] = (struct batch_item){done, arg, {.id = order->id}};
    if (batch->count < BATCH_MAX)
        return;
    close_open(enqueue);
    if (enqueue->options.wait_replicas > 0)
        return;
    send_alone(enqueue);
    link_flush(*enqueue->options.link); /* Redis works on a full batch while this turn goes on */
}

/* --- a batch --- */

static void set_status(struct batch *batch, enum status status, bool unknown) {
    for (unsigned i = 0; i < batch->count; i++) {
        batch->items[i].result.status = status;
        batch->items[i].result.unknown = unknown;
    }
}

static void take_answers(struct batch *batch, const redisReply *reply) {
    set_status(batch, STATUS_OK, false);
    for (unsigned i = 0; i < batch->count; i++) {
        struct enqueue_result *result = &batch->items[i].result;
        result->earlier = uuid_parse(reply_text(reply->element[i]), &result->id);
    }
}

static void finish(struct batch *batch) {
    for (unsigned i = 0; i < batch->count; i++)
        batch->items[i].done(batch->items[i].arg, &batch->items[i].result);
    batch->next = batch->enqueue->spare;
    batch->enqueue->spare = batch;
}

static void add_waiting(struct enqueue *enqueue, struct batch *batch) {
    batch->next = NULL;
    batch->round = NULL;
    *enqueue->waiting_end = batch;
    enqueue->waiting_end = &batch->next;
}

static struct batch *take_waiting(struct enqueue *enqueue) {
    struct batch *batch = enqueue->waiting;
    enqueue->waiting = batch->next;
    if (enqueue->waiting == NULL)
        enqueue->waiting_end = &enqueue->waiting;
    return batch;
}

static void close_open(struct enqueue *enqueue) {
    struct batch *batch = enqueue->open;
    if (batch == NULL)
        return;
    enqueue->open = NULL;
    metrics_observe(METRIC_ENQUEUE_BATCH, 0, batch->count);
    command_begin_script(&batch->whole, enqueue_script(), (int)batch->keys.count);
    command_join(&batch->whole, &batch->keys);
    command_join(&batch->whole, &batch->arguments);
    add_waiting(enqueue, batch);
}

static void leave_round(struct batch *batch) {
    struct batch **at = &batch->round->batches;
    while (*at != batch)
        at = &(*at)->next;
    *at = batch->next;
}

static void send_batch(struct batch *batch);
static void one_less(struct round *round);

/* The link has just sent SCRIPT LOAD. A WAIT that was sent before does not speak for what is sent now. */
static void send_again(struct batch *batch) {
    struct round *round = batch->round;
    if (round == NULL) {
        send_batch(batch);
        return;
    }
    leave_round(batch);
    add_waiting(batch->enqueue, batch);
    one_less(round);
}

static void on_reply(void *arg, enum status status, const redisReply *reply) {
    struct batch *batch = arg;
    if (status == STATUS_NO_SCRIPT && batch->attempts < ATTEMPTS_MAX) {
        send_again(batch);
        return;
    }
    if (status == STATUS_OK && !reply_is_array(reply, batch->count))
        status = STATUS_INTERNAL;
    if (status == STATUS_OK)
        take_answers(batch, reply);
    else
        set_status(batch, status, reply == NULL);
    if (status != STATUS_OK && reply != NULL)
        tell_reply("enqueue_signal", reply);
    if (batch->round == NULL)
        finish(batch);
    else
        one_less(batch->round);
}

static int64_t deadline_of(const struct enqueue *enqueue) {
    bool waits = enqueue->options.wait_replicas > 0;
    return LINK_DEADLINE_MS + (waits ? ROUNDS_MAX * enqueue->options.wait_timeout_ms : 0);
}

static void send_batch(struct batch *batch) {
    struct enqueue *enqueue = batch->enqueue;
    batch->attempts++;
    if (batch->round != NULL)
        batch->round->awaited++;
    if (link_send(*enqueue->options.link, command_finish(&batch->whole), deadline_of(enqueue), on_reply,
                  batch) == STATUS_OK)
        return;
    set_status(batch, STATUS_UNAVAILABLE, false);
    if (batch->round == NULL)
        finish(batch);
    else
        one_less(batch->round);
}

static void send_alone(struct enqueue *enqueue) {
    while (enqueue->waiting != NULL)
        send_batch(take_waiting(enqueue));
}

/* --- a round --- */

static void begin_rounds(struct enqueue *enqueue);

/* What the master did counts only when enough replicas have it too. */
static void judge_round(const struct round *round, struct batch *batch) {
    if (batch->items[0].result.status != STATUS_OK)
        return;
    if (!round->waited)
        set_status(batch, STATUS_UNAVAILABLE, true);
    else if (round->confirmed < round->enqueue->options.wait_replicas)
        set_status(batch, STATUS_UNCONFIRMED, false);
}

static void one_less(struct round *round) {
    if (--round->awaited > 0)
        return;
    struct batch *batches = round->batches;
    round->batches = NULL;
    while (batches != NULL) {
        struct batch *batch = batches;
        batches = batch->next;
        judge_round(round, batch);
        finish(batch);
    }
    begin_rounds(round->enqueue);
}

static void on_waited(void *arg, enum status status, const redisReply *reply) {
    struct round *round = arg;
    round->waited = reply != NULL;
    round->confirmed = status == STATUS_OK ? reply_integer(reply, 0) : 0;
    if (status != STATUS_OK && reply != NULL)
        tell_reply("WAIT", reply);
    one_less(round);
}

static void send_wait(struct round *round) {
    const struct enqueue_options *options = &round->enqueue->options;
    struct command command = COMMAND_EMPTY;
    command_begin(&command, "WAIT");
    command_signed(&command, options->wait_replicas);
    command_signed(&command, options->wait_timeout_ms);
    if (link_send(*options->link, command_finish(&command), deadline_of(round->enqueue), on_waited, round) !=
        STATUS_OK)
        one_less(round);
    command_fini(&command);
}

static void begin_round(struct round *round) {
    struct enqueue *enqueue = round->enqueue;
    struct batch *last = NULL;
    round->awaited = 1; /* the WAIT */
    round->waited = false;
    while (enqueue->waiting != NULL) {
        struct batch *batch = take_waiting(enqueue);
        batch->next = NULL;
        batch->round = round;
        *(last == NULL ? &round->batches : &last->next) = batch;
        last = batch;
        send_batch(batch);
    }
    send_wait(round);
}

static void begin_rounds(struct enqueue *enqueue) {
    for (int i = 0; i < ROUNDS_MAX && enqueue->waiting != NULL; i++)
        if (enqueue->rounds[i].awaited == 0)
            begin_round(&enqueue->rounds[i]);
}

void enqueue_flush(struct enqueue *enqueue) {
    close_open(enqueue);
    if (enqueue->options.wait_replicas > 0)
        begin_rounds(enqueue);
    else
        send_alone(enqueue);
}
