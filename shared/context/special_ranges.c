#include "shared/context/special_ranges.h"

#define V4(a, b, c, d, n)                                                                                    \
    { {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d}}, PREFIX_LENGTH_IPV4 + (n) }
#define V6(a, b, c, d, n)                                                                                    \
    { {{(a) >> 8, (a)&0xff, (b) >> 8, (b)&0xff, (c) >> 8, (c)&0xff, (d) >> 8, (d)&0xff}}, n }

const struct special_range special_ranges[] = {
    {V4(0, 0, 0, 0, 8), {"0.0.0.0/8", "this network", "RFC 1122"}},
    {V4(10, 0, 0, 0, 8), {"10.0.0.0/8", "private use", "RFC 1918"}},
    {V4(100, 64, 0, 0, 10), {"100.64.0.0/10", "carrier-grade NAT", "RFC 6598"}},
    {V4(127, 0, 0, 0, 8), {"127.0.0.0/8", "loopback", "RFC 1122"}},
    {V4(169, 254, 0, 0, 16), {"169.254.0.0/16", "link-local", "RFC 3927"}},
    {V4(172, 16, 0, 0, 12), {"172.16.0.0/12", "private use", "RFC 1918"}},
    {V4(192, 0, 0, 0, 24), {"192.0.0.0/24", "IETF protocol assignments", "RFC 6890"}},
    {V4(192, 0, 2, 0, 24), {"192.0.2.0/24", "documentation", "RFC 5737"}},
    {V4(192, 88, 99, 0, 24), {"192.88.99.0/24", "6to4 relay anycast, deprecated", "RFC 7526"}},
    {V4(192, 168, 0, 0, 16), {"192.168.0.0/16", "private use", "RFC 1918"}},
    {V4(198, 18, 0, 0, 15), {"198.18.0.0/15", "benchmarking", "RFC 2544"}},
    {V4(198, 51, 100, 0, 24), {"198.51.100.0/24", "documentation", "RFC 5737"}},
    {V4(203, 0, 113, 0, 24), {"203.0.113.0/24", "documentation", "RFC 5737"}},
    {V4(224, 0, 0, 0, 4), {"224.0.0.0/4", "multicast", "RFC 5771"}},
    {V4(240, 0, 0, 0, 4), {"240.0.0.0/4", "reserved", "RFC 1112"}},
    {V4(255, 255, 255, 255, 32), {"255.255.255.255/32", "limited broadcast", "RFC 919"}},
    {V6(0, 0, 0, 0, 128), {"::/128", "unspecified", "RFC 4291"}},
    {{{{[15] = 1}}, 128}, {"::1/128", "loopback", "RFC 4291"}},
    {V6(0x64, 0xff9b, 1, 0, 48), {"64:ff9b:1::/48", "local-use NAT64", "RFC 8215"}},
    {V6(0x100, 0, 0, 0, 64), {"100::/64", "discard-only", "RFC 6666"}},
    {V6(0x2001, 0, 0, 0, 23), {"2001::/23", "IETF protocol assignments", "RFC 2928"}},
    {V6(0x2001, 0, 0, 0, 32), {"2001::/32", "Teredo", "RFC 4380"}},
    {V6(0x2001, 2, 0, 0, 48), {"2001:2::/48", "benchmarking", "RFC 5180"}},
    {V6(0x2001, 0xdb8, 0, 0, 32), {"2001:db8::/32", "documentation", "RFC 3849"}},
    {V6(0x2002, 0, 0, 0, 16), {"2002::/16", "6to4", "RFC 3056"}},
    {V6(0x3fff, 0, 0, 0, 20), {"3fff::/20", "documentation", "RFC 9637"}},
    {V6(0xfc00, 0, 0, 0, 7), {"fc00::/7", "unique local", "RFC 4193"}},
    {V6(0xfe80, 0, 0, 0, 10), {"fe80::/10", "link-local", "RFC 4291"}},
    {V6(0xff00, 0, 0, 0, 8), {"ff00::/8", "multicast", "RFC 4291"}},
};

const unsigned special_range_count = sizeof(special_ranges) / sizeof(special_ranges[0]);

static const struct prefix nat64 = V6(0x64, 0xff9b, 0, 0, 96);

bool special_range_unwrap(const struct address *address, struct address *ipv4) {
    static const struct address mapped = {{[10] = 0xff, [11] = 0xff}};
    if (!prefix_holds(&nat64, address))
        return false;
    struct address embedded = mapped;
    memcpy(embedded.bytes + 12, address->bytes + 12, 4);
    *ipv4 = embedded;
    return true;
}

struct range_fact special_range_find(const struct address *address) {
    struct address judged = *address;
    special_range_unwrap(address, &judged);
    const struct special_range *best = NULL;
    for (unsigned i = 0; i < special_range_count; i++) {
        const struct special_range *range = &special_ranges[i];
        if ((best == NULL || range->prefix.length > best->prefix.length) &&
            prefix_holds(&range->prefix, &judged))
            best = range;
    }
    return best == NULL ? (struct range_fact){NULL} : best->fact;
}
