/* How long a look-up among many threat-intel prefixes takes: the worker's own snapshot with random entries,
 * IPv4 from /20 to /32 and one IPv6 in eight; half of the addresses asked for are certain to be listed.
 *
 *     lookup_bench [PREFIXES] */
#include "shared/base/address.h"
#include "shared/context/snapshot.h"
#include "tests/bench/bench_util.h"

enum { LOOKUPS = 1000000, ADDRESSES = 65536, FOUND_MAX = 4, ARENA_LOOKUPS = 1024 };

static uint64_t chance_state = 0x9e3779b97f4a7c15u;

static uint32_t chance(void) {
    chance_state = chance_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(chance_state >> 32);
}

static struct address random_address(bool ipv6) {
    struct address address = {{[10] = 0xff, [11] = 0xff}};
    uint32_t words[4] = {chance(), chance(), chance(), chance()};
    if (ipv6) {
        memcpy(address.bytes, words, sizeof(address.bytes));
        address.bytes[0] = 0x20;
    } else {
        memcpy(address.bytes + 12, words, 4);
    }
    return address;
}

/* A list's entry has no bits behind its prefix. */
static void clear_host_bits(struct address *address, unsigned prefix_bits) {
    for (unsigned bit = prefix_bits; bit < 128; bit++)
        address->bytes[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
}

static void add_prefix(struct snapshot_builder *builder, struct address network) {
    char cidr[ADDRESS_TEXT_MAX + 5];
    bool ipv4 = address_is_ipv4(&network);
    unsigned bits = ipv4 ? 20 + chance() % 13 : 32 + chance() % 97;
    clear_host_bits(&network, ipv4 ? 96 + bits : bits);
    size_t len = address_write(&network, cidr);
    len += (size_t)snprintf(cidr + len, sizeof(cidr) - len, "/%u", bits);
    snapshot_builder_intel_entry(builder, TEXT_LITERAL("bench"), (struct text){cidr, len}, TEXT_NONE);
}

static void complain(void *arg, const char *record, struct text name, const char *why) {
    (void)arg;
    bench_die("%s %.*s: %s", record, (int)name.len, name.at, why);
}

static struct snapshot *build(size_t prefixes, struct address *asked) {
    struct snapshot_builder *builder = snapshot_builder_new(complain, NULL);
    snapshot_builder_intel_list(
        builder, TEXT_LITERAL("bench"),
        TEXT_LITERAL("{\"category\":\"blocklist\",\"source\":\"bench\",\"score\":50}"));
    for (size_t i = 0; i < prefixes; i++) {
        struct address address = random_address(i % 8 == 0);
        if (i < ADDRESSES / 2)
            asked[2 * i] = address;
        add_prefix(builder, address);
    }
    struct snapshot *snapshot = snapshot_build(builder);
    snapshot_builder_free(builder);
    return snapshot;
}

int main(int argc, char **argv) {
    size_t prefixes = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000, found = 0;
    static struct address asked[ADDRESSES];
    for (size_t i = 0; i < ADDRESSES; i++)
        asked[i] = random_address(i % 8 == 0);
    int64_t begin_ns = clock_monotonic_ns();
    struct snapshot *snapshot = build(prefixes, asked);
    int64_t built_ns = clock_monotonic_ns();
    struct intel_fact facts[FOUND_MAX];
    struct arena arena = ARENA_EMPTY;
    for (size_t i = 0; i < LOOKUPS; i++) {
        found += snapshot_lookup(snapshot, &asked[i % ADDRESSES], &arena, facts, FOUND_MAX) > 0;
        if (i % ARENA_LOOKUPS == 0)
            arena_reset(&arena);
    }
    int64_t done_ns = clock_monotonic_ns();
    struct snapshot_size size = snapshot_size(snapshot);
    printf("{\"prefixes\":%zu,\"build_seconds\":%.3f,\"bytes\":%zu,\"found\":%zu,\"lookup_ns\":%.1f}\n",
           size.intel_entries, bench_seconds(built_ns - begin_ns), size.bytes, found,
           (double)(done_ns - built_ns) / LOOKUPS);
    arena_fini(&arena);
    snapshot_free(snapshot);
    return 0;
}
