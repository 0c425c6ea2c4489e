#include "tests/unit/snapshot_fixture.h"

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
