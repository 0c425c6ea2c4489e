/* STIX 2.1 patterns as far as they name addresses: comparisons with ipv4-addr:value and ipv6-addr:value, OR
 * between them, in one observation or in several. */
#ifndef SOC_API_STIX_PATTERN_H
#define SOC_API_STIX_PATTERN_H

#include "shared/base/text.h"

enum { STIX_ADDRESSES_MAX = 256 };

struct stix_address {
    struct text written; /* borrowed from the pattern */
    bool ipv6;           /* of ipv6-addr:value */
};

/* NULL on success, else why the pattern is not read. */
const char *stix_pattern_read(struct text pattern, struct stix_address addresses[STIX_ADDRESSES_MAX],
                              unsigned *count);

#endif
