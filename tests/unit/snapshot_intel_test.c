#include "tests/unit/snapshot_fixture.h"

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
