#include "api/threats/backlog.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "shared/telemetry/metrics.h"

enum { ASK_EVERY_MS = 1000, CONSUMERS_MAX = 256, CONSUMER_NAME_MAX = 96, ENTRY_ID_MAX = 48 };

struct consumer {
    char name[CONSUMER_NAME_MAX];
    long long pending, idle_ms;
    bool alive; /* has a heartbeat counter */
};

struct reading {
    long long length, lag, pending, dead_letters;
    bool group_there, lag_valid;
    char last_delivered[ENTRY_ID_MAX], last_generated[ENTRY_ID_MAX], oldest_pending[ENTRY_ID_MAX],
        oldest_waiting[ENTRY_ID_MAX];
    int64_t redis_ms; /* TIME */
    struct consumer consumers[CONSUMERS_MAX];
    unsigned consumer_count;
};

/* One round of questions; freed when the last reply is in. */
struct inquiry {
    struct backlog *backlog;
    struct reading reading;
    enum status status;
    unsigned awaited;
    bool second_round; /* the questions that need the first answers are out */
    backlog_done done; /* NULL: only for the metrics */
    void *arg;
};

struct backlog {
    struct link *const *link;
    const struct keyspace *keyspace;
    struct command command;
    uint64_t outstanding;
    int64_t asked_ms;
    bool asking;
};

struct backlog *backlog_new(struct link *const *link, const struct keyspace *keyspace) {
    struct backlog *backlog = calloc(1, sizeof(*backlog));
    if (backlog == NULL)
        abort();
    backlog->link = link;
    backlog->keyspace = keyspace;
    return backlog;
}

void backlog_free(struct backlog *backlog) {
    if (backlog == NULL)
        return;
    command_fini(&backlog->command);
    free(backlog);
}

uint64_t backlog_outstanding(const struct backlog *backlog) {
    return backlog->outstanding;
}

static void copy_id(char out[ENTRY_ID_MAX], const redisReply *reply) {
    struct text id = reply_text(reply);
    snprintf(out, ENTRY_ID_MAX, "%.*s", (int)id.len, id.at == NULL ? "" : id.at);
}

static int64_t id_ms(const char *id) {
    return (int64_t)strtoll(id, NULL, 10);
}

/* When Redis' lag can be believed: it is there, not above the length, and 0 once all is delivered. */
static bool lag_is_valid(const struct reading *reading) {
    if (!reading->group_there || reading->lag < 0 || reading->lag > reading->length)
        return false;
    return reading->lag == 0 || strcmp(reading->last_delivered, reading->last_generated) != 0;
}

static uint64_t outstanding_of(const struct reading *reading) {
    return (uint64_t)(reading->lag_valid ? reading->lag + reading->pending : reading->length);
}

/* Ages by Redis' own clock; negative when there is nothing of that age. */
static double oldest_waiting_s(const struct reading *reading) {
    return reading->oldest_waiting[0] == '\0'
               ? -1
               : (double)(reading->redis_ms - id_ms(reading->oldest_waiting)) / 1000;
}

static double oldest_pending_s(const struct reading *reading) {
    return reading->oldest_pending[0] == '\0'
               ? -1
               : (double)(reading->redis_ms - id_ms(reading->oldest_pending)) / 1000;
}

static void show_metrics(const struct reading *reading) {
    double waiting = oldest_waiting_s(reading), pending = oldest_pending_s(reading);
    metrics_set(METRIC_STREAM_LENGTH, (double)reading->length);
    metrics_set(METRIC_STREAM_PENDING, (double)reading->pending);
    metrics_set(METRIC_STREAM_LAG_VALID, reading->lag_valid);
    if (reading->lag_valid)
        metrics_set(METRIC_STREAM_LAG, (double)reading->lag);
    else
        metrics_hide(METRIC_STREAM_LAG);
    metrics_set(METRIC_STREAM_OLDEST, waiting > pending ? waiting : pending > 0 ? pending : 0);
    metrics_set(METRIC_STREAM_CONSUMERS, reading->consumer_count);
    metrics_set(METRIC_DEAD_LETTERS_STORED, (double)reading->dead_letters);
}

static void hide_metrics(void) {
    static const enum metric group[] = {METRIC_STREAM_LENGTH,    METRIC_STREAM_PENDING,
                                        METRIC_STREAM_LAG,       METRIC_STREAM_OLDEST,
                                        METRIC_STREAM_CONSUMERS, METRIC_DEAD_LETTERS_STORED};
    for (size_t i = 0; i < sizeof(group) / sizeof(group[0]); i++)
        metrics_hide(group[i]);
    metrics_set(METRIC_STREAM_LAG_VALID, 0);
}

static void write_age(struct writer *writer, const char *key, double seconds) {
    writer_key(writer, key);
    if (seconds < 0)
        writer_null(writer);
    else
        writer_decimal(writer, seconds, 3);
}

static void write_consumers(struct writer *writer, const struct reading *reading) {
    writer_key(writer, "consumers");
    writer_open_array(writer);
    for (unsigned i = 0; i < reading->consumer_count; i++) {
        const struct consumer *consumer = &reading->consumers[i];
        writer_open_object(writer);
        writer_member_string(writer, "name", consumer->name);
        writer_member_signed(writer, "pending", consumer->pending);
        writer_member_signed(writer, "idle_ms", consumer->idle_ms);
        writer_member_bool(writer, "alive", consumer->alive);
        writer_close_object(writer);
    }
    writer_close_array(writer);
}

static void write_reading(struct buffer *out, const struct backlog *backlog, const struct reading *reading) {
    struct writer writer;
    writer_init(&writer, out);
    writer_open_object(&writer);
    writer_member_string(&writer, "stream", keyspace_fixed(backlog->keyspace, KEY_STREAM));
    writer_member_string(&writer, "group", CONSUMER_GROUP);
    writer_member_signed(&writer, "length", reading->length);
    writer_key(&writer, "lag");
    if (reading->lag_valid)
        writer_signed(&writer, reading->lag);
    else
        writer_null(&writer);
    writer_member_bool(&writer, "lag_valid", reading->lag_valid);
    writer_member_signed(&writer, "pending", reading->pending);
    writer_member_signed(&writer, "outstanding", (int64_t)outstanding_of(reading));
    writer_member_bool(&writer, "outstanding_exact", reading->lag_valid);
    write_age(&writer, "oldest_waiting_seconds", oldest_waiting_s(reading));
    write_age(&writer, "oldest_pending_seconds", oldest_pending_s(reading));
    write_consumers(&writer, reading);
    writer_member_signed(&writer, "dead_letters", reading->dead_letters);
    writer_close_object(&writer);
}

static void finish(struct inquiry *inquiry) {
    struct backlog *backlog = inquiry->backlog;
    struct buffer out = BUFFER_EMPTY;
    if (inquiry->status == STATUS_OK) {
        inquiry->reading.lag_valid = lag_is_valid(&inquiry->reading);
        backlog->outstanding = outstanding_of(&inquiry->reading);
        show_metrics(&inquiry->reading);
        if (inquiry->done != NULL)
            write_reading(&out, backlog, &inquiry->reading);
    } else {
        hide_metrics();
    }
    if (inquiry->done != NULL)
        inquiry->done(inquiry->arg, inquiry->status, buffer_text(&out));
    else
        backlog->asking = false;
    buffer_fini(&out);
    free(inquiry);
}

static void ask_oldest_waiting(struct inquiry *inquiry);

static void one_less(struct inquiry *inquiry) {
    if (--inquiry->awaited > 0)
        return;
    if (inquiry->status == STATUS_OK && !inquiry->second_round &&
        inquiry->reading.last_generated[0] != '\0') {
        inquiry->second_round = true;
        ask_oldest_waiting(inquiry);
    } else {
        finish(inquiry);
    }
}

static void ask(struct inquiry *inquiry, link_reply on_reply) {
    struct backlog *backlog = inquiry->backlog;
    inquiry->awaited++;
    if (link_send(*backlog->link, command_finish(&backlog->command), LINK_DEADLINE_MS, on_reply, inquiry) ==
        STATUS_OK)
        return;
    inquiry->status = STATUS_UNAVAILABLE;
    inquiry->awaited--;
}

/* A stream or group that does not exist yet is an empty one; only a lost connection fails the inquiry. */
static bool usable(struct inquiry *inquiry, enum status status, const redisReply *reply) {
    if (reply == NULL)
        inquiry->status = status;
    return status == STATUS_OK;
}

static void on_stream(void *arg, enum status status, const redisReply *reply) {
    struct inquiry *inquiry = arg;
    if (usable(inquiry, status, reply)) {
        inquiry->reading.length = reply_integer(reply_field(reply, "length"), 0);
        copy_id(inquiry->reading.last_generated, reply_field(reply, "last-generated-id"));
    }
    one_less(inquiry);
}

static void on_groups(void *arg, enum status status, const redisReply *reply) {
    struct inquiry *inquiry = arg;
    for (size_t i = 0; usable(inquiry, status, reply) && reply_is_array(reply, 1) && i < reply->elements;
         i++) {
        const redisReply *group = reply->element[i];
        if (!text_is(reply_text(reply_field(group, "name")), CONSUMER_GROUP))
            continue;
        inquiry->reading.group_there = true;
        inquiry->reading.lag = reply_integer(reply_field(group, "lag"), -1);
        inquiry->reading.pending = reply_integer(reply_field(group, "pending"), 0);
        copy_id(inquiry->reading.last_delivered, reply_field(group, "last-delivered-id"));
    }
    one_less(inquiry);
}

static void on_consumers(void *arg, enum status status, const redisReply *reply) {
    struct inquiry *inquiry = arg;
    struct reading *reading = &inquiry->reading;
    for (size_t i = 0; usable(inquiry, status, reply) && reply_is_array(reply, 1) && i < reply->elements;
         i++) {
        if (reading->consumer_count == CONSUMERS_MAX)
            break;
        struct consumer *consumer = &reading->consumers[reading->consumer_count++];
        struct text name = reply_text(reply_field(reply->element[i], "name"));
        snprintf(consumer->name, sizeof(consumer->name), "%.*s", (int)name.len,
                 name.at == NULL ? "" : name.at);
        consumer->pending = reply_integer(reply_field(reply->element[i], "pending"), 0);
        consumer->idle_ms = reply_integer(reply_field(reply->element[i], "idle"), 0);
    }
    one_less(inquiry);
}

static void on_workers(void *arg, enum status status, const redisReply *reply) {
    struct inquiry *inquiry = arg;
    for (unsigned i = 0; usable(inquiry, status, reply) && i < inquiry->reading.consumer_count; i++)
        inquiry->reading.consumers[i].alive = reply_field(reply, inquiry->reading.consumers[i].name) != NULL;
    one_less(inquiry);
}

static void on_dead(void *arg, enum status status, const redisReply *reply) {
    struct inquiry *inquiry = arg;
    if (usable(inquiry, status, reply))
        inquiry->reading.dead_letters = reply_integer(reply, 0);
    one_less(inquiry);
}

/* XPENDING's summary: [count, lowest id, highest id, …]. */
static void on_pending(void *arg, enum status status, const redisReply *reply) {
    struct inquiry *inquiry = arg;
    if (usable(inquiry, status, reply) && reply_is_array(reply, 2))
        copy_id(inquiry->reading.oldest_pending, reply->element[1]);
    one_less(inquiry);
}

static void on_time(void *arg, enum status status, const redisReply *reply) {
    struct inquiry *inquiry = arg;
    if (usable(inquiry, status, reply) && reply_is_array(reply, 2))
        inquiry->reading.redis_ms = strtoll(reply->element[0]->str, NULL, 10) * 1000 +
                                    strtoll(reply->element[1]->str, NULL, 10) / 1000;
    one_less(inquiry);
}

static void on_oldest_waiting(void *arg, enum status status, const redisReply *reply) {
    struct inquiry *inquiry = arg;
    if (usable(inquiry, status, reply) && reply_is_array(reply, 1) && reply_is_array(reply->element[0], 1))
        copy_id(inquiry->reading.oldest_waiting, reply->element[0]->element[0]);
    one_less(inquiry);
}

static void ask_oldest_waiting(struct inquiry *inquiry) {
    struct command *command = &inquiry->backlog->command;
    char from[ENTRY_ID_MAX + 1];
    snprintf(from, sizeof(from), "(%s",
             inquiry->reading.last_delivered[0] == '\0' ? "0-0" : inquiry->reading.last_delivered);
    inquiry->awaited++;
    command_begin(command, "XRANGE");
    command_words(command, keyspace_fixed(inquiry->backlog->keyspace, KEY_STREAM), from, "+", "COUNT", "1",
                  NULL);
    ask(inquiry, on_oldest_waiting);
    one_less(inquiry);
}

static void ask_about(struct inquiry *inquiry, link_reply on_reply, const char *verb, const char *word,
                      const char *key, const char *last) {
    struct command *command = &inquiry->backlog->command;
    command_begin(command, verb);
    if (word != NULL)
        command_string(command, word);
    if (key != NULL)
        command_string(command, key);
    if (last != NULL)
        command_string(command, last);
    ask(inquiry, on_reply);
}

void backlog_ask(struct backlog *backlog, backlog_done done, void *arg) {
    struct inquiry *inquiry = calloc(1, sizeof(*inquiry));
    const struct keyspace *keyspace = backlog->keyspace;
    if (inquiry == NULL)
        abort();
    *inquiry = (struct inquiry){.backlog = backlog, .done = done, .arg = arg, .awaited = 1};
    ask_about(inquiry, on_time, "TIME", NULL, NULL, NULL);
    ask_about(inquiry, on_stream, "XINFO", "STREAM", keyspace_fixed(keyspace, KEY_STREAM), NULL);
    ask_about(inquiry, on_groups, "XINFO", "GROUPS", keyspace_fixed(keyspace, KEY_STREAM), NULL);
    ask_about(inquiry, on_consumers, "XINFO", "CONSUMERS", keyspace_fixed(keyspace, KEY_STREAM),
              CONSUMER_GROUP);
    ask_about(inquiry, on_pending, "XPENDING", NULL, keyspace_fixed(keyspace, KEY_STREAM), CONSUMER_GROUP);
    ask_about(inquiry, on_workers, "HGETALL", NULL, keyspace_fixed(keyspace, KEY_WORKERS), NULL);
    ask_about(inquiry, on_dead, "XLEN", NULL, keyspace_fixed(keyspace, KEY_DEAD), NULL);
    one_less(inquiry);
}

void backlog_tick(struct backlog *backlog, int64_t now_ms) {
    if (backlog->asking || now_ms - backlog->asked_ms < ASK_EVERY_MS)
        return;
    backlog->asked_ms = now_ms;
    if (!link_is_up(*backlog->link)) {
        hide_metrics();
        return;
    }
    backlog->asking = true;
    backlog_ask(backlog, NULL, NULL);
}
