#include "shared/redis/keys.h"

#include <stdio.h>

static const char *const fixed_names[FIXED_KEY_COUNT] = {
    [KEY_STREAM] = "threats:stream",     [KEY_LOG] = "threats:log",
    [KEY_EVENTS] = "threats:events",     [KEY_DEAD] = "threats:dead",
    [KEY_WORKERS] = "threats:workers",   [KEY_BY_CREATED] = "threats:by_created",
    [KEY_LEASE] = "threats:lease",       [KEY_CONTEXT_LOG] = "context:log",
    [KEY_INFRA_EVENTS] = "infra:events", [KEY_INTEL_LISTS] = "intel:lists",
    [KEY_INCIDENTS] = "incidents",       [KEY_COMPLETED] = "threats:completed",
    [KEY_FAILED] = "threats:failed",     [KEY_QUARANTINE] = "threats:quarantine",
    [KEY_REAPING] = "threats:reaping",   [KEY_UPKEEP] = "threats:upkeep",
    [KEY_SWEEP] = "threats:sweep",       [KEY_CUSTOMERS] = "customers",
};

static void begin(const struct keyspace *keyspace, const char *family, struct buffer *out) {
    buffer_append_string(out, keyspace->prefix);
    buffer_append_string(out, family);
}

static void begin_threat(const struct keyspace *keyspace, struct buffer *out) {
    begin(keyspace, "threat:", out);
}

/* Scripts that find ids themselves are given it. */
static void keep_threat_start(struct keyspace *keyspace) {
    struct buffer start = BUFFER_EMPTY;
    begin_threat(keyspace, &start);
    memcpy(keyspace->threat_start, start.at, start.len);
    buffer_fini(&start);
}

bool keyspace_init(struct keyspace *keyspace, const char *prefix) {
    if (strlen(prefix) > KEY_PREFIX_MAX)
        return false;
    *keyspace = (struct keyspace){0};
    snprintf(keyspace->prefix, sizeof(keyspace->prefix), "%s", prefix);
    keep_threat_start(keyspace);
    for (int i = 0; i < FIXED_KEY_COUNT; i++)
        snprintf(keyspace->fixed[i], sizeof(keyspace->fixed[i]), "%s%s", prefix, fixed_names[i]);
    return true;
}

void keyspace_threat(const struct keyspace *keyspace, const struct uuid *id, struct buffer *out) {
    begin_threat(keyspace, out);
    uuid_write(id, buffer_reserve(out, UUID_LENGTH));
    out->len += UUID_LENGTH;
}

void keyspace_customer(const struct keyspace *keyspace, struct text customer_id, struct buffer *out) {
    begin(keyspace, "customer:", out);
    buffer_append_text(out, customer_id);
}

void keyspace_intel_list(const struct keyspace *keyspace, struct text name, struct buffer *out) {
    begin(keyspace, "intel:list:", out);
    buffer_append_text(out, name);
}

void keyspace_intel_import(const struct keyspace *keyspace, const struct uuid *id, struct buffer *out) {
    begin(keyspace, "intel:import:", out);
    uuid_write(id, buffer_reserve(out, UUID_LENGTH));
    out->len += UUID_LENGTH;
}

void keyspace_idempotency(const struct keyspace *keyspace, struct text idempotency_key, struct buffer *out) {
    begin(keyspace, "threats:idempotency:", out);
    buffer_append_text(out, idempotency_key);
}

void keyspace_history_customer(const struct keyspace *keyspace, struct text customer_id,
                               enum threat_type type, struct buffer *out) {
    begin(keyspace, "history:customer:", out);
    buffer_append_text(out, customer_id);
    buffer_append_char(out, ':');
    buffer_append_string(out, vocabulary_word(&vocabulary_threat_type, (int)type));
}

void keyspace_history_address(const struct keyspace *keyspace, const struct address *address,
                              struct buffer *out) {
    begin(keyspace, "history:address:", out);
    out->len += address_write(address, buffer_reserve(out, ADDRESS_TEXT_MAX));
}

void keyspace_history_agent(const struct keyspace *keyspace, uint64_t agent_hash, struct buffer *out) {
    begin(keyspace, "history:agent:", out);
    buffer_printf(out, "%016llx", (unsigned long long)agent_hash);
}

static void begin_pattern(const struct keyspace *keyspace, struct buffer *out) {
    for (const char *at = keyspace->prefix; *at != '\0'; at++) {
        if (strchr("*?[]\\", *at) != NULL)
            buffer_append_char(out, '\\');
        buffer_append_char(out, *at);
    }
}

void keyspace_customer_pattern(const struct keyspace *keyspace, struct buffer *out) {
    begin_pattern(keyspace, out);
    buffer_append_string(out, "customer:*");
}

void keyspace_history_pattern(const struct keyspace *keyspace, struct buffer *out) {
    begin_pattern(keyspace, out);
    buffer_append_string(out, "history:*");
}
