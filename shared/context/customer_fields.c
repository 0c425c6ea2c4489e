/* The fields of customer:{id}: one row and one reader each. */
#include <stdlib.h>

#include "shared/base/utf8.h"
#include "shared/context/customer_records.h"
#include "shared/context/wildcard.h"

enum { COMPLAINTS_MAX = 16 }; /* about the parts of one field; the rest is counted */

static struct text trimmed(struct text text) {
    while (text.len > 0 && strchr(" \t\r", text.at[0]) != NULL && text.at[0] != '\0')
        text = (struct text){text.at + 1, text.len - 1};
    while (text.len > 0 && text.at[text.len - 1] != '\0' && strchr(" \t\r", text.at[text.len - 1]) != NULL)
        text.len--;
    return text;
}

/* A field as the readers below see it: `about` is what follows the colon of limit:, contacts: and sla:. */
struct field_place {
    const struct context_record *at;
    struct customer_record *record;
    struct text name, about, value;
    unsigned rejected;
};

static void complain(struct field_place *field, const char *why) {
    context_record_complain(field->at, "%s: %s", context_record_quote(field->name).text, why);
}

static void complain_of_part(struct field_place *field, struct text part, const char *why) {
    struct quoted name = context_record_quote(field->name);
    if (field->rejected++ < COMPLAINTS_MAX)
        context_record_complain(field->at, "%s: %s: %s", name.text, context_record_quote(part).text, why);
}

/* Of what must not stand in a log: a user agent, a person's address. */
static void complain_of_entry(struct field_place *field, unsigned number, const char *why) {
    if (field->rejected++ < COMPLAINTS_MAX)
        context_record_complain(field->at, "%s: entry %u: %s", context_record_quote(field->name).text, number,
                                why);
}

static void tell_the_rest(const struct field_place *field) {
    if (field->rejected > COMPLAINTS_MAX)
        context_record_complain(field->at, "%s: %u more left out", context_record_quote(field->name).text,
                                field->rejected - COMPLAINTS_MAX);
}

static void read_number(struct field_place *field, unsigned long long max, int64_t *number) {
    unsigned long long value;
    if (!text_to_unsigned(field->value, max, &value) || value == 0)
        complain(field, "not a whole number above 0, or too large");
    else
        *number = (int64_t)value;
}

static void read_name(struct field_place *field) {
    if (!context_record_text_fits(field->value, SIGNAL_CUSTOMER_NAME_MAX * 4) ||
        utf8_count(field->value) > SIGNAL_CUSTOMER_NAME_MAX)
        complain(field, "not a text of 1 to 200 characters");
}

static void read_tier(struct field_place *field) {
    int tier = vocabulary_find(&vocabulary_tier, field->value);
    if (tier < 0)
        complain(field, "unknown tier");
    else
        field->record->tier = (enum tier)tier;
}

static void read_requests_per_minute(struct field_place *field) {
    read_number(field, SIGNAL_REQUEST_COUNT_MAX, &field->record->requests_per_minute);
}

static void read_limit(struct field_place *field) {
    int type = vocabulary_find(&vocabulary_threat_type, field->about);
    if (type < 0)
        complain(field, "unknown threat type");
    else
        read_number(field, SIGNAL_REQUEST_COUNT_MAX, &field->record->limits[type]);
}

static void read_sla(struct field_place *field) {
    int severity = vocabulary_find(&vocabulary_severity, field->about);
    if (severity < 0 || severity > SEVERITY_CRITICAL)
        complain(field, "unknown severity");
    else
        read_number(field, CUSTOMER_SLA_MINUTES_MAX, &field->record->sla_minutes[severity]);
}

static void read_auto_block(struct field_place *field) {
    if (!text_is(field->value, "0") && !text_is(field->value, "1"))
        complain(field, "neither 0 nor 1");
    else
        field->record->auto_block = text_is(field->value, "1");
}

static void read_retention_days(struct field_place *field) {
    read_number(field, CUSTOMER_RETENTION_DAYS_MAX, &field->record->retention_days);
}

/* Behind the level's earlier ones, a blank between: what is kept stands in a row. */
static void add_contact(struct customer_record *record, struct text *contacts, struct text contact) {
    if (contacts->at != NULL)
        customer_record_keep(record, TEXT_LITERAL(" "));
    const char *at = customer_record_keep(record, contact);
    *contacts = contacts->at == NULL ? (struct text){at, contact.len}
                                     : (struct text){contacts->at, contacts->len + 1 + contact.len};
}

static void read_contacts(struct field_place *field) {
    int level = vocabulary_find(&vocabulary_escalation_level, field->about);
    struct text rest = field->value, part, contacts = TEXT_NONE;
    unsigned count = 0, number = 0;
    if (level < 0) {
        complain(field, "unknown escalation level");
        return;
    }
    while (context_record_next_part(&rest, " \t\r\n", &part)) {
        number++;
        if (count == CUSTOMER_CONTACTS_MAX) {
            complain(field, "too many, the rest is ignored");
            break;
        }
        if (context_record_text_fits(part, CUSTOMER_CONTACT_MAX)) {
            add_contact(field->record, &contacts, part);
            count++;
        } else {
            complain_of_entry(field, number, "not a text of 1 to 128 bytes");
        }
    }
    field->record->contacts[level] = contacts;
}

static void read_allowlist(struct field_place *field) {
    struct prefix_matcher *allowlist = &field->record->allowlist;
    struct text rest = field->value, part;
    while (context_record_next_part(&rest, " \t\r\n", &part)) {
        struct prefix prefix;
        const char *why = prefix_parse(part, &prefix);
        if (allowlist->count == CUSTOMER_ALLOWLIST_MAX) {
            complain(field, "too many, the rest is ignored");
            break;
        }
        if (why == NULL)
            prefix_matcher_add(allowlist, &prefix, 0, 0);
        else
            complain_of_part(field, part, why);
    }
    prefix_matcher_seal(allowlist);
}

static void add_pattern(struct customer_record *record, struct text written) {
    unsigned count = record->pattern_count + 1;
    struct agent_pattern *patterns = reallocarray(record->patterns, count, sizeof(*patterns));
    if (patterns == NULL)
        abort();
    char *lowered = customer_record_keep(record, written);
    wildcard_lower(written, lowered);
    patterns[count - 1].lowered = (struct text){lowered, written.len};
    patterns[count - 1].written = (struct text){customer_record_keep(record, written), written.len};
    record->patterns = patterns;
    record->pattern_count = count;
}

static void read_patterns(struct field_place *field) {
    struct text rest = field->value, line;
    unsigned number = 0;
    while (context_record_next_part(&rest, "\n", &line)) {
        struct text pattern = trimmed(line);
        if (pattern.len == 0)
            continue;
        number++;
        if (field->record->pattern_count == CUSTOMER_PATTERNS_MAX) {
            complain(field, "too many, the rest is ignored");
            return;
        }
        if (context_record_text_fits(pattern, CUSTOMER_PATTERN_MAX))
            add_pattern(field->record, pattern);
        else
            complain_of_entry(field, number, "not a text of 1 to 1024 bytes");
    }
}

struct field_row {
    const char *name; /* with a colon at its end: a family of fields */
    void (*read)(struct field_place *field);
};

static const struct field_row field_rows[] = {
    {"name", read_name},
    {"tier", read_tier},
    {"requests_per_minute", read_requests_per_minute},
    {"limit:", read_limit},
    {"auto_block", read_auto_block},
    {"allowlist", read_allowlist},
    {"allowlist_user_agents", read_patterns},
    {"contacts:", read_contacts},
    {"sla:", read_sla},
    {"retention_days", read_retention_days},
};

static bool row_takes(const struct field_row *row, struct field_place *field) {
    struct text name = text_of(row->name);
    if (name.at[name.len - 1] != ':')
        return text_equal(name, field->name);
    if (field->name.len < name.len || memcmp(field->name.at, name.at, name.len) != 0)
        return false;
    field->about = (struct text){field->name.at + name.len, field->name.len - name.len};
    return true;
}

void customer_record_read_field(const struct context_record *at, struct customer_record *record,
                                const struct context_field *field) {
    struct field_place place = {at, record, field->name, TEXT_NONE, field->value, 0};
    if (field->value.len > CONTEXT_VALUE_MAX) {
        complain(&place, "too many bytes");
        return;
    }
    for (unsigned i = 0; i < sizeof(field_rows) / sizeof(field_rows[0]); i++)
        if (row_takes(&field_rows[i], &place)) {
            field_rows[i].read(&place);
            tell_the_rest(&place);
            return;
        }
    complain(&place, "unknown field, ignored");
}
