#include "api/context/stix_pattern.h"

static const char only_addresses[] =
    "is not a comparison with ipv4-addr:value or ipv6-addr:value, or OR of such";

struct pattern_scan {
    struct text rest;
    struct stix_address *addresses;
    unsigned count;
};

static void skip_blanks(struct pattern_scan *scan) {
    while (scan->rest.len > 0 && strchr(" \t\r\n", scan->rest.at[0]) != NULL && scan->rest.at[0] != '\0')
        scan->rest = (struct text){scan->rest.at + 1, scan->rest.len - 1};
}

static bool take(struct pattern_scan *scan, const char *word) {
    size_t len = strlen(word);
    skip_blanks(scan);
    if (scan->rest.len < len || memcmp(scan->rest.at, word, len) != 0)
        return false;
    scan->rest = (struct text){scan->rest.at + len, scan->rest.len - len};
    return true;
}

static const char *take_address(struct pattern_scan *scan, bool ipv6) {
    if (!take(scan, "'"))
        return only_addresses;
    const char *close = scan->rest.len == 0 ? NULL : memchr(scan->rest.at, '\'', scan->rest.len);
    if (close == NULL)
        return "has a string that is not closed";
    if (scan->count == STIX_ADDRESSES_MAX)
        return "names more than 256 addresses";
    size_t len = (size_t)(close - scan->rest.at);
    scan->addresses[scan->count++] = (struct stix_address){{scan->rest.at, len}, ipv6};
    scan->rest = (struct text){close + 1, scan->rest.len - len - 1};
    return NULL;
}

static const char *take_set(struct pattern_scan *scan, bool ipv6) {
    if (!take(scan, "("))
        return only_addresses;
    do {
        const char *why = take_address(scan, ipv6);
        if (why != NULL)
            return why;
    } while (take(scan, ","));
    return take(scan, ")") ? NULL : only_addresses;
}

static const char *take_comparison(struct pattern_scan *scan) {
    bool ipv6 = take(scan, "ipv6-addr:value");
    if (!ipv6 && !take(scan, "ipv4-addr:value"))
        return only_addresses;
    if (take(scan, "=") || take(scan, "ISSUBSET"))
        return take_address(scan, ipv6);
    return take(scan, "IN") ? take_set(scan, ipv6) : only_addresses;
}

static const char *take_observation(struct pattern_scan *scan) {
    if (!take(scan, "["))
        return only_addresses;
    do {
        const char *why = take_comparison(scan);
        if (why != NULL)
            return why;
    } while (take(scan, "OR"));
    return take(scan, "]") ? NULL : only_addresses;
}

const char *stix_pattern_read(struct text pattern, struct stix_address addresses[STIX_ADDRESSES_MAX],
                              unsigned *count) {
    struct pattern_scan scan = {pattern, addresses, 0};
    do {
        const char *why = take_observation(&scan);
        if (why != NULL)
            return why;
    } while (take(&scan, "OR"));
    skip_blanks(&scan);
    *count = scan.count;
    return scan.rest.len == 0 ? NULL : only_addresses;
}
