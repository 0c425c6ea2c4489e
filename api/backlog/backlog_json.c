#include "api/backlog/backlog_json.h"

#include "shared/json/writer.h"

static void write_known(struct writer *writer, const char *key, bool known, int64_t value) {
    writer_key(writer, key);
    if (known)
        writer_signed(writer, value);
    else
        writer_null(writer);
}

static void write_age(struct writer *writer, const char *key, int64_t ms) {
    writer_key(writer, key);
    if (ms < 0)
        writer_null(writer);
    else
        writer_decimal(writer, (double)ms / 1000, 3);
}

static int64_t write_consumers(struct writer *writer, const redisReply *named) {
    int64_t count = 0;
    writer_key(writer, "consumers");
    writer_open_array(writer);
    for (size_t i = 0; reply_is_array(named, 1) && i < named->elements; i++) {
        const redisReply *consumer = named->element[i];
        if (!reply_is_array(consumer, 4))
            continue;
        writer_open_object(writer);
        writer_member_text(writer, "name", reply_text(consumer->element[0]));
        writer_member_signed(writer, "pending", reply_integer(consumer->element[1], 0));
        writer_member_signed(writer, "idle_ms", reply_integer(consumer->element[2], 0));
        writer_member_bool(writer, "alive", reply_integer(consumer->element[3], 0) == 1);
        writer_close_object(writer);
        count++;
    }
    writer_close_array(writer);
    return count;
}

static void write_account(struct writer *writer, const struct backlog_sample *sample) {
    int64_t unaccounted = 0;
    bool known = sample_unaccounted(sample, &unaccounted);
    writer_member_signed(writer, "received", sample->received);
    write_known(writer, "completed", sample->completed >= 0, sample->completed);
    write_known(writer, "failed", sample->completed >= 0, sample->failed < 0 ? 0 : sample->failed);
    write_known(writer, "unaccounted", known, unaccounted);
}

static void write_intake(struct writer *writer, const struct admission *admission) {
    enum status status = admission_judge(admission);
    writer_key(writer, "intake");
    writer_open_object(writer);
    writer_member_bool(writer, "open", status == STATUS_OK);
    writer_key(writer, "refuses_with");
    if (status == STATUS_OK)
        writer_null(writer);
    else
        writer_string(writer, status_name(status));
    writer_member_signed(writer, "outstanding_limit", admission->outstanding_limit);
    writer_member_signed(writer, "memory_used_bytes", admission->used);
    write_known(writer, "memory_max_bytes", admission->max > 0, admission->max);
    write_known(writer, "memory_percent", admission->max > 0, admission_memory_percent(admission));
    writer_member_signed(writer, "memory_limit_percent", admission->memory_limit_percent);
    writer_close_object(writer);
}

void backlog_write(struct buffer *out, const struct keyspace *keyspace, const struct backlog_sample *sample,
                   const struct admission *admission) {
    struct writer writer;
    writer_init(&writer, out);
    writer_open_object(&writer);
    writer_member_string(&writer, "stream", keyspace_fixed(keyspace, KEY_STREAM));
    writer_member_string(&writer, "group", CONSUMER_GROUP);
    writer_member_signed(&writer, "length", sample->length);
    write_known(&writer, "lag", sample->lag >= 0, sample->lag);
    writer_member_bool(&writer, "lag_valid", sample->lag >= 0);
    writer_member_signed(&writer, "pending", sample->pending);
    writer_member_signed(&writer, "outstanding", sample_outstanding(sample));
    writer_member_bool(&writer, "outstanding_exact", sample_is_exact(sample));
    write_account(&writer, sample);
    write_age(&writer, "oldest_waiting_seconds", sample->oldest_waiting_ms);
    write_age(&writer, "oldest_pending_seconds", sample->oldest_pending_ms);
    writer_member_decimal(&writer, "stream_clock_ahead_seconds", (double)sample->stream_ahead_ms / 1000, 3);
    int64_t named = write_consumers(&writer, sample->named);
    writer_member_signed(&writer, "consumers_not_named", sample->consumers - named);
    writer_member_signed(&writer, "dead_letters", sample->dead_letters);
    write_intake(&writer, admission);
    writer_close_object(&writer);
}
