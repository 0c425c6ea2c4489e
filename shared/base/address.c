#include "shared/base/address.h"

#include <arpa/inet.h>

static const uint8_t mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};

bool address_parse(struct text text, struct address *address) {
    char copy[ADDRESS_TEXT_MAX + 1];
    if (text.len == 0 || text.len > ADDRESS_TEXT_MAX || memchr(text.at, '\0', text.len) != NULL)
        return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    struct address parsed;
    if (memchr(copy, ':', text.len) != NULL) {
        if (inet_pton(AF_INET6, copy, parsed.bytes) != 1)
            return false;
    } else {
        memcpy(parsed.bytes, mapped_prefix, sizeof(mapped_prefix));
        if (inet_pton(AF_INET, copy, parsed.bytes + sizeof(mapped_prefix)) != 1)
            return false;
    }
    *address = parsed;
    return true;
}

bool address_is_ipv4(const struct address *address) {
    return memcmp(address->bytes, mapped_prefix, sizeof(mapped_prefix)) == 0;
}

static char *put_octet(char *out, unsigned value) {
    if (value >= 100)
        *out++ = (char)('0' + value / 100);
    if (value >= 10)
        *out++ = (char)('0' + value / 10 % 10);
    *out++ = (char)('0' + value % 10);
    return out;
}

size_t address_write(const struct address *address, char *out) {
    if (!address_is_ipv4(address)) {
        char copy[INET6_ADDRSTRLEN];
        inet_ntop(AF_INET6, address->bytes, copy, sizeof(copy));
        size_t len = strlen(copy);
        memcpy(out, copy, len);
        return len;
    }
    char *at = out;
    for (int i = 12; i < 16; i++) {
        if (i > 12)
            *at++ = '.';
        at = put_octet(at, address->bytes[i]);
    }
    return (size_t)(at - out);
}
