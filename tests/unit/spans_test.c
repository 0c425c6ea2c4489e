#include "shared/telemetry/spans.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <inttypes.h>
#include <jansson.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/base/clock.h"
#include "shared/telemetry/export_spans.h"
#include "shared/telemetry/metrics.h"
#include "shared/telemetry/post_spans.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const struct trace_context context = {.trace_id = {0x4b, [15] = 0x36}, .span_id = {0xf0, [7] = 0xb7}};

TestSuite(spans, .timeout = 30);

/* --- a span --- */

Test(spans, texts_are_copied_and_cut_at_a_character) {
    struct span span;
    char text[SPAN_TEXT_BYTES + 3];
    memset(text, 'a', sizeof(text));
    memcpy(text + SPAN_TEXT_BYTES - 5, "\xc3\xa9", 2); /* é, over the edge of what is left */
    span_init(&span, "n", SPAN_INTERNAL, &context, 0, 1);
    span_add_text(&span, "first", TEXT_LITERAL("1234"));
    span_add_text(&span, "long", (struct text){text, sizeof(text)});
    span_add_text(&span, "none", TEXT_LITERAL("left"));
    memset(text, 'b', sizeof(text));
    cr_assert(text_is(span_text(&span, span.attributes[0].text), "1234"));
    struct text cut = span_text(&span, span.attributes[1].text);
    cr_assert_eq(cut.len, SPAN_TEXT_BYTES - 5, "%zu", cut.len);
    cr_assert_eq(cut.at[cut.len - 1], 'a');
    cr_assert(span_text(&span, span.attributes[2].text).len <= 1);
}

Test(spans, bytes_that_are_no_utf8_end_a_text) {
    struct span span;
    span_init(&span, "n", SPAN_INTERNAL, &context, 0, 1);
    span_fail(&span, TEXT_LITERAL("good\xff"
                                  "bad"));
    cr_assert(span.failed);
    cr_assert(text_is(span_text(&span, span.why), "good"));
}

Test(spans, an_end_before_the_start_is_the_start) {
    struct span span;
    span_init(&span, "n", SPAN_CONSUMER, &context, 70, 60);
    cr_assert_eq(span.start_ns, 70);
    cr_assert_eq(span.end_ns, 70);
}

/* --- the ring --- */

static void put(struct span_ring *ring, int64_t number) {
    span_init(span_ring_claim(ring), "n", SPAN_INTERNAL, &context, number, number);
}

Test(spans, a_full_ring_takes_no_group_and_a_read_one_takes_it_again) {
    struct span_ring ring;
    span_ring_init(&ring, 8);
    cr_assert(span_ring_has_room(&ring, 8));
    cr_assert_not(span_ring_has_room(&ring, 9));
    for (int i = 0; i < 6; i++)
        put(&ring, i);
    cr_assert_eq(span_ring_count(&ring), 0, "not published yet");
    span_ring_publish(&ring);
    cr_assert_eq(span_ring_count(&ring), 6);
    cr_assert(span_ring_has_room(&ring, 2));
    cr_assert_not(span_ring_has_room(&ring, 3));
    span_ring_release(&ring, 1);
    cr_assert(span_ring_has_room(&ring, 3));
    cr_assert_eq(span_ring_peek(&ring, 0)->start_ns, 1);
    span_ring_fini(&ring);
}

enum { PASSED = 40000 };

static void *read_all(void *arg) {
    struct span_ring *ring = arg;
    for (int64_t expected = 0; expected < PASSED;) {
        uint64_t count = span_ring_count(ring);
        for (uint64_t i = 0; i < count; i++)
            if (span_ring_peek(ring, i)->start_ns != expected++)
                return ring;
        span_ring_release(ring, count);
        sched_yield();
    }
    return NULL;
}

Test(spans, what_is_written_in_one_thread_is_read_in_order_in_another) {
    struct span_ring ring;
    pthread_t reader;
    void *wrong;
    span_ring_init(&ring, 64);
    cr_assert_eq(pthread_create(&reader, NULL, read_all, &ring), 0);
    for (int64_t i = 0; i < PASSED;) {
        if (!span_ring_has_room(&ring, 4)) {
            sched_yield();
            continue;
        }
        for (int n = 0; n < 4; n++)
            put(&ring, i++);
        span_ring_publish(&ring);
    }
    pthread_join(reader, &wrong);
    cr_assert_null(wrong);
    span_ring_fini(&ring);
}

/* --- OTLP --- */

static const struct span_resource resource = {"soc-\"worker\"", "0.1.0", "host-7"};

static json_t *encoded(const struct span_ring *ring, uint64_t count) {
    struct buffer out = BUFFER_EMPTY;
    json_error_t error;
    encode_spans(&out, &resource, ring, count);
    json_t *root = json_loadb(out.at, out.len, JSON_REJECT_DUPLICATES, &error);
    cr_assert_not_null(root, "%s: %.*s", error.text, (int)out.len, out.at);
    buffer_fini(&out);
    return root;
}

static json_t *spans_of(json_t *root) {
    json_t *first = json_array_get(json_object_get(root, "resourceSpans"), 0);
    json_t *scope = json_array_get(json_object_get(first, "scopeSpans"), 0);
    return json_object_get(scope, "spans");
}

static const char *string_of(const json_t *object, const char *key) {
    const char *value = json_string_value(json_object_get(object, key));
    return value == NULL ? "" : value;
}

static json_t *attribute(const json_t *owner, const char *key) {
    json_t *list = json_object_get(owner, "attributes"), *row;
    size_t i;
    json_array_foreach(list, i, row) {
        if (strcmp(string_of(row, "key"), key) == 0)
            return json_object_get(row, "value");
    }
    return NULL;
}

static void fill(struct span *span) {
    span_init(span, "analyze_threat", SPAN_CONSUMER, &context, INT64_C(1763696000123456789),
              INT64_C(1763696000123999999));
    span->parent[0] = 1;
    span->link = context;
    span->link.span_id[1] = 0x22;
    span_add_text(span, "customer.id", TEXT_LITERAL("acme \"x\"\n"));
    span_add_word(span, "threat.severity", "high");
    span_add_number(span, "deliveries", INT64_C(9007199254740993));
    span_add_decimal(span, "fp.score", 0.7365);
    span_add_bool(span, "requires_review", true);
    span_fail(span, TEXT_LITERAL("refused"));
}

Test(spans, a_span_is_encoded_as_otlp_has_it) {
    struct span_ring ring;
    span_ring_init(&ring, 4);
    fill(span_ring_claim(&ring));
    span_ring_publish(&ring);
    json_t *root = encoded(&ring, 1), *span = json_array_get(spans_of(root), 0);
    cr_assert_str_eq(string_of(span, "traceId"), "4b000000000000000000000000000036");
    cr_assert_str_eq(string_of(span, "spanId"), "f0000000000000b7");
    cr_assert_str_eq(string_of(span, "parentSpanId"), "0100000000000000");
    cr_assert_str_eq(string_of(span, "name"), "analyze_threat");
    cr_assert_eq(json_integer_value(json_object_get(span, "kind")), 5);
    cr_assert_str_eq(string_of(span, "startTimeUnixNano"), "1763696000123456789");
    cr_assert_str_eq(string_of(span, "endTimeUnixNano"), "1763696000123999999");
    cr_assert_str_eq(string_of(attribute(span, "customer.id"), "stringValue"), "acme \"x\"\n");
    cr_assert_str_eq(string_of(attribute(span, "threat.severity"), "stringValue"), "high");
    cr_assert_str_eq(string_of(attribute(span, "deliveries"), "intValue"), "9007199254740993");
    cr_assert_eq(json_real_value(json_object_get(attribute(span, "fp.score"), "doubleValue")), 0.7365);
    cr_assert(json_is_true(json_object_get(attribute(span, "requires_review"), "boolValue")));
    json_t *link = json_array_get(json_object_get(span, "links"), 0);
    cr_assert_str_eq(string_of(link, "traceId"), "4b000000000000000000000000000036");
    cr_assert_str_eq(string_of(link, "spanId"), "f0220000000000b7");
    json_t *status = json_object_get(span, "status");
    cr_assert_eq(json_integer_value(json_object_get(status, "code")), 2);
    cr_assert_str_eq(string_of(status, "message"), "refused");
    json_decref(root);
    span_ring_fini(&ring);
}

Test(spans, a_root_that_is_well_has_neither_parent_nor_link_nor_status) {
    struct span_ring ring;
    span_ring_init(&ring, 4);
    span_init(span_ring_claim(&ring), "POST", SPAN_SERVER, &context, 1, 2);
    span_ring_publish(&ring);
    json_t *root = encoded(&ring, 1), *span = json_array_get(spans_of(root), 0);
    cr_assert_null(json_object_get(span, "parentSpanId"));
    cr_assert_null(json_object_get(span, "links"));
    cr_assert_null(json_object_get(span, "status"));
    cr_assert_eq(json_array_size(json_object_get(span, "attributes")), 0);
    json_decref(root);
    span_ring_fini(&ring);
}

Test(spans, the_resource_says_who_speaks_and_a_batch_has_all_its_spans) {
    struct span_ring ring;
    span_ring_init(&ring, 8);
    for (int i = 0; i < 5; i++)
        put(&ring, i + 1);
    span_ring_publish(&ring);
    json_t *root = encoded(&ring, 4);
    const json_t *who =
        json_object_get(json_array_get(json_object_get(root, "resourceSpans"), 0), "resource");
    cr_assert_str_eq(string_of(attribute(who, "service.name"), "stringValue"), "soc-\"worker\"");
    cr_assert_str_eq(string_of(attribute(who, "service.version"), "stringValue"), "0.1.0");
    cr_assert_str_eq(string_of(attribute(who, "service.instance.id"), "stringValue"), "host-7");
    cr_assert_eq(json_array_size(spans_of(root)), 4);
    for (size_t i = 0; i < 4; i++) {
        char expected[8];
        snprintf(expected, sizeof(expected), "%zu", i + 1);
        cr_assert_str_eq(string_of(json_array_get(spans_of(root), i), "startTimeUnixNano"), expected);
    }
    json_decref(root);
    span_ring_fini(&ring);
}

/* --- the collector's answers --- */

Test(spans, which_answers_are_worth_another_try) {
    static const struct {
        long http_status;
        enum post_outcome outcome;
    } rows[] = {
        {200, POST_TAKEN},     {202, POST_TAKEN},     {204, POST_TAKEN},   {301, POST_REFUSED},
        {400, POST_REFUSED},   {401, POST_REFUSED},   {404, POST_REFUSED}, {413, POST_REFUSED},
        {429, POST_TRY_AGAIN}, {500, POST_REFUSED},   {501, POST_REFUSED}, {502, POST_TRY_AGAIN},
        {503, POST_TRY_AGAIN}, {504, POST_TRY_AGAIN}, {505, POST_REFUSED},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        cr_assert_eq(post_outcome_of(rows[i].http_status), rows[i].outcome, "%ld", rows[i].http_status);
}

Test(spans, a_partial_success_names_what_was_not_taken) {
    static const struct {
        const char *answer;
        uint64_t rejected;
    } rows[] = {
        {"", 0},
        {"{}", 0},
        {"{\"partialSuccess\":{}}", 0},
        {"{\"partialSuccess\":{\"rejectedSpans\":\"3\",\"errorMessage\":\"no\"}}", 3},
        {"{\"partialSuccess\": {\"rejectedSpans\" : 17 }}", 17},
        {"{\"partialSuccess\":{\"rejectedSpans\":", 0},
        {"{\"partialSuccess\":{\"rejectedSpans\":-4}}", 0},
        {"{\"partialSuccess\":{\"rejectedSpans\":\"99999999999999999999\"}}", 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        cr_assert_eq(post_rejected(text_of(rows[i].answer)), rows[i].rejected, "%s", rows[i].answer);
}

Test(spans, pauses_double_up_to_a_bound_and_are_spread) {
    cr_assert_eq(export_pause_ms(1, 1), 250);
    cr_assert_eq(export_pause_ms(1, 0), 125);
    cr_assert_eq(export_pause_ms(2, 1), 500);
    cr_assert_eq(export_pause_ms(4, 1), 2000);
    cr_assert_eq(export_pause_ms(6, 1), 5000);
    cr_assert_eq(export_pause_ms(1000, 1), 5000);
    cr_assert_eq(export_pause_ms(1000, 0), 2500);
}

/* --- the whole, against a collector that takes connections and never says a word --- */

static int listen_silently(char *endpoint, size_t size) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, len), 0);
    cr_assert_eq(listen(fd, 8), 0);
    getsockname(fd, (struct sockaddr *)&address, &len);
    snprintf(endpoint, size, "http://127.0.0.1:%d", ntohs(address.sin_port));
    return fd;
}

static uint64_t counted(const char *series) {
    struct buffer out = BUFFER_EMPTY;
    unsigned long long value = 0;
    metrics_write(&out);
    const char *at = memmem(out.at, out.len, series, strlen(series));
    cr_assert_not_null(at, "%s", series);
    cr_assert_eq(sscanf(at + strlen(series), " %llu", &value), 1);
    buffer_fini(&out);
    return value;
}

Test(spans, a_silent_collector_costs_spans_and_no_time_and_each_is_counted) {
    enum { GROUPS = 20000, GROUP = 14 };
    char endpoint[64];
    int fd = listen_silently(endpoint, sizeof(endpoint));
    struct settings settings = {
        .trace_endpoint = endpoint, .trace_share = "1", .trace_slow_ms = 1000, .service_name = "soc-worker"};
    uint64_t taken = 0;
    metrics_init(PROGRAM_WORKER);
    spans_open(&settings);
    cr_assert(spans_on());
    for (int i = 0; i < GROUPS; i++) {
        if (!spans_claim(GROUP))
            continue;
        for (int n = 0; n < GROUP; n++)
            span_begin("n", SPAN_INTERNAL, &context, 1, 2);
        spans_send();
        taken += GROUP;
    }
    spans_tick();
    cr_assert_lt(taken, (uint64_t)GROUPS * GROUP, "the ring was full");
    cr_assert_eq(counted("\nsoc_spans_dropped_total{reason=\"queue_full\"}"), GROUPS * GROUP - taken);
    int64_t began_ms = clock_monotonic_ms();
    spans_close();
    cr_assert_leq(clock_monotonic_ms() - began_ms, EXPORT_FLUSH_MS + 1500);
    cr_assert_eq(counted("\nsoc_spans_dropped_total{reason=\"shutdown\"}"), taken, "all that were taken");
    cr_assert_eq(counted("\nsoc_spans_exported_total"), 0);
    close(fd);
}

Test(spans, what_nobody_chose_is_bounded_in_a_second_and_the_rest_is_counted) {
    char endpoint[64];
    int fd = listen_silently(endpoint, sizeof(endpoint));
    struct settings settings = {
        .trace_endpoint = endpoint, .trace_share = "0", .trace_slow_ms = 1000, .service_name = "soc-worker"};
    unsigned allowed = 0, refused = 0;
    metrics_init(PROGRAM_WORKER);
    spans_open(&settings);
    int64_t began_ns = clock_monotonic_ns();
    for (int i = 0; i < 10000; i++)
        *(spans_force(12) ? &allowed : &refused) += 12;
    double seconds = (double)(clock_monotonic_ns() - began_ns) / 1e9;
    cr_assert_geq(allowed, SPANS_FORCED_PER_S - 12);
    cr_assert_leq(allowed, (unsigned)(SPANS_FORCED_PER_S * (1 + seconds)) + 12);
    spans_close();
    cr_assert_eq(counted("\nsoc_spans_dropped_total{reason=\"excess\"}"), refused);
    close(fd);
}

Test(spans, without_an_endpoint_nothing_runs) {
    struct settings settings = {.trace_endpoint = "", .trace_share = "1"};
    spans_open(&settings);
    cr_assert_not(spans_on());
    spans_tick();
    spans_close();
}
