#include "shared/context/customer_records.h"

#include <stdlib.h>

enum { FIELDS_MAX = 256 };

bool customer_record_id_fits(struct text id) {
    if (id.len == 0 || id.len > SIGNAL_CUSTOMER_ID_MAX)
        return false;
    for (size_t i = 0; i < id.len; i++) {
        char c = id.at[i];
        bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!alnum && c != '.' && c != '_' && c != '-')
            return false;
    }
    return true;
}

/* Each value is kept at most twice: patterns as written and in lower case. */
static struct customer_record *record_new(struct text id, const struct context_field *fields,
                                          unsigned count) {
    struct customer_record *record = calloc(1, sizeof(*record));
    size_t room = id.len;
    for (unsigned i = 0; i < count; i++)
        room += fields[i].value.len > CONTEXT_VALUE_MAX ? 0 : 2 * fields[i].value.len;
    char *bytes = malloc(room);
    if (record == NULL || bytes == NULL)
        abort();
    atomic_init(&record->refs, 1);
    record->bytes = bytes;
    record->bytes_room = room;
    record->id = (struct text){customer_record_keep(record, id), id.len};
    return record;
}

char *customer_record_keep(struct customer_record *record, struct text text) {
    char *at = record->bytes + record->bytes_used;
    if (record->bytes_room - record->bytes_used < text.len)
        abort();
    memcpy(at, text.at, text.len);
    record->bytes_used += text.len;
    return at;
}

struct customer_record *customer_record_read(const struct complainer *to, struct text id,
                                             const struct context_field *fields, unsigned count) {
    struct context_record at = {to, "customer", id};
    if (!customer_record_id_fits(id)) {
        context_record_complain(&at, "not a customer id");
        return NULL;
    }
    if (count > FIELDS_MAX) {
        context_record_complain(&at, "%u fields are too many", count);
        return NULL;
    }
    struct customer_record *record = record_new(id, fields, count);
    for (unsigned i = 0; i < count; i++)
        customer_record_read_field(&at, record, &fields[i]);
    return record;
}

struct customer_record *customer_record_ref(struct customer_record *record) {
    atomic_fetch_add(&record->refs, 1);
    return record;
}

void customer_record_unref(struct customer_record *record) {
    if (record == NULL || atomic_fetch_sub(&record->refs, 1) != 1)
        return;
    prefix_matcher_fini(&record->allowlist);
    free(record->patterns);
    free(record->bytes);
    free(record);
}

size_t customer_record_bytes(const struct customer_record *record) {
    return sizeof(*record) + record->bytes_room + record->pattern_count * sizeof(*record->patterns) +
           prefix_matcher_bytes(&record->allowlist);
}
