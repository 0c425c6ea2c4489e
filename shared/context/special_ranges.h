/* Special-purpose addresses: IANA's IPv4 and IPv6 registries (RFC 6890, RFC 8190) and the multicast blocks.
 * None of them can be the public address of an attacker. */
#ifndef SOC_CONTEXT_SPECIAL_RANGES_H
#define SOC_CONTEXT_SPECIAL_RANGES_H

#include "shared/context/prefix.h"
#include "shared/model/facts.h"

struct special_range {
    struct prefix prefix;
    struct range_fact fact;
};

/* In no order; special_range_count rows. */
extern const struct special_range special_ranges[];
extern const unsigned special_range_count;

/* The most specific range; cidr NULL for an ordinary address. A NAT64 address (RFC 6052) is judged by the
 * IPv4 address that it embeds. */
struct range_fact special_range_find(const struct address *address);

/* True for an address of 64:ff9b::/96; then `ipv4` is the address that it embeds. */
bool special_range_unwrap(const struct address *address, struct address *ipv4);

#endif
