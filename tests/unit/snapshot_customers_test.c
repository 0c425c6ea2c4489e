#include "tests/unit/snapshot_fixture.h"

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
