#include "shared/base/uuid.h"

#include <stdlib.h>
#include <sys/random.h>

enum { COUNTER_BITS = 12, COUNTER_MAX = (1 << COUNTER_BITS) - 1 };

void uuid_source_init(struct uuid_source *source) {
    *source = (struct uuid_source){0};
    if (getrandom(source->state, sizeof(source->state), 0) != sizeof(source->state))
        abort();
    source->state[0] |= 1;
}

static uint64_t next_random(struct uuid_source *source) {
    uint64_t a = source->state[0], b = source->state[1];
    source->state[0] = b;
    a ^= a << 23;
    source->state[1] = a ^ b ^ (a >> 17) ^ (b >> 26);
    return source->state[1] + b;
}

struct uuid uuid_next(struct uuid_source *source, int64_t now_ms) {
    uint64_t random = next_random(source);
    if (now_ms > source->last_ms) {
        source->last_ms = now_ms;
        source->counter = (uint32_t)(next_random(source) & (COUNTER_MAX >> 1));
    } else if (++source->counter > COUNTER_MAX) {
        source->last_ms++;
        source->counter = 0;
    }
    uint64_t ms = (uint64_t)source->last_ms;
    struct uuid uuid;
    for (int i = 0; i < 6; i++)
        uuid.bytes[i] = (uint8_t)(ms >> (40 - 8 * i));
    uuid.bytes[6] = (uint8_t)(0x70 | (source->counter >> 8));
    uuid.bytes[7] = (uint8_t)source->counter;
    memcpy(uuid.bytes + 8, &random, 8);
    uuid.bytes[8] = (uint8_t)(0x80 | (uuid.bytes[8] & 0x3f));
    return uuid;
}

void uuid_write(const struct uuid *uuid, char *out) {
    static const char hex[] = "0123456789abcdef";
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *out++ = '-';
        *out++ = hex[uuid->bytes[i] >> 4];
        *out++ = hex[uuid->bytes[i] & 15];
    }
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool uuid_parse(struct text text, struct uuid *uuid) {
    struct uuid parsed;
    if (text.len != UUID_LENGTH)
        return false;
    const char *at = text.at;
    for (int i = 0; i < 16; i++) {
        if ((i == 4 || i == 6 || i == 8 || i == 10) && *at++ != '-')
            return false;
        int high = hex_value(*at++), low = hex_value(*at++);
        if (high < 0 || low < 0)
            return false;
        parsed.bytes[i] = (uint8_t)(high << 4 | low);
    }
    *uuid = parsed;
    return true;
}

int64_t uuid_ms(const struct uuid *uuid) {
    int64_t ms = 0;
    for (int i = 0; i < 6; i++)
        ms = ms << 8 | uuid->bytes[i];
    return ms;
}
