#include "api/context/customer_json.h"
#include "shared/base/utf8.h"

/* The record that is written. */
struct stored {
    struct writer *writer;
    const struct context_field *fields;
    unsigned count;
};

static struct text value_of(const struct stored *stored, const char *head, const char *name) {
    size_t len = strlen(head);
    for (unsigned i = 0; i < stored->count; i++) {
        struct text field = stored->fields[i].name;
        if (field.len >= len && memcmp(field.at, head, len) == 0 &&
            text_is((struct text){field.at + len, field.len - len}, name))
            return stored->fields[i].value;
    }
    return TEXT_NONE;
}

static void write_name(const struct stored *stored) {
    struct text name = value_of(stored, "", "name");
    if (name.at != NULL && context_record_text_fits(name, SIGNAL_CUSTOMER_NAME_MAX * 4))
        writer_member_text(stored->writer, "name", name);
}

static void write_tier(const struct stored *stored) {
    int tier = vocabulary_find(&vocabulary_tier, value_of(stored, "", "tier"));
    writer_member_string(stored->writer, "tier",
                         vocabulary_word(&vocabulary_tier, tier < 0 ? TIER_STANDARD : tier));
}

static bool number_of(struct text value, unsigned long long max, unsigned long long *number) {
    return value.at != NULL && text_to_unsigned(value, max, number) && *number > 0;
}

static void write_number(const struct stored *stored, const char *name, unsigned long long max) {
    unsigned long long number;
    if (number_of(value_of(stored, "", name), max, &number))
        writer_member_signed(stored->writer, name, (int64_t)number);
}

/* Opens the member's object with its first part. */
static void open_once(const struct stored *stored, const char *member, bool *open) {
    if (!*open) {
        writer_key(stored->writer, member);
        writer_open_object(stored->writer);
    }
    *open = true;
}

static void write_numbers(const struct stored *stored, const char *member, const char *head,
                          const struct vocabulary *words, unsigned long long max) {
    bool open = false;
    for (int word = 0; word < words->count; word++) {
        unsigned long long number;
        if (!number_of(value_of(stored, head, vocabulary_word(words, word)), max, &number))
            continue;
        open_once(stored, member, &open);
        writer_member_signed(stored->writer, vocabulary_word(words, word), (int64_t)number);
    }
    if (open)
        writer_close_object(stored->writer);
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

static struct text trimmed(struct text text) {
    while (text.len > 0 && is_blank(text.at[0]))
        text = (struct text){text.at + 1, text.len - 1};
    while (text.len > 0 && is_blank(text.at[text.len - 1]))
        text.len--;
    return text;
}

static bool is_prefix(struct text part) {
    struct prefix prefix;
    return prefix_parse(part, &prefix) == NULL;
}

static bool is_pattern(struct text part) {
    return context_record_text_fits(part, CUSTOMER_PATTERN_MAX);
}

static bool is_contact(struct text part) {
    return context_record_text_fits(part, CUSTOMER_CONTACT_MAX);
}

static void write_parts(const struct stored *stored, const char *key, struct text rest,
                        const char *separators, bool (*is_good)(struct text part)) {
    struct text part;
    writer_key(stored->writer, key);
    writer_open_array(stored->writer);
    while (context_record_next_part(&rest, separators, &part))
        if (is_good(trimmed(part)))
            writer_text(stored->writer, trimmed(part));
    writer_close_array(stored->writer);
}

static void write_contacts(const struct stored *stored) {
    bool open = false;
    for (int level = 0; level < ESCALATION_LEVEL_COUNT; level++) {
        const char *word = vocabulary_word(&vocabulary_escalation_level, level);
        struct text contacts = value_of(stored, "contacts:", word);
        if (contacts.at == NULL)
            continue;
        open_once(stored, "contacts", &open);
        write_parts(stored, word, contacts, " \t\r\n", is_contact);
    }
    if (open)
        writer_close_object(stored->writer);
}

void customer_json_write(struct writer *writer, struct text id, const struct context_field *fields,
                         unsigned count) {
    struct stored stored = {writer, fields, count};
    struct text allowlist = value_of(&stored, "", "allowlist"),
                patterns = value_of(&stored, "", "allowlist_user_agents");
    writer_open_object(writer);
    writer_member_text(writer, "id", id);
    write_name(&stored);
    write_tier(&stored);
    write_number(&stored, "requests_per_minute", SIGNAL_REQUEST_COUNT_MAX);
    write_numbers(&stored, "limits", "limit:", &vocabulary_threat_type, SIGNAL_REQUEST_COUNT_MAX);
    writer_member_bool(writer, "auto_block", text_is(value_of(&stored, "", "auto_block"), "1"));
    if (allowlist.at != NULL)
        write_parts(&stored, "allowlist", allowlist, " \t\r\n", is_prefix);
    if (patterns.at != NULL)
        write_parts(&stored, "allowlist_user_agents", patterns, "\n", is_pattern);
    write_contacts(&stored);
    write_numbers(&stored, "sla_minutes", "sla:", &vocabulary_severity, CUSTOMER_SLA_MINUTES_MAX);
    write_number(&stored, "retention_days", CUSTOMER_RETENTION_DAYS_MAX);
    writer_close_object(writer);
}

unsigned customer_fields_of_reply(const redisReply *reply,
                                  struct context_field fields[CUSTOMER_HASH_FIELDS_MAX]) {
    unsigned count = 0;
    for (size_t i = 0;
         reply_is_array(reply, 2) && i + 1 < reply->elements && count < CUSTOMER_HASH_FIELDS_MAX; i += 2)
        fields[count++] =
            (struct context_field){reply_text(reply->element[i]), reply_text(reply->element[i + 1])};
    return count;
}
