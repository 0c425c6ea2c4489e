/* One text message of a client on /ws. A subscription is shown as it was understood; what is refused gets a
 * sentence. */
#include "api/live/read_message.h"
#include "shared/json/writer.h"
#include "tests/fuzz/fuzz.h"

static void check_complaint(struct text complaint) {
    struct buffer out = BUFFER_EMPTY;
    struct writer writer;
    writer_init(&writer, &out);
    FUZZ_CHECK(complaint.len > 0 && utf8_valid(complaint));
    writer_text(&writer, complaint);
    fuzz_check_json(buffer_text(&out));
    buffer_fini(&out);
}

static bool same_filter(const struct query *a, const struct query *b) {
    return a->severities == b->severities && a->statuses == b->statuses &&
           a->threat_types == b->threat_types && a->requires_review == b->requires_review &&
           text_equal(a->customer_id, b->customer_id) && a->search_len == b->search_len &&
           memcmp(a->search, b->search, a->search_len) == 0 && a->since_ms == INT64_MIN &&
           a->until_ms == INT64_MAX && !a->has_cursor && a->limit == QUERY_LIMIT_DEFAULT;
}

/* Whoever sends the filter that was shown subscribes to the same. */
static void check_subscription(const struct live_message *message, struct arena *arena) {
    struct live_message again;
    struct text complaint;
    FUZZ_CHECK(message->shown.len >= 2 && message->shown.at[0] == '{');
    fuzz_check_json(message->shown);
    FUZZ_CHECK(message->filter.customer_id.at == NULL || message->filter.customer_id.len <= 64);
    struct text members = {message->shown.at + 1, message->shown.len - 1};
    struct text sent = arena_printf(arena, "{\"type\":\"subscribe\"%s%.*s", members.len > 1 ? "," : "",
                                    (int)members.len, members.at);
    FUZZ_CHECK(read_message(sent, arena, &again, &complaint) && again.kind == MESSAGE_SUBSCRIBE);
    FUZZ_CHECK(same_filter(&message->filter, &again.filter) && message->filtered == again.filtered);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena arena = ARENA_EMPTY;
    struct live_message message;
    struct text complaint;
    if (!read_message(fuzz_text(data, size), &arena, &message, &complaint))
        check_complaint(complaint);
    else if (message.kind == MESSAGE_SUBSCRIBE)
        check_subscription(&message, &arena);
    else
        FUZZ_CHECK(message.kind == MESSAGE_PING || message.kind == MESSAGE_RESUME);
    arena_fini(&arena);
    return 0;
}
