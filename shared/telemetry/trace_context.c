#include "shared/telemetry/trace_context.h"

#include <stdlib.h>
#include <sys/random.h>

#include "shared/base/hash.h"

/* version-traceid-parentid-flags: where each field begins. */
enum { TRACE_ID_AT = 3, SPAN_ID_AT = 36, FLAGS_AT = 53, FLAG_SAMPLED = 1 };
enum { RATIO_BITS = 56, RANDOM_BYTES = 7 };

static bool is_zero(const uint8_t *bytes, size_t len) {
    for (size_t i = 0; i < len; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

bool trace_is_present(const struct trace_context *context) {
    return !is_zero(context->trace_id, TRACE_ID_BYTES);
}

bool span_id_is_present(const uint8_t span_id[SPAN_ID_BYTES]) {
    return !is_zero(span_id, SPAN_ID_BYTES);
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_hex(const char *at, uint8_t *bytes, size_t len) {
    for (size_t i = 0; i < len; i++) {
        int high = hex_value(at[2 * i]), low = hex_value(at[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static void write_hex(const uint8_t *bytes, size_t len, char *out) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
}

/* A later version may have more fields behind a dash. */
static bool ends_well(struct text value, uint8_t version) {
    return value.len == TRACEPARENT_LENGTH || (version > 0 && value.at[TRACEPARENT_LENGTH] == '-');
}

bool traceparent_parse(struct text value, struct trace_context *context) {
    struct trace_context parsed;
    uint8_t version, flags;
    if (value.len < TRACEPARENT_LENGTH || value.at[TRACE_ID_AT - 1] != '-' ||
        value.at[SPAN_ID_AT - 1] != '-' || value.at[FLAGS_AT - 1] != '-')
        return false;
    if (!read_hex(value.at, &version, 1) || version == 0xff || !ends_well(value, version) ||
        !read_hex(value.at + TRACE_ID_AT, parsed.trace_id, TRACE_ID_BYTES) ||
        !read_hex(value.at + SPAN_ID_AT, parsed.span_id, SPAN_ID_BYTES) ||
        !read_hex(value.at + FLAGS_AT, &flags, 1))
        return false;
    if (!trace_is_present(&parsed) || !span_id_is_present(parsed.span_id))
        return false;
    parsed.sampled = (flags & FLAG_SAMPLED) != 0;
    *context = parsed;
    return true;
}

void traceparent_write(const struct trace_context *context, char *out) {
    memcpy(out, "00-", 3);
    write_hex(context->trace_id, TRACE_ID_BYTES, out + TRACE_ID_AT);
    out[SPAN_ID_AT - 1] = '-';
    write_hex(context->span_id, SPAN_ID_BYTES, out + SPAN_ID_AT);
    out[FLAGS_AT - 1] = '-';
    memcpy(out + FLAGS_AT, context->sampled ? "01" : "00", 2);
}

struct trace_ratio trace_ratio_of(double share) {
    return (struct trace_ratio){(uint64_t)(share * (double)((uint64_t)1 << RATIO_BITS))};
}

bool trace_ratio_holds(struct trace_ratio ratio, const struct trace_context *context) {
    uint64_t random = 0;
    for (int i = TRACE_ID_BYTES - RANDOM_BYTES; i < TRACE_ID_BYTES; i++)
        random = random << 8 | context->trace_id[i];
    return random < ratio.below;
}

void trace_of_threat(const struct uuid *threat, struct trace_context *context) {
    *context = (struct trace_context){.sampled = false};
    memcpy(context->trace_id, threat->bytes, TRACE_ID_BYTES);
}

static void put_id(uint64_t value, uint8_t *bytes) {
    value += value == 0;
    for (int i = 0; i < SPAN_ID_BYTES; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
}

void span_id_derive(const uint8_t parent[SPAN_ID_BYTES], uint64_t part, uint8_t span_id[SPAN_ID_BYTES]) {
    uint8_t seed[SPAN_ID_BYTES + sizeof(part)];
    memcpy(seed, parent, SPAN_ID_BYTES);
    memcpy(seed + SPAN_ID_BYTES, &part, sizeof(part));
    put_id(hash_bytes(seed, sizeof(seed)), span_id);
}

/* xorshift128+ (Vigna), seeded once. */
static uint64_t next_random(void) {
    static uint64_t state[2];
    if ((state[0] | state[1]) == 0) {
        if (getrandom(state, sizeof(state), 0) != sizeof(state))
            abort();
        state[0] |= 1;
    }
    uint64_t a = state[0], b = state[1];
    state[0] = b;
    a ^= a << 23;
    state[1] = a ^ b ^ (a >> 17) ^ (b >> 26);
    return state[1] + b;
}

void trace_id_random(uint8_t trace_id[TRACE_ID_BYTES]) {
    put_id(next_random(), trace_id);
    put_id(next_random(), trace_id + 8);
}

void span_id_random(uint8_t span_id[SPAN_ID_BYTES]) {
    put_id(next_random(), span_id);
}

struct text trace_id_text(const uint8_t trace_id[TRACE_ID_BYTES], char out[TRACE_ID_LENGTH]) {
    write_hex(trace_id, TRACE_ID_BYTES, out);
    return (struct text){out, TRACE_ID_LENGTH};
}

struct text span_id_text(const uint8_t span_id[SPAN_ID_BYTES], char out[SPAN_ID_LENGTH]) {
    write_hex(span_id, SPAN_ID_BYTES, out);
    return (struct text){out, SPAN_ID_LENGTH};
}
