#include "api/backlog/sample.h"

#include "shared/redis/stream_id.h"

static int64_t number_of(const redisReply *reply, const char *name) {
    return reply_integer(reply_field(reply, name), -1);
}

/* Redis 7.0 loses the lag when an entry at or above the group's position is deleted, and tells a wrong one
 * after unread entries were trimmed. `unread` is counted, -1 when it was not. */
static bool lag_can_be_true(const struct backlog_sample *sample, struct text last_delivered,
                            struct text last_generated, int64_t unread) {
    if (sample->lag < 0 || sample->lag > sample->length || (unread >= 0 && unread != sample->lag))
        return false;
    return sample->lag == 0 || !text_equal(last_delivered, last_generated);
}

bool sample_read(const redisReply *reply, struct backlog_sample *sample) {
    struct text delivered = reply_text(reply_field(reply, "last_delivered"));
    struct text generated = reply_text(reply_field(reply, "last_generated"));
    struct stream_id last;
    *sample = (struct backlog_sample){
        .now_ms = number_of(reply, "now_ms"),
        .length = number_of(reply, "length"),
        .received = number_of(reply, "added"),
        .completed = number_of(reply, "completed"),
        .failed = number_of(reply, "failed"),
        .dead_letters = number_of(reply, "dead"),
        .group_there = delivered.at != NULL,
        .lag = number_of(reply, "lag"),
        .pending = number_of(reply, "pending"),
        .consumers = number_of(reply, "consumers"),
        .oldest_waiting_ms = number_of(reply, "oldest_waiting_ms"),
        .oldest_pending_ms = number_of(reply, "oldest_pending_ms"),
        .named = reply_field(reply, "named"),
    };
    if (sample->now_ms < 0)
        return false;
    if (stream_id_parse(generated, &last) && (int64_t)last.ms > sample->now_ms)
        sample->stream_ahead_ms = (int64_t)last.ms - sample->now_ms;
    if (sample->length < 0)
        sample->length = sample->received = 0;
    if (!sample->group_there) {
        sample->pending = sample->consumers = 0;
        sample->lag = sample->length == 0 ? 0 : -1;
    } else if (!lag_can_be_true(sample, delivered, generated, number_of(reply, "unread"))) {
        sample->lag = -1;
    }
    return true;
}

int64_t sample_outstanding(const struct backlog_sample *sample) {
    if (sample->lag >= 0)
        return sample->lag + sample->pending;
    return sample->length > sample->pending ? sample->length : sample->pending;
}

bool sample_unaccounted(const struct backlog_sample *sample, int64_t *unaccounted) {
    if (sample->lag < 0 || sample->completed < 0)
        return false;
    int64_t failed = sample->failed < 0 ? 0 : sample->failed;
    *unaccounted = sample->received - sample->completed - failed - sample_outstanding(sample);
    return true;
}

bool sample_is_exact(const struct backlog_sample *sample) {
    int64_t unaccounted;
    if (sample->lag < 0)
        return false;
    return !sample_unaccounted(sample, &unaccounted) || unaccounted >= 0;
}
