#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "shared/base/buffer.h"
#include "shared/base/rfc3339.h"
#include "shared/context/snapshot.h"
#include "shared/context/special_ranges.h"
#include "shared/context/wildcard.h"

/* One builder, its complaints ("record name why" a line), one arena: what most tests need. */
struct bench {
    struct buffer complaints;
    struct snapshot_builder *builder;
    struct snapshot *snapshot;
    struct arena arena;
    struct signal signal;
    struct facts facts;
};

static void note(void *arg, const char *record, struct text name, const char *why) {
    buffer_printf(arg, "%s %.*s %s\n", record, (int)name.len, name.at, why);
}

static int64_t at(const char *written) {
    int64_t ms = 0;
    cr_assert(rfc3339_parse(text_of(written), &ms), "%s", written);
    return ms;
}

static struct address address_of(const char *written) {
    struct address address;
    cr_assert(address_parse(text_of(written), &address), "%s", written);
    return address;
}

static struct bench *bench_open(void) {
    struct bench *bench = calloc(1, sizeof(*bench));
    bench->builder = snapshot_builder_new(note, &bench->complaints);
    bench->signal = (struct signal){
        .threat_type = THREAT_BRUTE_FORCE,
        .customer_id = TEXT_LITERAL("acme"),
        .customer_name = TEXT_LITERAL("Acme"),
        .source_ip = address_of("198.51.100.7"),
        .user_agent = TEXT_LITERAL("Mozilla/5.0 (X11; Linux x86_64)"),
        .detected_at_ms = at("2026-11-21T12:00:00Z"),
    };
    return bench;
}

static void bench_close(struct bench *bench) {
    snapshot_free(bench->snapshot);
    snapshot_builder_free(bench->builder);
    buffer_fini(&bench->complaints);
    arena_fini(&bench->arena);
    free(bench);
}

/* Name and value in turn, NULL at the end. */
static void customer(struct bench *bench, const char *id, ...) {
    struct context_field fields[16];
    unsigned count = 0;
    va_list list;
    va_start(list, id);
    for (const char *name; (name = va_arg(list, const char *)) != NULL; count++)
        fields[count] = (struct context_field){text_of(name), text_of(va_arg(list, const char *))};
    va_end(list);
    snapshot_builder_customer(bench->builder, text_of(id), fields, count);
}

static void infra(struct bench *bench, const char *id, const char *json) {
    snapshot_builder_infra(bench->builder, text_of(id), text_of(json));
}

static void list(struct bench *bench, const char *name, const char *json) {
    snapshot_builder_intel_list(bench->builder, text_of(name), text_of(json));
}

static void entry(struct bench *bench, const char *name, const char *cidr, const char *score) {
    snapshot_builder_intel_entry(bench->builder, text_of(name), text_of(cidr), text_of(score));
}

static void build(struct bench *bench) {
    snapshot_free(bench->snapshot);
    bench->snapshot = snapshot_build(bench->builder);
}

static struct facts *gather(struct bench *bench) {
    snapshot_gather(bench->snapshot, &bench->signal, &bench->arena, &bench->facts);
    return &bench->facts;
}

static struct facts *gather_for(struct bench *bench, const char *address) {
    bench->signal.source_ip = address_of(address);
    return gather(bench);
}

static const char *complaints(struct bench *bench) {
    buffer_append_char(&bench->complaints, '\0');
    bench->complaints.len--;
    return bench->complaints.at;
}

static unsigned lines(const char *text) {
    unsigned count = 0;
    for (; *text != '\0'; text++)
        count += *text == '\n';
    return count;
}

#define expect_text(text, string)                                                                            \
    cr_expect(text_is(text, string), "%.*s instead of %s", (int)(text).len, (text).at, string)
#define expect_complaints(bench, expected) cr_expect_str_eq(complaints(bench), expected)

Test(customer, every_field_is_answered, .timeout = 10) {
    struct bench *bench = bench_open();
    customer(bench, "acme", "name", "Acme", "tier", "premium", "requests_per_minute", "500",
             "limit:brute_force", "20", "auto_block", "1", "allowlist",
             "203.0.113.0/24 2001:db8::/32\n198.51.100.9", "allowlist_user_agents",
             "AcmeMonitor/*\n  *Uptime Check*\n", "contacts:soc-tier-1",
             " oncall@acme.test  second@acme.test\n", "contacts:account-manager", "boss@acme.test",
             "sla:critical", "5", "sla:low", "2880", "retention_days", "3650", NULL);
    build(bench);
    expect_complaints(bench, "");
    const struct customer_facts *facts = &gather(bench)->customer;
    cr_expect(bench->facts.context_available);
    cr_expect(facts->known);
    cr_expect_eq(facts->tier, TIER_PREMIUM);
    cr_expect_eq(facts->requests_per_minute, 20);
    cr_expect_not(facts->limit_is_default);
    cr_expect(facts->auto_block);
    cr_expect_null(facts->allowlisted_by.at);
    expect_text(facts->contacts[ESCALATION_SOC_TIER_1], "oncall@acme.test second@acme.test");
    cr_expect_null(facts->contacts[ESCALATION_SOC_TIER_2].at);
    expect_text(facts->contacts[ESCALATION_ACCOUNT_MANAGER], "boss@acme.test");
    cr_expect_eq(facts->sla_minutes[SEVERITY_CRITICAL], 5);
    cr_expect_eq(facts->sla_minutes[SEVERITY_HIGH], 0);
    cr_expect_eq(facts->sla_minutes[SEVERITY_MEDIUM], 0);
    cr_expect_eq(facts->sla_minutes[SEVERITY_LOW], 2880);
    bench->signal.threat_type = THREAT_BOT_TRAFFIC;
    cr_expect_eq(gather(bench)->customer.requests_per_minute, 500);
    cr_expect_not(facts->limit_is_default);
    bench_close(bench);
}

Test(customer, unknown_one_has_the_defaults, .timeout = 10) {
    struct bench *bench = bench_open();
    customer(bench, "other", "tier", "enterprise", NULL);
    build(bench);
    const struct customer_facts *facts = &gather(bench)->customer;
    cr_expect_not(facts->known);
    cr_expect_eq(facts->tier, TIER_STANDARD);
    cr_expect_eq(facts->requests_per_minute, 60);
    cr_expect(facts->limit_is_default);
    cr_expect_not(facts->auto_block);
    for (int level = 0; level < ESCALATION_LEVEL_COUNT; level++)
        cr_expect_null(facts->contacts[level].at);
    bench_close(bench);
}

Test(customer, tier_gives_the_limit_when_the_record_has_none, .timeout = 10) {
    static const int64_t limits[TIER_COUNT] = {60, 300, 1000};
    struct bench *bench = bench_open();
    for (int tier = 0; tier < TIER_COUNT; tier++) {
        customer(bench, "acme", "tier", vocabulary_word(&vocabulary_tier, tier), "limit:geo_anomaly", "7",
                 NULL);
        build(bench);
        const struct customer_facts *facts = &gather(bench)->customer;
        cr_expect_eq((int)facts->tier, tier);
        cr_expect_eq(facts->requests_per_minute, limits[tier]);
        cr_expect(facts->limit_is_default);
    }
    bench_close(bench);
}

Test(customer, allowlist_by_address_prefix_and_user_agent, .timeout = 10) {
    struct bench *bench = bench_open();
    customer(bench, "acme", "allowlist", "203.0.113.0/24 203.0.113.9 2001:db8::/32 64:ff9b::c000:200/120",
             "allowlist_user_agents", "acmemonitor/*\n*Uptime*Check*", NULL);
    build(bench);
    expect_text(gather_for(bench, "203.0.113.9")->customer.allowlisted_by, "203.0.113.9");
    expect_text(gather_for(bench, "203.0.113.10")->customer.allowlisted_by, "203.0.113.0/24");
    expect_text(gather_for(bench, "::ffff:203.0.113.10")->customer.allowlisted_by, "203.0.113.0/24");
    expect_text(gather_for(bench, "64:ff9b::203.0.113.9")->customer.allowlisted_by, "203.0.113.9");
    expect_text(gather_for(bench, "64:ff9b::192.0.2.1")->customer.allowlisted_by, "64:ff9b::c000:200/120");
    expect_text(gather_for(bench, "2001:db8:1::1")->customer.allowlisted_by, "2001:db8::/32");
    cr_expect_null(gather_for(bench, "192.0.2.1")->customer.allowlisted_by.at);
    bench->signal.user_agent = TEXT_LITERAL("ACMEMonitor/2.1");
    expect_text(gather(bench)->customer.allowlisted_by, "acmemonitor/*");
    bench->signal.user_agent = TEXT_LITERAL("The uptime-checking CHECK thing");
    expect_text(gather(bench)->customer.allowlisted_by, "*Uptime*Check*");
    bench->signal.user_agent = TEXT_LITERAL("Not AcmeMonitor/2");
    cr_expect_null(gather(bench)->customer.allowlisted_by.at);
    bench->signal.user_agent = TEXT_NONE;
    cr_expect_null(gather(bench)->customer.allowlisted_by.at);
    bench_close(bench);
}

Test(customer, wrong_fields_are_told_and_left_out, .timeout = 10) {
    struct bench *bench = bench_open();
    customer(bench, "acme", "tier", "gold", "requests_per_minute", "many", "limit:brute_force", "-3",
             "limit:sneezing", "5", "auto_block", "yes", "allowlist", "10.0.0.1/8 nonsense 198.51.100.0/24",
             "contacts:soc-tier-2", "a b c d e", "contacts:boss", "x", "contacts", "y", "retention_days",
             "3651", "sla:high", "0", "sla:none", "9", "colour", "blue", "name", "", "allowlist_user_agents",
             "ok*\nb\x01"
             "d",
             NULL);
    build(bench);
    expect_complaints(bench, "customer acme tier: unknown tier\n"
                             "customer acme requests_per_minute: not a whole number above 0, or too large\n"
                             "customer acme limit:brute_force: not a whole number above 0, or too large\n"
                             "customer acme limit:sneezing: unknown threat type\n"
                             "customer acme auto_block: neither 0 nor 1\n"
                             "customer acme allowlist: 10.0.0.1/8: host bits set\n"
                             "customer acme allowlist: nonsense: not an address or CIDR\n"
                             "customer acme contacts:soc-tier-2: too many, the rest is ignored\n"
                             "customer acme contacts:boss: unknown escalation level\n"
                             "customer acme contacts: unknown field, ignored\n"
                             "customer acme retention_days: not a whole number above 0, or too large\n"
                             "customer acme sla:high: not a whole number above 0, or too large\n"
                             "customer acme sla:none: unknown severity\n"
                             "customer acme colour: unknown field, ignored\n"
                             "customer acme name: not a text of 1 to 200 characters\n"
                             "customer acme allowlist_user_agents: entry 2: not a text of 1 to 1024 bytes\n");
    const struct customer_facts *facts = &gather(bench)->customer;
    cr_expect(facts->known);
    cr_expect_eq(facts->tier, TIER_STANDARD);
    cr_expect(facts->limit_is_default);
    expect_text(facts->contacts[ESCALATION_SOC_TIER_2], "a b c d");
    expect_text(facts->allowlisted_by, "198.51.100.0/24");
    bench_close(bench);
}

Test(customer, sizes_and_ids_are_bounded, .timeout = 10) {
    struct bench *bench = bench_open();
    struct context_field fields[300];
    char *large = malloc(CONTEXT_VALUE_MAX + 1);
    memset(large, '*', CONTEXT_VALUE_MAX + 1);
    for (unsigned i = 0; i < 300; i++)
        fields[i] = (struct context_field){TEXT_LITERAL("tier"), TEXT_LITERAL("premium")};
    snapshot_builder_customer(bench->builder, TEXT_LITERAL("acme"), fields, 300);
    snapshot_builder_customer(bench->builder, TEXT_LITERAL("a b"), fields, 1);
    snapshot_builder_customer(bench->builder, TEXT_LITERAL("x\x01\xff"), fields, 1);
    snapshot_builder_customer(bench->builder, TEXT_LITERAL(""), fields, 1);
    fields[0] = (struct context_field){TEXT_LITERAL("allowlist_user_agents"), {large, CONTEXT_VALUE_MAX + 1}};
    fields[1] = (struct context_field){TEXT_LITERAL("contacts:soc-tier-1"), {large, 200}};
    snapshot_builder_customer(bench->builder, TEXT_LITERAL("big"), fields, 3);
    free(large);
    build(bench);
    expect_complaints(bench, "customer acme 300 fields are too many\n"
                             "customer a b not a customer id\n"
                             "customer x?? not a customer id\n"
                             "customer  not a customer id\n"
                             "customer big allowlist_user_agents: too many bytes\n"
                             "customer big contacts:soc-tier-1: entry 1: not a text of 1 to 128 bytes\n");
    cr_expect_eq(snapshot_size(bench->snapshot).customers, 1);
    bench->signal.customer_id = TEXT_LITERAL("big");
    cr_expect_eq(gather(bench)->customer.tier, TIER_PREMIUM);
    bench_close(bench);
}

Test(customer, allowlists_are_bounded, .timeout = 10) {
    struct bench *bench = bench_open();
    struct buffer prefixes = BUFFER_EMPTY, patterns = BUFFER_EMPTY;
    for (unsigned i = 0; i < 4097; i++)
        buffer_printf(&prefixes, "10.0.%u.%u ", i / 256, i % 256);
    for (unsigned i = 0; i < 257; i++)
        buffer_printf(&patterns, " \r\n\tagent%u/* \r\n", i);
    struct context_field fields[] = {{TEXT_LITERAL("allowlist"), buffer_text(&prefixes)},
                                     {TEXT_LITERAL("allowlist_user_agents"), buffer_text(&patterns)}};
    snapshot_builder_customer(bench->builder, TEXT_LITERAL("acme"), fields, 2);
    build(bench);
    expect_complaints(bench, "customer acme allowlist: too many, the rest is ignored\n"
                             "customer acme allowlist_user_agents: too many, the rest is ignored\n");
    expect_text(gather_for(bench, "10.0.15.255")->customer.allowlisted_by, "10.0.15.255");
    cr_expect_null(gather_for(bench, "10.0.16.0")->customer.allowlisted_by.at);
    bench->signal.user_agent = TEXT_LITERAL("Agent255/1");
    expect_text(gather(bench)->customer.allowlisted_by, "agent255/*");
    bench->signal.user_agent = TEXT_LITERAL("Agent256/1");
    cr_expect_null(gather(bench)->customer.allowlisted_by.at);
    buffer_fini(&prefixes);
    buffer_fini(&patterns);
    bench_close(bench);
}

Test(customer, later_record_replaces_and_no_fields_remove, .timeout = 10) {
    struct bench *bench = bench_open();
    char id[16];
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(id, sizeof(id), "c%u", i);
        customer(bench, id, "tier", "premium", "auto_block", "1", NULL);
    }
    for (unsigned i = 0; i < 1000; i += 2) {
        snprintf(id, sizeof(id), "c%u", i);
        customer(bench, id, NULL);
    }
    customer(bench, "c1", "tier", "enterprise", NULL);
    build(bench);
    cr_expect_eq(snapshot_size(bench->snapshot).customers, 500);
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(id, sizeof(id), "c%u", i);
        bench->signal.customer_id = text_of(id);
        cr_expect_eq(gather(bench)->customer.known, i % 2 == 1);
        cr_expect_eq(bench->facts.customer.auto_block, i % 2 == 1 && i != 1);
    }
    bench_close(bench);
}

Test(customer, bad_allowlist_does_not_flood, .timeout = 10) {
    struct bench *bench = bench_open();
    struct buffer garbage = BUFFER_EMPTY;
    for (unsigned i = 0; i < 10000; i++)
        buffer_append_string(&garbage, "x ");
    struct context_field field = {TEXT_LITERAL("allowlist"), buffer_text(&garbage)};
    snapshot_builder_customer(bench->builder, TEXT_LITERAL("acme"), &field, 1);
    cr_expect_eq(lines(complaints(bench)), 16 + 1);
    cr_expect_not_null(strstr(complaints(bench), "customer acme allowlist: 9984 more left out\n"));
    buffer_fini(&garbage);
    bench_close(bench);
}

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

Test(intel, every_field_of_list_and_entry, .timeout = 10) {
    struct bench *bench = bench_open();
    list(bench, "drop",
         "{\"category\":\"blocklist\",\"source\":\"Spamhaus\",\"as_of\":\"2026-11-20\",\"score\":90}");
    list(bench, "vpn", "{\"category\":\"vpn\"}");
    list(bench, "empty", "{\"category\":\"tor\"}");
    entry(bench, "drop", "198.51.100.0/24", "");
    entry(bench, "drop", "198.51.100.7", "99");
    entry(bench, "vpn", "198.51.0.0/16", "0");
    entry(bench, "vpn", "2001:db8::/32", "");
    build(bench);
    expect_complaints(bench, "");
    const struct facts *facts = gather(bench);
    cr_expect_eq(facts->intel_lists, 2);
    cr_assert_eq(facts->intel_count, 3);
    expect_text(facts->intel[0].list, "drop");
    expect_text(facts->intel[0].entry, "198.51.100.7/32");
    cr_expect_eq(facts->intel[0].score, 99);
    expect_text(facts->intel[1].entry, "198.51.100.0/24");
    cr_expect_eq(facts->intel[1].category, INTEL_BLOCKLIST);
    cr_expect_eq(facts->intel[1].score, 90);
    expect_text(facts->intel[1].source, "Spamhaus");
    expect_text(facts->intel[1].as_of, "2026-11-20");
    expect_text(facts->intel[2].list, "vpn");
    cr_expect_eq(facts->intel[2].category, INTEL_VPN);
    cr_expect_eq(facts->intel[2].score, 0);
    cr_expect_null(facts->intel[2].source.at);
    cr_expect_eq(gather_for(bench, "2001:db8::5")->intel[0].score, 50);
    cr_expect_eq(gather_for(bench, "192.0.2.1")->intel_count, 0);
    bench_close(bench);
}

Test(intel, mapped_and_nat64_addresses_count_as_ipv4, .timeout = 10) {
    struct bench *bench = bench_open();
    list(bench, "a", "{\"category\":\"blocklist\"}");
    entry(bench, "a", "198.51.100.0/24", "1");
    entry(bench, "a", "64:ff9b::/96", "2");
    entry(bench, "a", "::/0", "3");
    entry(bench, "a", "::ffff:203.0.113.0/120", "4");
    build(bench);
    cr_assert_eq(gather_for(bench, "::ffff:198.51.100.7")->intel_count, 1);
    cr_assert_eq(gather_for(bench, "64:ff9b::198.51.100.7")->intel_count, 3);
    expect_text(bench->facts.intel[0].entry, "198.51.100.0/24");
    expect_text(bench->facts.intel[1].entry, "64:ff9b::/96");
    expect_text(bench->facts.intel[2].entry, "::/0");
    cr_expect_eq(gather_for(bench, "192.0.2.7")->intel_count, 0);
    cr_assert_eq(gather_for(bench, "203.0.113.200")->intel_count, 1);
    expect_text(bench->facts.intel[0].entry, "203.0.113.0/24");
    bench_close(bench);
}

Test(intel, order_and_choice_among_many, .timeout = 10) {
    struct bench *bench = bench_open();
    struct intel_fact found[8];
    struct address address = address_of("198.51.100.7");
    list(bench, "b3", "{\"category\":\"blocklist\",\"score\":30}");
    list(bench, "b2", "{\"category\":\"blocklist\",\"score\":40}");
    list(bench, "b1", "{\"category\":\"blocklist\",\"score\":30}");
    list(bench, "b4", "{\"category\":\"blocklist\",\"score\":30}");
    list(bench, "relay", "{\"category\":\"shared_egress\"}");
    list(bench, "host", "{\"category\":\"hosting\"}");
    entry(bench, "relay", "198.0.0.0/8", "");
    entry(bench, "host", "198.51.0.0/16", "");
    entry(bench, "b3", "198.51.100.7", "");
    entry(bench, "b1", "198.51.100.7", "");
    entry(bench, "b2", "198.51.100.7", "");
    entry(bench, "b4", "198.51.100.0/24", "");
    build(bench);
    cr_assert_eq(snapshot_lookup(bench->snapshot, &address, &bench->arena, found, 8), 6);
    static const char *const order[] = {"b2", "b1", "b3", "b4", "host", "relay"};
    for (unsigned i = 0; i < 6; i++)
        expect_text(found[i].list, order[i]);
    cr_assert_eq(snapshot_lookup(bench->snapshot, &address, &bench->arena, found, 1), 1);
    expect_text(found[0].list, "b2");
    const struct facts *facts = gather(bench);
    static const char *const chosen[] = {"b2", "b1", "host", "relay"};
    cr_assert_eq(facts->intel_count, INTEL_FACTS_MAX);
    for (unsigned i = 0; i < INTEL_FACTS_MAX; i++)
        expect_text(facts->intel[i].list, chosen[i]);
    bench_close(bench);
}

Test(intel, wrong_lists_and_entries_are_told_and_left_out, .timeout = 10) {
    struct bench *bench = bench_open();
    list(bench, "a", "{\"category\":\"blocklist\",\"score\":101,\"source\":5,\"as_of\":\"\",\"colour\":1}");
    list(bench, "b", "{\"category\":\"friends\"}");
    list(bench, "c", "{\"score\":1}");
    list(bench, "d", "{\"category\":3}");
    list(bench, "e", "{\"category\":\"crawler\"}");
    list(bench, "f", "{\"category\":\"vpn\",\"crawler\":\"Googlebot\"}");
    list(bench, "g", "{broken");
    list(bench, "", "{}");
    entry(bench, "a", "198.51.100.0/24", "");
    entry(bench, "a", "198.51.100.1/24", "");
    entry(bench, "a", "198.51.100.0/24/3", "");
    entry(bench, "a", "198.51.100.3", "1.5");
    entry(bench, "a", "198.51.100.4", "101");
    entry(bench, "b", "198.51.100.7", "5");
    build(bench);
    expect_complaints(bench, "intel:lists a colour: unknown member, ignored\n"
                             "intel:lists a source: not a text of 1 to 256 bytes\n"
                             "intel:lists a as_of: not a text of 1 to 256 bytes\n"
                             "intel:lists a score: not a whole number from 0 to 100\n"
                             "intel:lists b category: friends is unknown\n"
                             "intel:lists c category: missing\n"
                             "intel:lists d category: not a text of 1 to 256 bytes\n"
                             "intel:lists e crawler: missing, so this list confirms nobody\n"
                             "intel:lists f crawler: ignored, the category is another\n"
                             "intel:lists g not a JSON object: string or '}' expected near 'broken'\n"
                             "intel:lists  not a name of 1 to 128 bytes\n"
                             "intel:list a 198.51.100.1/24: host bits set\n"
                             "intel:list a 198.51.100.0/24/3: bad prefix length\n"
                             "intel:list a 198.51.100.3: score is not a whole number from 0 to 100\n"
                             "intel:list a 198.51.100.4: score is not a whole number from 0 to 100\n"
                             "intel:list b 198.51.100.7: no such list in intel:lists\n");
    cr_assert_eq(gather(bench)->intel_count, 1);
    cr_expect_eq(bench->facts.intel[0].score, 50);
    bench_close(bench);
}

Test(intel, thousand_bad_entries_do_not_flood, .timeout = 10) {
    struct bench *bench = bench_open();
    list(bench, "a", "{\"category\":\"blocklist\"}");
    for (unsigned i = 0; i < 1000; i++) {
        entry(bench, "a", "nonsense", "");
        entry(bench, "stray", "198.51.100.7", "");
    }
    build(bench);
    cr_expect_eq(lines(complaints(bench)), 16 + 16 + 2);
    cr_expect_not_null(strstr(complaints(bench), "intel:list a 984 more entries left out\n"));
    cr_expect_not_null(strstr(complaints(bench), "intel:list (unknown) 984 more entries left out\n"));
    bench_close(bench);
}

Test(intel, lists_are_bounded, .timeout = 10) {
    struct bench *bench = bench_open();
    char name[16];
    for (unsigned i = 0; i < 1025; i++) {
        snprintf(name, sizeof(name), "l%04u", i);
        list(bench, name, "{\"category\":\"blocklist\"}");
    }
    list(bench, "l0000", "{\"category\":\"vpn\"}");
    entry(bench, "l0000", "198.51.100.7", "");
    build(bench);
    expect_complaints(bench, "intel:lists l1024 more than 1024 lists\n");
    cr_expect_eq(snapshot_size(bench->snapshot).intel_lists, 1024);
    cr_assert_eq(gather(bench)->intel_count, 1);
    cr_expect_eq(bench->facts.intel[0].category, INTEL_VPN);
    bench_close(bench);
}

static struct crawler_fact *claim(struct bench *bench, const char *user_agent, const char *address) {
    bench->signal.user_agent = text_of(user_agent);
    return &gather_for(bench, address)->crawler;
}

static const char googlebot[] = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";

static struct bench *bench_with_ranges(void) {
    struct bench *bench = bench_open();
    list(bench, "google", "{\"category\":\"crawler\",\"crawler\":\"googlebot\",\"as_of\":\"2026-11-01\"}");
    list(bench, "google-more",
         "{\"category\":\"crawler\",\"crawler\":\"Googlebot\",\"as_of\":\"2026-11-02\"}");
    list(bench, "bing", "{\"category\":\"crawler\",\"crawler\":\"Bingbot\"}");
    list(bench, "baidu", "{\"category\":\"crawler\",\"crawler\":\"Baiduspider\"}");
    list(bench, "block", "{\"category\":\"blocklist\"}");
    entry(bench, "google", "66.249.64.0/19", "");
    entry(bench, "google-more", "2001:4860:4801::/48", "");
    entry(bench, "baidu", "116.179.32.0/24", "");
    entry(bench, "block", "66.249.66.1", "");
    build(bench);
    return bench;
}

Test(crawler, published_ranges_prove_or_refute, .timeout = 10) {
    struct bench *bench = bench_with_ranges();
    const struct crawler_fact *fact = claim(bench, googlebot, "66.249.66.1");
    cr_expect_eq(fact->verdict, CRAWLER_VERIFIED);
    cr_expect_eq(fact->kind, CRAWLER_KIND_SEARCH_ENGINE);
    expect_text(fact->name, "Googlebot");
    expect_text(fact->list, "google");
    expect_text(fact->as_of, "2026-11-01");
    fact = claim(bench, googlebot, "64:ff9b::66.249.66.1");
    cr_expect_eq(fact->verdict, CRAWLER_VERIFIED);
    fact = claim(bench, googlebot, "2001:4860:4801::5");
    cr_expect_eq(fact->verdict, CRAWLER_VERIFIED);
    expect_text(fact->list, "google-more");
    expect_text(fact->as_of, "2026-11-02");
    fact = claim(bench, googlebot, "192.0.2.1");
    cr_expect_eq(fact->verdict, CRAWLER_PRETENDED);
    expect_text(fact->list, "google");
    expect_text(fact->as_of, "2026-11-01");
    bench_close(bench);
}

static void expect_untold(const struct crawler_fact *fact, const char *name, enum crawler_kind kind) {
    cr_expect_eq(fact->verdict, CRAWLER_CANNOT_TELL, "%s", name);
    cr_expect_eq(fact->kind, kind, "%s", name);
    expect_text(fact->name, name);
    cr_expect_null(fact->list.at);
    cr_expect_null(fact->as_of.at);
}

Test(crawler, nothing_else_can_tell, .timeout = 10) {
    struct bench *bench = bench_with_ranges();
    /* A list without entries. */
    expect_untold(claim(bench, "msnbot/2.0b (+http://search.msn.com/msnbot.htm)", "66.249.66.1"), "msnbot",
                  CRAWLER_KIND_SEARCH_ENGINE);
    /* Baidu publishes no ranges: whose list is it? */
    expect_untold(claim(bench, "Mozilla/5.0 (compatible; Baiduspider/2.0)", "116.179.32.9"), "Baiduspider",
                  CRAWLER_KIND_SEARCH_ENGINE);
    expect_untold(claim(bench, "Mozilla/5.0 (compatible; Baiduspider/2.0)", "192.0.2.1"), "Baiduspider",
                  CRAWLER_KIND_SEARCH_ENGINE);
    /* Tools: nobody in particular. */
    expect_untold(claim(bench, "curl/7.88.1", "66.249.66.1"), "curl", CRAWLER_KIND_HTTP_LIBRARY);
    const struct crawler_fact *fact = claim(bench, "Mozilla/5.0 (X11; Linux x86_64)", "66.249.66.1");
    cr_expect_eq(fact->verdict, CRAWLER_NO_CLAIM);
    cr_expect_null(fact->name.at);
    bench->signal.user_agent = TEXT_NONE;
    cr_expect_eq(gather(bench)->crawler.verdict, CRAWLER_NO_CLAIM);
    bench_close(bench);
}

Test(range, table_agrees_with_its_own_texts, .timeout = 10) {
    for (unsigned i = 0; i < special_range_count; i++) {
        const struct special_range *range = &special_ranges[i];
        char written[PREFIX_TEXT_MAX + 1];
        written[prefix_write(&range->prefix, written)] = '\0';
        cr_expect_str_eq(written, range->fact.cidr);
        struct prefix parsed;
        cr_expect_null(prefix_parse(text_of(range->fact.cidr), &parsed), "%s", range->fact.cidr);
        cr_expect_eq(parsed.length, range->prefix.length);
        cr_expect_str_eq(special_range_find(&range->prefix.address).cidr == NULL ? "" : "found", "found");
    }
}

struct range_row {
    const char *address;
    const char *cidr; /* NULL: ordinary */
    const char *reference;
};

static const struct range_row range_rows[] = {
    {"10.1.2.3", "10.0.0.0/8", "RFC 1918"},
    {"172.31.255.255", "172.16.0.0/12", "RFC 1918"},
    {"172.32.0.0", NULL, NULL},
    {"192.168.255.1", "192.168.0.0/16", "RFC 1918"},
    {"100.127.255.255", "100.64.0.0/10", "RFC 6598"},
    {"100.128.0.0", NULL, NULL},
    {"127.0.0.1", "127.0.0.0/8", "RFC 1122"},
    {"::1", "::1/128", "RFC 4291"},
    {"::", "::/128", "RFC 4291"},
    {"169.254.169.254", "169.254.0.0/16", "RFC 3927"},
    {"fe80::1", "fe80::/10", "RFC 4291"},
    {"192.0.2.1", "192.0.2.0/24", "RFC 5737"},
    {"198.51.100.1", "198.51.100.0/24", "RFC 5737"},
    {"203.0.113.1", "203.0.113.0/24", "RFC 5737"},
    {"2001:db8::1", "2001:db8::/32", "RFC 3849"},
    {"3fff::1", "3fff::/20", "RFC 9637"},
    {"3fff:1000::1", NULL, NULL},
    {"198.19.0.1", "198.18.0.0/15", "RFC 2544"},
    {"2001:2::1", "2001:2::/48", "RFC 5180"},
    {"192.0.0.8", "192.0.0.0/24", "RFC 6890"},
    {"0.1.2.3", "0.0.0.0/8", "RFC 1122"},
    {"240.0.0.1", "240.0.0.0/4", "RFC 1112"},
    {"255.255.255.255", "255.255.255.255/32", "RFC 919"},
    {"192.88.99.1", "192.88.99.0/24", "RFC 7526"},
    {"239.1.2.3", "224.0.0.0/4", "RFC 5771"},
    {"ff02::1", "ff00::/8", "RFC 4291"},
    {"fd00::1", "fc00::/7", "RFC 4193"},
    {"100::1", "100::/64", "RFC 6666"},
    {"2001:100::1", "2001::/23", "RFC 2928"},
    {"2001:0:1::1", "2001::/32", "RFC 4380"},
    {"2001:200::1", NULL, NULL},
    {"2002:c000:201::1", "2002::/16", "RFC 3056"},
    {"::ffff:10.0.0.1", "10.0.0.0/8", "RFC 1918"},
    {"::ffff:8.8.8.8", NULL, NULL},
    {"64:ff9b::10.0.0.1", "10.0.0.0/8", "RFC 1918"},
    {"64:ff9b::8.8.8.8", NULL, NULL},
    {"64:ff9b:1::8.8.8.8", "64:ff9b:1::/48", "RFC 8215"},
    {"8.8.8.8", NULL, NULL},
    {"2606:4700::1111", NULL, NULL},
};

Test(range, addresses_are_judged, .timeout = 10) {
    for (unsigned i = 0; i < sizeof(range_rows) / sizeof(range_rows[0]); i++) {
        const struct range_row *row = &range_rows[i];
        struct address address = address_of(row->address);
        struct range_fact fact = special_range_find(&address);
        cr_expect_str_eq(fact.cidr == NULL ? "-" : fact.cidr, row->cidr == NULL ? "-" : row->cidr, "%s",
                         row->address);
        cr_expect_str_eq(fact.reference == NULL ? "-" : fact.reference,
                         row->reference == NULL ? "-" : row->reference);
        cr_expect_eq(fact.meaning == NULL, fact.cidr == NULL);
    }
}

struct wildcard_row {
    const char *pattern, *text;
    bool matches;
};

static const struct wildcard_row wildcard_rows[] = {
    {"abc", "ABC", true},       {"abc", "abcd", false},   {"*", "", true},
    {"*", "anything", true},    {"", "", true},           {"", "a", false},
    {"a*", "Abc", true},        {"a*", "ba", false},      {"*c", "abC", true},
    {"*c", "cb", false},        {"a*c", "ac", true},      {"a*a", "a", false},
    {"*b*", "abc", true},       {"*b*", "acd", false},    {"**a**", "xay", true},
    {"a*b*c", "a1b2b3c", true}, {"a*b*c", "acb", false},  {"*ab*ab*", "xabx", false},
    {"*ab*ab", "abab", true},   {"ab*ba", "aba", false},  {"*a*b", "ba", false},
    {"?", "x", false},          {"*[x]*", "a[X]b", true}, {"\xc3\x84*", "\xc3\xa4", false},
};

static bool wildcard_of(struct text pattern, struct text text) {
    char lowered[2][4096];
    wildcard_lower(pattern, lowered[0]);
    wildcard_lower(text, lowered[1]);
    return wildcard_matches((struct text){lowered[0], pattern.len}, (struct text){lowered[1], text.len});
}

Test(wildcard, patterns, .timeout = 10) {
    for (unsigned i = 0; i < sizeof(wildcard_rows) / sizeof(wildcard_rows[0]); i++) {
        const struct wildcard_row *row = &wildcard_rows[i];
        cr_expect_eq(wildcard_of(text_of(row->pattern), text_of(row->text)), row->matches, "%s %s",
                     row->pattern, row->text);
    }
    cr_expect(wildcard_matches(TEXT_LITERAL("*"), TEXT_NONE));
}

/* Catastrophic for anything that backtracks: the time-out is the assertion. */
Test(wildcard, hostile_pattern_ends_soon, .timeout = 5) {
    char pattern[4000], text[4000];
    bool matched = false;
    for (unsigned i = 0; i < sizeof(pattern); i++)
        pattern[i] = i % 2 ? 'a' : '*';
    memset(text, 'a', sizeof(text));
    pattern[sizeof(pattern) - 1] = 'b';
    for (unsigned i = 0; i < 10000; i++)
        matched |=
            wildcard_matches((struct text){pattern, sizeof(pattern)}, (struct text){text, sizeof(text)});
    cr_expect_not(matched);
}

Test(snapshot, none_knows_range_and_claim_only, .timeout = 10) {
    struct bench *bench = bench_open();
    memset(&bench->facts, 0x55, sizeof(bench->facts));
    bench->facts.history_available = true;
    const struct crawler_fact *fact = claim(bench, "Googlebot/2.1", "10.0.0.1");
    const struct facts *facts = &bench->facts;
    cr_expect_eq(fact->verdict, CRAWLER_CANNOT_TELL);
    expect_text(fact->name, "Googlebot");
    cr_expect_null(fact->list.at);
    cr_expect_str_eq(facts->range.cidr, "10.0.0.0/8");
    cr_expect_str_eq(facts->range.meaning, "private use");
    cr_expect_not(facts->context_available);
    cr_expect_not(facts->customer.known);
    cr_expect_null(facts->customer.contacts[ESCALATION_SOC_TIER_1].at);
    cr_expect_eq(facts->infra_count + facts->intel_count + facts->intel_lists, 0);
    cr_expect(facts->history_available, "history is not the snapshot's");
    cr_expect_eq(claim(bench, "Opera/9.80", "8.8.8.8")->verdict, CRAWLER_NO_CLAIM);
    cr_expect_null(facts->range.cidr);
    bench_close(bench);
}

Test(snapshot, empty_one_is_available, .timeout = 10) {
    struct bench *bench = bench_open();
    build(bench);
    const struct facts *facts = gather(bench);
    cr_expect(facts->context_available);
    cr_expect_eq(facts->customer.requests_per_minute, 60);
    cr_expect_eq(facts->infra_count + facts->intel_count + facts->intel_lists, 0);
    struct snapshot_size size = snapshot_size(bench->snapshot);
    cr_expect_eq(size.customers + size.infra_events + size.intel_lists + size.intel_entries, 0);
    bench_close(bench);
}

static void fill_each_part(struct bench *bench) {
    customer(bench, "acme", "tier", "premium", NULL);
    customer(bench, "other", "tier", "premium", NULL);
    infra(bench, "x", "{\"kind\":\"outage\",\"title\":\"t\",\"starts_at\":\"2026-11-21T12:00:00Z\"}");
    list(bench, "a", "{\"category\":\"blocklist\"}");
    entry(bench, "a", "198.51.100.7", "");
}

Test(snapshot, texts_outlive_the_snapshot, .timeout = 10) {
    struct bench *bench = bench_open();
    fill_each_part(bench);
    customer(bench, "acme", "contacts:soc-tier-1", "oncall", "allowlist_user_agents", "Mozilla*", NULL);
    build(bench);
    const struct facts *facts = gather(bench);
    snapshot_free(bench->snapshot);
    bench->snapshot = NULL;
    expect_text(facts->customer.contacts[ESCALATION_SOC_TIER_1], "oncall");
    expect_text(facts->customer.allowlisted_by, "Mozilla*");
    expect_text(facts->infra[0].title, "t");
    expect_text(facts->intel[0].list, "a");
    bench_close(bench);
}

Test(snapshot, builder_is_empty_after_build, .timeout = 10) {
    struct bench *bench = bench_open();
    fill_each_part(bench);
    build(bench);
    struct snapshot_size size = snapshot_size(bench->snapshot);
    cr_expect_eq(size.customers, 2);
    cr_expect_eq(size.infra_events, 1);
    cr_expect_eq(size.intel_lists, 1);
    cr_expect_eq(size.intel_entries, 1);
    cr_expect_gt(size.bytes, sizeof(struct facts) / 4);
    build(bench);
    cr_expect_eq(snapshot_size(bench->snapshot).customers, 0);
    cr_expect_eq(gather(bench)->intel_lists, 0);
    bench_close(bench);
}

Test(snapshot, kept_parts_stay_and_told_ones_change, .timeout = 10) {
    struct bench *bench = bench_open();
    fill_each_part(bench);
    build(bench);
    snapshot_builder_keep(bench->builder, bench->snapshot, CONTEXT_CUSTOMERS | CONTEXT_INFRA | CONTEXT_INTEL);
    customer(bench, "acme", "tier", "enterprise", NULL);
    customer(bench, "other", NULL);
    build(bench);
    const struct facts *facts = gather(bench);
    cr_expect_eq(facts->customer.tier, TIER_ENTERPRISE);
    cr_expect_eq(facts->infra_count, 1);
    cr_expect_eq(facts->intel_count, 1);
    cr_expect_eq(facts->intel_lists, 1);
    cr_expect_eq(snapshot_size(bench->snapshot).customers, 1);
    snapshot_builder_keep(bench->builder, bench->snapshot, CONTEXT_CUSTOMERS | CONTEXT_INFRA | CONTEXT_INTEL);
    infra(bench, "y", "{\"kind\":\"outage\",\"title\":\"u\",\"starts_at\":\"2026-11-21T12:00:00Z\"}");
    list(bench, "b", "{\"category\":\"tor\"}");
    build(bench);
    facts = gather(bench);
    cr_expect_eq(facts->customer.tier, TIER_ENTERPRISE);
    cr_assert_eq(facts->infra_count, 1);
    expect_text(facts->infra[0].id, "y");
    cr_expect_eq(facts->intel_count, 0);
    snapshot_builder_keep(bench->builder, bench->snapshot, CONTEXT_INFRA);
    build(bench);
    cr_expect_eq(gather(bench)->infra_count, 1);
    cr_expect_not(bench->facts.customer.known);
    bench_close(bench);
}

Test(snapshot, lists_that_did_not_change_keep_their_entries, .timeout = 10) {
    struct bench *bench = bench_open();
    list(bench, "gone", "{\"category\":\"tor\"}");
    list(bench, "same", "{\"category\":\"blocklist\",\"score\":70,\"as_of\":\"2026-11-01\"}");
    list(bench, "other", "{\"category\":\"vpn\"}");
    entry(bench, "gone", "198.51.100.7", "");
    entry(bench, "same", "198.51.100.0/24", "");
    entry(bench, "same", "2001:db8::/32", "95");
    entry(bench, "same", "nonsense", "");
    entry(bench, "other", "198.51.0.0/16", "");
    build(bench);
    cr_expect(snapshot_has_intel_list(bench->snapshot, TEXT_LITERAL("same")));
    cr_expect_not(snapshot_has_intel_list(bench->snapshot, TEXT_LITERAL("sam")));
    list(bench, "fresh", "{\"category\":\"hosting\"}");
    list(bench, "other", "{\"category\":\"vpn\"}");
    list(bench, "same", "{\"category\":\"blocklist\",\"score\":71}");
    cr_expect(snapshot_builder_intel_same(bench->builder, bench->snapshot, TEXT_LITERAL("same")));
    cr_expect_not(snapshot_builder_intel_same(bench->builder, bench->snapshot, TEXT_LITERAL("fresh")));
    cr_expect_not(snapshot_builder_intel_same(bench->builder, bench->snapshot, TEXT_LITERAL("gone")));
    entry(bench, "other", "203.0.113.0/24", "");
    snapshot_builder_intel_copy(bench->builder, bench->snapshot);
    build(bench);
    const struct facts *facts = gather(bench);
    cr_assert_eq(facts->intel_count, 1, "what the list of another name, or the changed one, had is gone");
    expect_text(facts->intel[0].list, "same");
    expect_text(facts->intel[0].entry, "198.51.100.0/24");
    cr_expect_eq(facts->intel[0].score, 71, "the list's own score is that of its new record");
    cr_expect_eq(gather_for(bench, "2001:db8::5")->intel[0].score, 95);
    expect_text(gather_for(bench, "203.0.113.9")->intel[0].list, "other");
    cr_expect_eq(snapshot_size(bench->snapshot).intel_entries, 3);
    bench_close(bench);
}

Test(snapshot, empty_one_can_be_kept, .timeout = 10) {
    struct bench *bench = bench_open();
    build(bench);
    snapshot_builder_keep(bench->builder, bench->snapshot, CONTEXT_CUSTOMERS | CONTEXT_INFRA | CONTEXT_INTEL);
    customer(bench, "acme", "tier", "premium", NULL);
    build(bench);
    cr_expect(gather(bench)->customer.known);
    cr_expect_eq(bench->facts.infra_count + bench->facts.intel_lists, 0);
    bench_close(bench);
}

Test(snapshot, nobody_needs_to_listen, .timeout = 10) {
    struct snapshot_builder *builder = snapshot_builder_new(NULL, NULL);
    snapshot_builder_infra(builder, TEXT_LITERAL("x"), TEXT_LITERAL("{"));
    struct snapshot *snapshot = snapshot_build(builder);
    cr_expect_eq(snapshot_size(snapshot).infra_events, 0);
    snapshot_free(snapshot);
    snapshot_free(NULL);
    snapshot_builder_free(builder);
    snapshot_builder_free(NULL);
}
