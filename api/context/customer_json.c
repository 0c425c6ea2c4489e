#include "api/context/customer_json.h"

#include <stdlib.h>

#include "shared/base/utf8.h"
#include "shared/model/json_scan.h"

/* What the readers fill. */
struct customer_scan {
    struct text id;
    struct customer_fields *fields;
};

static void put(struct json_scan *scan, struct text name, struct text value) {
    struct customer_fields *fields = ((struct customer_scan *)scan->into)->fields;
    if (fields->count == CUSTOMER_FIELDS_MAX)
        abort();
    fields->rows[fields->count++] = (struct context_field){name, value};
}

static void put_number(struct json_scan *scan, struct text name, int64_t value) {
    put(scan, name, arena_printf(scan->arena, "%lld", (long long)value));
}

static void read_id(struct json_scan *scan, const struct text *name) {
    struct text id;
    if (scan_text(scan, name, SIGNAL_CUSTOMER_ID_MAX, &id) &&
        !text_equal(id, ((struct customer_scan *)scan->into)->id))
        faults_add(scan->faults, name, "must be the id of the path");
}

static void read_name(struct json_scan *scan, const struct text *name) {
    struct text value;
    if (!scan_text(scan, name, SIGNAL_CUSTOMER_NAME_MAX * 4, &value))
        return;
    if (utf8_count(value) > SIGNAL_CUSTOMER_NAME_MAX)
        faults_add(scan->faults, name, "must be 1 to %d characters", SIGNAL_CUSTOMER_NAME_MAX);
    else
        put(scan, *name, value);
}

static void read_tier(struct json_scan *scan, const struct text *name) {
    int tier;
    if (scan_word(scan, name, &vocabulary_tier, &tier))
        put(scan, *name, text_of(vocabulary_word(&vocabulary_tier, tier)));
}

static void read_requests_per_minute(struct json_scan *scan, const struct text *name) {
    int64_t value;
    if (scan_integer(scan, name, 1, SIGNAL_REQUEST_COUNT_MAX, &value))
        put_number(scan, *name, value);
}

static void read_retention_days(struct json_scan *scan, const struct text *name) {
    int64_t value;
    if (scan_integer(scan, name, 1, CUSTOMER_RETENTION_DAYS_MAX, &value))
        put_number(scan, *name, value);
}

static void read_auto_block(struct json_scan *scan, const struct text *name) {
    bool value;
    if (scan_bool(scan, name, &value))
        put(scan, *name, text_of(value ? "1" : "0"));
}

/* --- objects keyed by a vocabulary: a hash field for each member --- */

struct family {
    const char *head; /* of the hash fields */
    const struct vocabulary *words;
    int word_count;
    void (*read)(struct json_scan *scan, const struct text *member, struct text field);
};

static void read_family_member(struct json_scan *scan, const struct family *family, const struct text *member,
                               unsigned *seen) {
    int word = vocabulary_find(family->words, *member);
    if (word >= 0 && word < family->word_count && (*seen & 1u << word) == 0) {
        *seen |= 1u << word;
        family->read(scan, member,
                     arena_printf(scan->arena, "%s%s", family->head, vocabulary_word(family->words, word)));
        return;
    }
    if (word >= 0 && word < family->word_count)
        faults_add(scan->faults, member, "is there twice");
    else
        faults_add(scan->faults, member, "is not one of the words of %s", family->words->name);
    reader_skip(&scan->reader, READER_DEPTH_MAX, NULL);
}

static void read_family(struct json_scan *scan, const struct text *name, const struct family *family) {
    struct text member;
    unsigned seen = 0, before = scan->faults->count;
    if (!scan_enter_object(scan, name))
        return;
    while (reader_next_member(&scan->reader, scan->arena, &member))
        read_family_member(scan, family, &member, &seen);
    scan_leave(scan, name, before);
}

static void read_limit(struct json_scan *scan, const struct text *member, struct text field) {
    int64_t value;
    if (scan_integer(scan, member, 1, SIGNAL_REQUEST_COUNT_MAX, &value))
        put_number(scan, field, value);
}

static void read_sla(struct json_scan *scan, const struct text *member, struct text field) {
    int64_t value;
    if (scan_integer(scan, member, 1, CUSTOMER_SLA_MINUTES_MAX, &value))
        put_number(scan, field, value);
}

static const struct family limits = {"limit:", &vocabulary_threat_type, THREAT_TYPE_COUNT, read_limit};
static const struct family sla = {"sla:", &vocabulary_severity, SEVERITY_NONE, read_sla};

static void read_limits(struct json_scan *scan, const struct text *name) {
    read_family(scan, name, &limits);
}

static void read_sla_minutes(struct json_scan *scan, const struct text *name) {
    read_family(scan, name, &sla);
}

/* --- arrays of texts: one hash field, a separator between --- */

struct text_array {
    unsigned count_max;
    size_t each_max;
    char separator;
    const char *(*judge)(struct text part); /* NULL: fine, else what is wrong */
};

static void add_part(struct json_scan *scan, const struct text_array *array, struct text part,
                     const struct text *name, struct buffer *joined) {
    const char *why = array->judge(part);
    if (why != NULL) {
        faults_add(scan->faults, name, "%s", why);
        return;
    }
    if (joined->len > 0)
        buffer_append_char(joined, array->separator);
    buffer_append_text(joined, part);
}

static void read_text_array(struct json_scan *scan, const struct text *name, const struct text_array *array,
                            struct text field) {
    struct buffer joined = BUFFER_EMPTY;
    unsigned count = 0, before = scan->faults->count;
    if (!scan_enter_array(scan, name))
        return;
    while (reader_next_element(&scan->reader)) {
        struct text index = scan_index(scan, count++), part;
        if (scan_text(scan, &index, array->each_max, &part))
            add_part(scan, array, part, &index, &joined);
    }
    scan_leave(scan, name, before);
    if (count > array->count_max)
        faults_add(scan->faults, name, "must have at most %u elements", array->count_max);
    else if (joined.len > CONTEXT_VALUE_MAX)
        faults_add(scan->faults, name, "must have at most %d bytes in all", CONTEXT_VALUE_MAX);
    else if (joined.len > 0)
        put(scan, field, arena_copy(scan->arena, buffer_text(&joined)));
    buffer_fini(&joined);
}

static const char *judge_prefix(struct text part) {
    struct prefix prefix;
    return prefix_parse(part, &prefix);
}

static const char *judge_pattern(struct text part) {
    return part.at[0] == ' ' || part.at[part.len - 1] == ' ' ? "must not begin or end with a blank" : NULL;
}

static const char *judge_contact(struct text part) {
    return memchr(part.at, ' ', part.len) != NULL ? "must not contain a blank" : NULL;
}

static void read_allowlist(struct json_scan *scan, const struct text *name) {
    static const struct text_array array = {CUSTOMER_ALLOWLIST_MAX, PREFIX_TEXT_MAX + 8, ' ', judge_prefix};
    read_text_array(scan, name, &array, *name);
}

static void read_patterns(struct json_scan *scan, const struct text *name) {
    static const struct text_array array = {CUSTOMER_PATTERNS_MAX, CUSTOMER_PATTERN_MAX, '\n', judge_pattern};
    read_text_array(scan, name, &array, *name);
}

static void read_contacts_of_level(struct json_scan *scan, const struct text *member, struct text field) {
    static const struct text_array array = {CUSTOMER_CONTACTS_MAX, CUSTOMER_CONTACT_MAX, ' ', judge_contact};
    read_text_array(scan, member, &array, field);
}

static const struct family contacts = {"contacts:", &vocabulary_escalation_level, ESCALATION_LEVEL_COUNT,
                                       read_contacts_of_level};

static void read_contacts(struct json_scan *scan, const struct text *name) {
    read_family(scan, name, &contacts);
}

static const struct scan_member members[] = {
    {"id", false, read_id},
    {"name", false, read_name},
    {"tier", false, read_tier},
    {"requests_per_minute", false, read_requests_per_minute},
    {"limits", false, read_limits},
    {"auto_block", false, read_auto_block},
    {"allowlist", false, read_allowlist},
    {"allowlist_user_agents", false, read_patterns},
    {"contacts", false, read_contacts},
    {"sla_minutes", false, read_sla_minutes},
    {"retention_days", false, read_retention_days},
    {NULL, false, NULL},
};

static const struct text *find_field(const struct context_field *fields, unsigned count, struct text name) {
    for (unsigned i = 0; i < count; i++)
        if (text_equal(fields[i].name, name))
            return &fields[i].value;
    return NULL;
}

/* A hash without fields is none: tier and auto_block always stand in it. */
static void fill_in(struct json_scan *scan) {
    const struct customer_fields *fields = ((struct customer_scan *)scan->into)->fields;
    if (find_field(fields->rows, fields->count, TEXT_LITERAL("tier")) == NULL)
        put(scan, TEXT_LITERAL("tier"), text_of(vocabulary_word(&vocabulary_tier, TIER_STANDARD)));
    if (find_field(fields->rows, fields->count, TEXT_LITERAL("auto_block")) == NULL)
        put(scan, TEXT_LITERAL("auto_block"), TEXT_LITERAL("0"));
}

bool customer_json_read(struct text json, struct text id, struct arena *arena, struct customer_fields *fields,
                        struct faults *faults) {
    struct customer_scan into = {id, fields};
    struct json_scan scan;
    fields->count = 0;
    scan_init(&scan, json, arena, faults, &into);
    scan_object(&scan, members, "a customer record");
    if (!scan_finish(&scan))
        return false;
    fill_in(&scan);
    return true;
}
