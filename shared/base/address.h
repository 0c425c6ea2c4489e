/* An IP address of either family in 16 bytes. IPv4 is kept IPv4-mapped (::ffff:a.b.c.d, RFC 4291 section
 * 2.5.5.2), so a mapped address in the input is the IPv4 address it embeds. */
#ifndef SOC_BASE_ADDRESS_H
#define SOC_BASE_ADDRESS_H

#include <stdint.h>

#include "shared/base/text.h"

enum { ADDRESS_TEXT_MAX = 45 };

struct address {
    uint8_t bytes[16];
};

/* Strict: no zone, no port, no leading zeros in IPv4, no blank. */
bool address_parse(struct text text, struct address *address);

/* RFC 5952 text, dotted for IPv4; no NUL. Returns the length, at most ADDRESS_TEXT_MAX. */
size_t address_write(const struct address *address, char *out);

bool address_is_ipv4(const struct address *address);

static inline int address_compare(const struct address *a, const struct address *b) {
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

#endif
