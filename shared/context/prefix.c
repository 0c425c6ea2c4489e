#include "shared/context/prefix.h"

#include <stdio.h>

static bool bits_equal(const uint8_t *a, const uint8_t *b, unsigned bits) {
    unsigned whole = bits / 8, rest = bits % 8;
    if (memcmp(a, b, whole) != 0)
        return false;
    return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

static bool host_bits_set(const struct prefix *prefix) {
    unsigned at = prefix->length / 8u;
    if (prefix->length % 8 != 0 && (uint8_t)(prefix->address.bytes[at++] << prefix->length % 8) != 0)
        return true;
    while (at < sizeof(prefix->address.bytes))
        if (prefix->address.bytes[at++] != 0)
            return true;
    return false;
}

static bool length_parse(struct text digits, unsigned max, unsigned *length) {
    unsigned long long value;
    if (digits.len > 1 && digits.at[0] == '0')
        return false;
    if (!text_to_unsigned(digits, max, &value))
        return false;
    *length = (unsigned)value;
    return true;
}

const char *prefix_parse(struct text text, struct prefix *prefix) {
    const char *slash = text.len == 0 ? NULL : memchr(text.at, '/', text.len);
    struct text left = {text.at, slash == NULL ? text.len : (size_t)(slash - text.at)};
    struct prefix read = {.length = PREFIX_LENGTH_MAX};
    if (!address_parse(left, &read.address))
        return "not an address or CIDR";
    if (slash != NULL) {
        bool dotted = memchr(left.at, ':', left.len) == NULL;
        unsigned length, before = dotted ? PREFIX_LENGTH_IPV4 : 0;
        struct text digits = {slash + 1, text.len - left.len - 1};
        if (!length_parse(digits, PREFIX_LENGTH_MAX - before, &length))
            return "bad prefix length";
        read.length = (uint8_t)(before + length);
    }
    if (host_bits_set(&read))
        return "host bits set";
    *prefix = read;
    return NULL;
}

size_t prefix_write(const struct prefix *prefix, char *out) {
    char digits[sizeof("/128")];
    bool dotted = prefix->length >= PREFIX_LENGTH_IPV4 && address_is_ipv4(&prefix->address);
    size_t len = address_write(&prefix->address, out);
    int more =
        snprintf(digits, sizeof(digits), "/%u", (prefix->length - (dotted ? PREFIX_LENGTH_IPV4 : 0u)) & 0xff);
    memcpy(out + len, digits, (size_t)more);
    return len + (size_t)more;
}

bool prefix_holds(const struct prefix *prefix, const struct address *address) {
    if (prefix->length < PREFIX_LENGTH_IPV4 && address_is_ipv4(address))
        return false;
    return bits_equal(prefix->address.bytes, address->bytes, prefix->length);
}
