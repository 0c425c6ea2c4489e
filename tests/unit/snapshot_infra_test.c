#include "tests/unit/snapshot_fixture.h"

Test(infra, events_around_detection_newest_first, .timeout = 10) {
    struct bench *bench = bench_open();
    infra(bench, "early",
          "{\"kind\":\"outage\",\"title\":\"E\",\"starts_at\":\"2026-11-21T10:00:00Z\","
          "\"ends_at\":\"2026-11-21T10:59:59.999Z\",\"customer_id\":\"acme\"}");
    infra(bench, "edge",
          "{\"kind\":\"deployment\",\"title\":\"Release 7\",\"starts_at\":\"2026-11-21T11:00:00Z\","
          "\"customer_id\":\"acme\"}");
    infra(bench, "late", "{\"kind\":\"load_test\",\"title\":\"L\",\"starts_at\":\"2026-11-21T12:05:00Z\"}");
    infra(bench, "after",
          "{\"kind\":\"load_test\",\"title\":\"A\",\"starts_at\":\"2026-11-21T12:05:00.001Z\"}");
    infra(bench, "long",
          "{\"kind\":\"maintenance\",\"title\":\"M\",\"starts_at\":\"2026-11-01T00:00:00+02:00\","
          "\"ends_at\":\"2026-12-01T00:00:00Z\",\"customer_id\":\"acme\"}");
    infra(bench, "other",
          "{\"kind\":\"outage\",\"title\":\"O\",\"starts_at\":\"2026-11-21T12:00:00Z\","
          "\"customer_id\":\"acm\"}");
    build(bench);
    expect_complaints(bench, "");
    const struct facts *facts = gather(bench);
    cr_assert_eq(facts->infra_count, 3);
    expect_text(facts->infra[0].id, "late");
    cr_expect_eq(facts->infra[0].kind, INFRA_LOAD_TEST);
    cr_expect(facts->infra[0].global);
    expect_text(facts->infra[1].id, "edge");
    expect_text(facts->infra[1].title, "Release 7");
    cr_expect_eq(facts->infra[1].starts_at_ms, at("2026-11-21T11:00:00Z"));
    cr_expect_eq(facts->infra[1].ends_at_ms, at("2026-11-21T11:00:00Z"));
    cr_expect_not(facts->infra[1].global);
    expect_text(facts->infra[2].id, "long");
    cr_expect_eq(facts->infra[2].starts_at_ms, at("2026-10-31T22:00:00Z"));
    bench_close(bench);
}

struct told_event {
    char id[16];
    int64_t starts_at_ms, ends_at_ms;
    unsigned customer; /* 0: all */
};

enum { TOLD_EVENTS = 3000 };

static void tell_event(struct bench *bench, struct told_event *event, unsigned number, int64_t noon_ms) {
    char json[256], starts[RFC3339_LENGTH + 1] = "", ends[RFC3339_LENGTH + 1] = "", owner[48] = "";
    snprintf(event->id, sizeof(event->id), "e%04u", number);
    event->starts_at_ms = noon_ms + (int64_t)(number * 7919u % TOLD_EVENTS) * 20011 - 30000000;
    event->ends_at_ms =
        event->starts_at_ms + (int64_t)(number * 104729u % 97) * (number % 50 == 0 ? 1000000 : 30000);
    event->customer = number % 4;
    rfc3339_write(event->starts_at_ms, starts);
    rfc3339_write(event->ends_at_ms, ends);
    if (event->customer != 0)
        snprintf(owner, sizeof(owner), ",\"customer_id\":\"c%u\"", event->customer);
    snprintf(json, sizeof(json),
             "{\"kind\":\"outage\",\"title\":\"T\",\"starts_at\":\"%s\",\"ends_at\":\"%s\"%s}", starts, ends,
             owner);
    infra(bench, event->id, json);
}

/* The newest relevant event that starts before `before_ms`, or NULL. Starts are all different. */
static const struct told_event *newest_before(const struct told_event *events, unsigned customer_number,
                                              int64_t detected_at_ms, int64_t before_ms) {
    const struct told_event *best = NULL;
    for (unsigned i = 0; i < TOLD_EVENTS; i++) {
        const struct told_event *event = &events[i];
        if (event->customer != 0 && event->customer != customer_number)
            continue;
        if (event->starts_at_ms > detected_at_ms + 300000 || event->ends_at_ms < detected_at_ms - 3600000)
            continue;
        if (event->starts_at_ms < before_ms && (best == NULL || event->starts_at_ms > best->starts_at_ms))
            best = event;
    }
    return best;
}

Test(infra, thousands_as_the_naive_search, .timeout = 60) {
    struct bench *bench = bench_open();
    struct told_event *events = calloc(TOLD_EVENTS, sizeof(*events));
    int64_t noon_ms = at("2026-11-21T12:00:00Z");
    unsigned seen = 0, wrong = 0;
    for (unsigned i = 0; i < TOLD_EVENTS; i++)
        tell_event(bench, &events[i], i, noon_ms);
    build(bench);
    cr_assert_eq(snapshot_size(bench->snapshot).infra_events, TOLD_EVENTS);
    bench->signal.customer_id = TEXT_LITERAL("c2");
    for (int64_t step = -100; step < 120; step++) {
        bench->signal.detected_at_ms = noon_ms + step * 600000;
        const struct facts *facts = gather(bench);
        int64_t before_ms = INT64_MAX;
        for (unsigned i = 0; i < INFRA_FACTS_MAX; i++) {
            const struct told_event *event =
                newest_before(events, 2, bench->signal.detected_at_ms, before_ms);
            wrong += (event != NULL) != (i < facts->infra_count);
            if (event == NULL || i >= facts->infra_count)
                break;
            wrong += !text_is(facts->infra[i].id, event->id);
            before_ms = event->starts_at_ms;
            seen++;
        }
        arena_reset(&bench->arena);
    }
    cr_expect_eq(wrong, 0);
    cr_expect_gt(seen, 200);
    free(events);
    bench_close(bench);
}

Test(infra, same_id_is_replaced, .timeout = 10) {
    struct bench *bench = bench_open();
    infra(bench, "x", "{\"kind\":\"outage\",\"title\":\"first\",\"starts_at\":\"2026-11-21T12:00:00Z\"}");
    infra(bench, "x", "{\"kind\":\"outage\",\"title\":\"second\",\"starts_at\":\"2026-11-21T11:59:00Z\"}");
    build(bench);
    cr_assert_eq(gather(bench)->infra_count, 1);
    expect_text(bench->facts.infra[0].title, "second");
    bench_close(bench);
}

struct bad_row {
    const char *value;
    const char *why;
};

static const struct bad_row bad_events[] = {
    {"", "not a JSON object: '[' or '{' expected near end of file"},
    {"[]", "not a JSON object"},
    {"{\"kind\":\"outage\",\"kind\":\"outage\"}", "not a JSON object: duplicate object key near '\"kind\"'"},
    {"{\"title\":\"t\",\"starts_at\":\"2026-11-21T12:00:00Z\"}", "kind: missing"},
    {"{\"kind\":\"party\",\"title\":\"t\",\"starts_at\":\"2026-11-21T12:00:00Z\"}", "kind: party is unknown"},
    {"{\"kind\":\"outage\",\"starts_at\":\"2026-11-21T12:00:00Z\"}", "title: missing"},
    {"{\"kind\":\"outage\",\"title\":7,\"starts_at\":\"2026-11-21T12:00:00Z\"}",
     "title: not a text of 1 to 200 bytes"},
    {"{\"kind\":\"outage\",\"title\":\"t\"}", "starts_at: missing"},
    {"{\"kind\":\"outage\",\"title\":\"t\",\"starts_at\":\"noon\"}", "starts_at: not a time of RFC 3339"},
    {"{\"kind\":\"outage\",\"title\":\"t\",\"starts_at\":\"2026-11-21T12:00:00Z\",\"ends_at\":\"later\"}",
     "ends_at: not a time of RFC 3339"},
    {"{\"kind\":\"outage\",\"title\":\"t\",\"starts_at\":\"2026-11-21T12:00:00Z\",\"ends_at\":\"2026-11-"
     "21T11:00:00Z\"}",
     "ends_at: before starts_at"},
    {"{\"kind\":\"outage\",\"title\":\"t\",\"starts_at\":\"2026-11-21T12:00:00Z\",\"customer_id\":\"\"}",
     "customer_id: not a text of 1 to 64 bytes"},
};

Test(infra, wrong_events_are_told_and_left_out, .timeout = 10) {
    struct bench *bench = bench_open();
    struct buffer expected = BUFFER_EMPTY;
    for (unsigned i = 0; i < sizeof(bad_events) / sizeof(bad_events[0]); i++) {
        infra(bench, "bad", bad_events[i].value);
        buffer_printf(&expected, "infra:events bad %s\n", bad_events[i].why);
    }
    infra(bench, "odd",
          "{\"kind\":\"outage\",\"title\":\"t\",\"starts_at\":\"2026-11-21T12:00:00Z\",\"ends_at\":null,"
          "\"owner\":\"x\"}");
    infra(bench, "", "{}");
    buffer_printf(&expected, "infra:events odd owner: unknown member, ignored\n"
                             "infra:events  not an id of 1 to 128 bytes\n");
    buffer_append_char(&expected, '\0');
    build(bench);
    expect_complaints(bench, expected.at);
    cr_expect_eq(gather(bench)->infra_count, 1);
    buffer_fini(&expected);
    bench_close(bench);
}

Test(infra, megabytes_of_json_are_refused, .timeout = 10) {
    struct bench *bench = bench_open();
    size_t len = 5 * 1024 * 1024;
    char *json = malloc(len);
    memset(json, '[', len);
    snapshot_builder_infra(bench->builder, TEXT_LITERAL("huge"), (struct text){json, len});
    snapshot_builder_intel_list(bench->builder, TEXT_LITERAL("huge"), (struct text){json, len});
    snapshot_builder_infra(bench->builder, TEXT_LITERAL("deep"), (struct text){json, CONTEXT_VALUE_MAX});
    free(json);
    build(bench);
    expect_complaints(bench, "infra:events huge 5242880 bytes are too many\n"
                             "intel:lists huge 5242880 bytes are too many\n"
                             "infra:events deep not a JSON object: maximum parsing depth reached near '['\n");
    bench_close(bench);
}
