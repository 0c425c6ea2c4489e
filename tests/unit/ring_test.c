#include "api/live/ring.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum { LIMIT_SECONDS = 10, SMALL = 4096, LARGE = 1 << 24, BIG_PAYLOAD = 70000 };

TestSuite(ring, .timeout = LIMIT_SECONDS);

static char big[BIG_PAYLOAD];

static struct log_row sample_row(const char *name) {
    return (struct log_row){.threat_type = 2,
                            .risk_score = 71,
                            .created_at_ms = 1763696000123,
                            .customer_id = TEXT_LITERAL("acme"),
                            .customer_name = text_of(name)};
}

static void push(struct ring *ring, uint64_t log_ms, uint64_t log_sequence, struct text data) {
    struct log_row row = sample_row("Acme Inc");
    ring_push(ring, live_event_new(LIVE_NEW_THREAT, log_ms, log_sequence, &row, data));
}

static struct text frame_of(const struct live_event *event) {
    return (struct text){event->frame, event->frame_bytes};
}

Test(ring, starts_empty_at_sequence_one) {
    struct ring *ring = ring_new(SMALL);
    cr_assert_eq(ring_first(ring), 1);
    cr_assert_eq(ring_last(ring), 0);
    cr_assert_null(ring_peek(ring, 0));
    cr_assert_null(ring_peek(ring, 1));
    cr_assert_eq(ring_find_after(ring, 0, 0), 1);
    cr_assert_eq(ring_bytes(ring), 0);
    ring_free(ring);
    ring_free(NULL);
}

static const struct {
    enum live_kind kind;
    const char *payload;
} kinds[] = {
    {LIVE_THREAT_CREATED, "{\"type\":\"threat_created\",\"id\":\"1763696000123-4\",\"data\":{\"a\":1}}"},
    {LIVE_NEW_THREAT, "{\"type\":\"new_threat\",\"id\":\"1763696000123-4\",\"data\":{\"a\":1}}"},
    {LIVE_THREAT_UPDATED, "{\"type\":\"threat_updated\",\"id\":\"1763696000123-4\",\"data\":{\"a\":1}}"},
};

Test(ring, frames_each_kind_once_for_all) {
    struct ring *ring = ring_new(LARGE);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct log_row row = sample_row("Acme Inc");
        ring_push(ring, live_event_new(kinds[i].kind, 1763696000123, 4, &row, TEXT_LITERAL("{\"a\":1}")));
        struct live_event *event = ring_peek(ring, i + 1);
        cr_assert_eq(event->kind, kinds[i].kind);
        cr_assert_eq((unsigned char)event->frame[0], 0x81);
        cr_assert_eq((unsigned char)event->frame[1], strlen(kinds[i].payload));
        cr_assert(text_is((struct text){event->frame + 2, event->frame_bytes - 2}, kinds[i].payload));
    }
    ring_free(ring);
}

Test(ring, keeps_every_byte_of_long_payloads) {
    static const size_t sizes[] = {40, 41, 42, 43, 44, 200, 65400, 65480, 65490, 65500, BIG_PAYLOAD};
    struct ring *ring = ring_new(LARGE);
    memset(big, '7', sizeof(big));
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        push(ring, 1, i, (struct text){big, sizes[i]});
        struct live_event *event = ring_peek(ring, ring_last(ring));
        char prefix[96];
        size_t prefix_bytes = (size_t)snprintf(prefix, sizeof(prefix),
                                               "{\"type\":\"new_threat\",\"id\":\"1-%zu\",\"data\":", i);
        size_t payload_bytes = prefix_bytes + sizes[i] + 1;
        size_t header_bytes = payload_bytes < 126 ? 2 : payload_bytes < 65536 ? 4 : 10;
        cr_assert_eq(event->frame_bytes, header_bytes + payload_bytes);
        cr_assert_arr_eq(event->frame + header_bytes, prefix, prefix_bytes);
        cr_assert_arr_eq(event->frame + header_bytes + prefix_bytes, big, sizes[i]);
        cr_assert_eq(event->frame[event->frame_bytes - 1], '}');
    }
    ring_free(ring);
}

Test(ring, row_lives_in_the_event) {
    struct ring *ring = ring_new(LARGE);
    char name[] = "Acme Inc";
    struct log_row row = sample_row(name);
    ring_push(ring, live_event_new(LIVE_NEW_THREAT, 5, 6, &row, TEXT_LITERAL("1")));
    memset(name, 'x', sizeof(name) - 1);
    const struct live_event *event = ring_peek(ring, 1);
    cr_assert_eq(event->log_ms, 5);
    cr_assert_eq(event->log_sequence, 6);
    cr_assert_eq(event->row.risk_score, 71);
    cr_assert(text_is(event->row.customer_id, "acme"));
    cr_assert(text_is(event->row.customer_name, "Acme Inc"));
    ring_free(ring);
}

Test(ring, takes_rows_without_texts) {
    struct ring *ring = ring_new(LARGE);
    struct log_row row = {.customer_id = TEXT_NONE, .customer_name = TEXT_NONE};
    ring_push(ring, live_event_new(LIVE_THREAT_UPDATED, 1, 1, &row, TEXT_LITERAL("{}")));
    cr_assert_eq(ring_peek(ring, 1)->row.customer_id.len, 0);
    ring_free(ring);
}

Test(ring, drops_the_oldest_beyond_its_bytes) {
    struct ring *ring = ring_new(SMALL);
    for (uint64_t i = 1; i <= 1000; i++) {
        push(ring, i, 0, TEXT_LITERAL("{\"n\":1}"));
        cr_assert_leq(ring_bytes(ring), SMALL);
        cr_assert_eq(ring_last(ring), i);
        cr_assert_leq(ring_first(ring), i);
    }
    cr_assert_gt(ring_last(ring) - ring_first(ring), 2);
    cr_assert_null(ring_peek(ring, ring_first(ring) - 1));
    cr_assert_null(ring_peek(ring, ring_last(ring) + 1));
    for (uint64_t sequence = ring_first(ring); sequence <= ring_last(ring); sequence++)
        cr_assert_eq(ring_peek(ring, sequence)->log_ms, sequence);
    ring_free(ring);
}

Test(ring, keeps_the_newest_even_when_it_is_over_the_bound) {
    struct ring *ring = ring_new(SMALL);
    push(ring, 1, 0, TEXT_LITERAL("1"));
    push(ring, 2, 0, (struct text){big, sizeof(big)});
    cr_assert_eq(ring_first(ring), 2);
    cr_assert_eq(ring_last(ring), 2);
    push(ring, 3, 0, TEXT_LITERAL("1"));
    cr_assert_eq(ring_first(ring), 3);
    cr_assert_leq(ring_bytes(ring), SMALL);
    ring_free(ring);
}

Test(ring, keeps_order_while_it_grows_and_wraps) {
    struct ring *ring = ring_new(80000);
    for (uint64_t i = 1; i <= 5000; i++)
        push(ring, i, 7, (struct text){big, i % 500});
    cr_assert_gt(ring_last(ring) - ring_first(ring), 64);
    for (uint64_t sequence = ring_first(ring); sequence <= ring_last(ring); sequence++)
        cr_assert_eq(ring_peek(ring, sequence)->log_ms, sequence);
    ring_free(ring);
}

Test(ring, events_outlive_it_while_somebody_holds_them) {
    struct ring *ring = ring_new(SMALL);
    push(ring, 1, 0, TEXT_LITERAL("{\"kept\":true}"));
    struct live_event *held = live_event_ref(ring_peek(ring, 1));
    for (uint64_t i = 2; i <= 100; i++)
        push(ring, i, 0, TEXT_LITERAL("1"));
    cr_assert_null(ring_peek(ring, 1));
    ring_free(ring);
    cr_assert(text_contains_lowered(frame_of(held), TEXT_LITERAL("{\"kept\":true}}")));
    cr_assert_eq(held->references, 1);
    live_event_unref(held);
    live_event_unref(NULL);
}

Test(ring, finds_the_first_event_behind_a_log_id) {
    struct ring *ring = ring_new(LARGE);
    static const uint64_t ids[][2] = {{10, 0}, {10, 1}, {10, 5}, {12, 0}, {20, 3}};
    for (size_t i = 0; i < 5; i++)
        push(ring, ids[i][0], ids[i][1], TEXT_LITERAL("1"));
    static const struct {
        uint64_t log_ms, log_sequence, found;
    } rows[] = {{0, 0, 1},  {9, 99, 1}, {10, 0, 2}, {10, 1, 3}, {10, 2, 3},        {10, 5, 4},
                {11, 0, 4}, {12, 0, 5}, {20, 2, 5}, {20, 3, 6}, {UINT64_MAX, 0, 6}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_assert_eq(ring_find_after(ring, rows[i].log_ms, rows[i].log_sequence), rows[i].found, "row %zu",
                     i);
    ring_free(ring);
}
