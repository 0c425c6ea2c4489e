#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "shared/base/clock.h"
#include "shared/context/prefix_matcher.h"

enum { MILLION = 1000000, PROBES = 1000000 };

static uint64_t random_state = 0x9e3779b97f4a7c15u;

/* xorshift64* with a fixed seed: every run sees the same prefixes. */
static uint64_t random_next(void) {
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545f4914f6cdd1du;
}

static struct prefix parse(const char *written) {
    struct prefix prefix;
    const char *why = prefix_parse(text_of(written), &prefix);
    cr_assert_null(why, "%s: %s", written, why);
    return prefix;
}

static struct address address_of(const char *written) {
    struct address address;
    if (!address_parse(text_of(written), &address))
        cr_assert_fail("%s", written);
    return address;
}

static void clear_host_bits(struct prefix *prefix) {
    for (unsigned bit = prefix->length; bit < 128; bit++)
        prefix->address.bytes[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
}

/* `alphabet` bounds how many values a byte takes: few values make prefixes nest. */
static struct address random_address(bool ipv4, unsigned alphabet) {
    struct address address = address_of(ipv4 ? "0.0.0.0" : "2001::");
    for (unsigned i = ipv4 ? 12 : 2; i < 16; i++)
        address.bytes[i] = (uint8_t)(random_next() % alphabet * (256 / alphabet));
    return address;
}

static struct prefix random_prefix(bool ipv4, unsigned alphabet) {
    unsigned shortest = ipv4 ? 96 : 0;
    struct prefix prefix = {random_address(ipv4, alphabet), 0};
    prefix.length = (uint8_t)(shortest + random_next() % (129 - shortest));
    clear_host_bits(&prefix);
    return prefix;
}

struct naive {
    struct prefix prefix;
    unsigned owner;
};

static bool naive_holds(const struct prefix *prefix, const struct address *address) {
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    bool ipv4 = memcmp(address->bytes, mapped, 12) == 0;
    if (ipv4 && prefix->length < 96)
        return false;
    for (unsigned bit = 0; bit < prefix->length; bit++)
        if ((prefix->address.bytes[bit / 8] ^ address->bytes[bit / 8]) & (0x80u >> bit % 8))
            return false;
    return true;
}

/* The matcher's answers agree when each is held, none is longer than the one before, and they are as many as
 * the naive search counts. */
static bool agrees_with_naive(const struct prefix_matcher *matcher, const struct naive *naive, unsigned count,
                              const struct address *address) {
    unsigned expected = 0, found = 0, last = 128;
    bool agrees = true;
    for (unsigned i = 0; i < count; i++)
        expected += naive_holds(&naive[i].prefix, address);
    const struct prefix_entry *entry = prefix_matcher_find(matcher, address);
    for (; entry != NULL; entry = prefix_matcher_next(matcher, address, entry), found++) {
        const struct naive *told = &naive[entry->owner];
        struct prefix prefix = prefix_entry_prefix(entry);
        agrees = agrees && naive_holds(&told->prefix, address) && prefix.length == told->prefix.length &&
                 address_compare(&prefix.address, &told->prefix.address) == 0 && entry->length <= last;
        last = entry->length;
    }
    return agrees && found == expected;
}

/* Every entry has an owner of its own here, so that none is dropped as a duplicate. */
static void compare_with_naive(unsigned count, unsigned alphabet) {
    struct naive *naive = calloc(count, sizeof(*naive));
    struct prefix_matcher matcher = PREFIX_MATCHER_EMPTY;
    for (unsigned i = 0; i < count; i++) {
        naive[i] = (struct naive){random_prefix(random_next() % 2, alphabet), i};
        prefix_matcher_add(&matcher, &naive[i].prefix, i, 0);
    }
    prefix_matcher_seal(&matcher);
    unsigned wrong = matcher.count != count;
    for (unsigned i = 0; i < 2000; i++) {
        struct address address = random_address(i % 2, i % 3 == 0 ? 256 : alphabet);
        wrong += !agrees_with_naive(&matcher, naive, count, &address);
    }
    for (unsigned i = 0; i < count; i++)
        wrong += !agrees_with_naive(&matcher, naive, count, &naive[i].prefix.address);
    cr_expect_eq(wrong, 0, "%u answers differ among %u prefixes of alphabet %u", wrong, count, alphabet);
    prefix_matcher_fini(&matcher);
    free(naive);
}

Test(matcher, random_prefixes_as_the_naive_search, .timeout = 60) {
    static const unsigned counts[] = {0, 1, 2, 31, 32, 33, 64, 65, 300, 2000};
    for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        compare_with_naive(counts[i], 2);
        compare_with_naive(counts[i], 4);
        compare_with_naive(counts[i], 256);
    }
}

static void add_all(struct prefix_matcher *matcher, const char *const *written) {
    for (unsigned i = 0; written[i] != NULL; i++) {
        struct prefix prefix = parse(written[i]);
        prefix_matcher_add(matcher, &prefix, i, 0);
    }
    prefix_matcher_seal(matcher);
}

/* The entries that hold the address, blank-separated, as the matcher enumerates them. */
static const char *enumerate(const struct prefix_matcher *matcher, const char *written) {
    static char line[1024];
    size_t len = 0;
    struct address address = address_of(written);
    const struct prefix_entry *entry = prefix_matcher_find(matcher, &address);
    for (; entry != NULL; entry = prefix_matcher_next(matcher, &address, entry)) {
        struct prefix prefix = prefix_entry_prefix(entry);
        if (len > 0)
            line[len++] = ' ';
        len += prefix_write(&prefix, line + len);
    }
    line[len] = '\0';
    return line;
}

Test(matcher, nested_from_zero_to_full_length, .timeout = 10) {
    struct prefix_matcher matcher = PREFIX_MATCHER_EMPTY;
    static const char *const written[] = {
        "0.0.0.0/0",   "10.0.0.0/8",      "10.1.0.0/16", "10.1.2.3",        "10.1.2.4/32",
        "::/0",        "2001:db8::/32",   "2001:db8::1", "ffff:ffff::/128", "::/128",
        "128.0.0.0/1", "255.255.255.255", NULL};
    add_all(&matcher, written);
    cr_expect_str_eq(enumerate(&matcher, "10.1.2.3"), "10.1.2.3/32 10.1.0.0/16 10.0.0.0/8 0.0.0.0/0");
    cr_expect_str_eq(enumerate(&matcher, "10.1.2.5"), "10.1.0.0/16 10.0.0.0/8 0.0.0.0/0");
    cr_expect_str_eq(enumerate(&matcher, "9.255.255.255"), "0.0.0.0/0");
    cr_expect_str_eq(enumerate(&matcher, "255.255.255.255"), "255.255.255.255/32 128.0.0.0/1 0.0.0.0/0");
    cr_expect_str_eq(enumerate(&matcher, "::ffff:10.1.2.4"), "10.1.2.4/32 10.1.0.0/16 10.0.0.0/8 0.0.0.0/0");
    cr_expect_str_eq(enumerate(&matcher, "2001:db8::1"), "2001:db8::1/128 2001:db8::/32 ::/0");
    cr_expect_str_eq(enumerate(&matcher, "::"), "::/128 ::/0");
    cr_expect_str_eq(enumerate(&matcher, "ffff:ffff::"), "ffff:ffff::/128 ::/0");
    cr_expect_str_eq(enumerate(&matcher, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), "::/0");
    prefix_matcher_fini(&matcher);
}

Test(matcher, empty_finds_nothing, .timeout = 10) {
    struct prefix_matcher matcher = PREFIX_MATCHER_EMPTY;
    cr_expect_str_eq(enumerate(&matcher, "10.0.0.1"), "");
    prefix_matcher_seal(&matcher);
    cr_expect_str_eq(enumerate(&matcher, "::"), "");
    cr_expect_eq(prefix_matcher_bytes(&matcher), 0);
    prefix_matcher_fini(&matcher);
}

Test(matcher, one_prefix_of_many_owners_and_its_duplicates, .timeout = 10) {
    struct prefix_matcher matcher = PREFIX_MATCHER_EMPTY;
    struct prefix prefix = parse("192.0.2.0/24");
    struct address address = address_of("192.0.2.77");
    prefix_matcher_add(&matcher, &prefix, 7, 20);
    prefix_matcher_add(&matcher, &prefix, PREFIX_OWNER_MAX, PREFIX_SCORE_MAX);
    prefix_matcher_add(&matcher, &prefix, 7, 90);
    prefix_matcher_add(&matcher, &prefix, 7, 30);
    prefix_matcher_seal(&matcher);
    cr_assert_eq(matcher.count, 2);
    const struct prefix_entry *first = prefix_matcher_find(&matcher, &address);
    const struct prefix_entry *second = prefix_matcher_next(&matcher, &address, first);
    cr_expect_eq(first->owner, PREFIX_OWNER_MAX);
    cr_expect_eq(first->score, PREFIX_SCORE_MAX);
    cr_expect_eq(second->owner, 7);
    cr_expect_eq(second->score, 90);
    cr_expect_null(prefix_matcher_next(&matcher, &address, second));
    prefix_matcher_fini(&matcher);
}

struct parse_row {
    const char *written;
    const char *canonical; /* NULL: refused */
};

static const struct parse_row parse_rows[] = {
    {"10.0.0.0/8", "10.0.0.0/8"},
    {"203.0.113.9", "203.0.113.9/32"},
    {"0.0.0.0/0", "0.0.0.0/0"},
    {"::/0", "::/0"},
    {"2001:DB8::/32", "2001:db8::/32"},
    {"2001:db8::1", "2001:db8::1/128"},
    {"::ffff:10.0.0.0/104", "10.0.0.0/8"},
    {"::ffff:0:0/96", "0.0.0.0/0"},
    {"10.0.0.1/8", NULL},
    {"10.128.0.0/8", NULL},
    {"2001:db8::1/127", NULL},
    {"::ffff:0:0/95", NULL},
    {"1.0.0.0/0", NULL},
    {"10.0.0.0/33", NULL},
    {"::/129", NULL},
    {"10.0.0.0/", NULL},
    {"10.0.0.0/08", NULL},
    {"10.0.0.0/-8", NULL},
    {"10.0.0.0/8/8", NULL},
    {"10.0.0/8", NULL},
    {"/8", NULL},
    {"", NULL},
    {"fe80::1%eth0", NULL},
    {"example.org", NULL},
};

Test(matcher, prefixes_are_read_and_written, .timeout = 10) {
    for (unsigned i = 0; i < sizeof(parse_rows) / sizeof(parse_rows[0]); i++) {
        const struct parse_row *row = &parse_rows[i];
        char written[PREFIX_TEXT_MAX + 1];
        struct prefix prefix;
        const char *why = prefix_parse(text_of(row->written), &prefix);
        cr_expect_eq(why == NULL, row->canonical != NULL, "%s: %s", row->written,
                     why == NULL ? "taken" : why);
        if (why != NULL || row->canonical == NULL)
            continue;
        written[prefix_write(&prefix, written)] = '\0';
        cr_expect_str_eq(written, row->canonical);
    }
}

/* Like a large feed: mostly single IPv4 addresses, some networks, a part IPv6. */
static struct prefix feed_prefix(void) {
    unsigned kind = (unsigned)(random_next() % 100);
    bool ipv4 = kind < 85;
    struct prefix prefix = {random_address(ipv4, 256), 128};
    if (kind >= 60 && ipv4)
        prefix.length = (uint8_t)(112 + random_next() % 17);
    if (!ipv4)
        prefix.length = (uint8_t)(32 + random_next() % 97);
    clear_host_bits(&prefix);
    return prefix;
}

static double load_million(struct prefix_matcher *matcher) {
    struct prefix *feed = malloc(MILLION * sizeof(*feed));
    for (unsigned i = 0; i < MILLION; i++)
        feed[i] = feed_prefix();
    int64_t start = clock_monotonic_ns();
    for (unsigned i = 0; i < MILLION; i++)
        prefix_matcher_add(matcher, &feed[i], i % 20, i % 100);
    prefix_matcher_seal(matcher);
    double seconds = (double)(clock_monotonic_ns() - start) / 1e9;
    free(feed);
    return seconds;
}

Test(matcher, million_entries_load_and_answer_in_time, .timeout = 120) {
    struct prefix_matcher matcher = PREFIX_MATCHER_EMPTY;
    struct address *probes = malloc(PROBES * sizeof(*probes));
    uint64_t holding = 0;
    double load_s = load_million(&matcher);
    for (unsigned i = 0; i < PROBES; i++)
        probes[i] = i % 2 ? feed_prefix().address : random_address(i % 4 != 0, 256);
    int64_t start = clock_monotonic_ns();
    for (unsigned i = 0; i < PROBES; i++) {
        const struct prefix_entry *entry = prefix_matcher_find(&matcher, &probes[i]);
        for (; entry != NULL; entry = prefix_matcher_next(&matcher, &probes[i], entry))
            holding++;
    }
    double lookup_ns = (double)(clock_monotonic_ns() - start) / PROBES;
    fprintf(
        stderr,
        "matcher: %u entries, load %.3f s, look-up of all holders %.0f ns (%.2f each), %.1f bytes an entry\n",
        matcher.count, load_s, lookup_ns, (double)holding / PROBES,
        (double)prefix_matcher_bytes(&matcher) / matcher.count);
    cr_expect_gt(holding, PROBES / 5);
    cr_expect_leq(lookup_ns, 2000);
    cr_expect_leq(load_s, 4);
    prefix_matcher_fini(&matcher);
    free(probes);
}
