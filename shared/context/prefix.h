/* A CIDR prefix of either family in 128 bits: an IPv4 prefix of length n has length 96 + n here, since its
 * address is kept IPv4-mapped (shared/base/address.h). */
#ifndef SOC_CONTEXT_PREFIX_H
#define SOC_CONTEXT_PREFIX_H

#include "shared/base/address.h"

enum { PREFIX_LENGTH_IPV4 = 96, PREFIX_LENGTH_MAX = 128, PREFIX_TEXT_MAX = ADDRESS_TEXT_MAX + 4 };

struct prefix {
    struct address address;
    uint8_t length;
};

/* Reads an address (a prefix of full length) or address/length; bits behind the length must be zero.
 * Returns NULL on success, else what is wrong. */
const char *prefix_parse(struct text text, struct prefix *prefix);

/* "10.0.0.0/8", at most PREFIX_TEXT_MAX bytes, no NUL; returns the length. */
size_t prefix_write(const struct prefix *prefix, char *out);

/* IPv4 addresses are held by IPv4 prefixes alone: ::/0 means every IPv6 address. */
bool prefix_holds(const struct prefix *prefix, const struct address *address);

#endif
