/* One customer's record: immutable once read, shared between the snapshots that hold it. */
#ifndef SOC_CONTEXT_CUSTOMER_RECORDS_H
#define SOC_CONTEXT_CUSTOMER_RECORDS_H

#include <stdatomic.h>

#include "shared/context/context_record.h"
#include "shared/context/prefix_matcher.h"

/* What one record may hold; the API refuses more, workers leave it out. */
enum {
    CUSTOMER_CONTACTS_MAX = 4,  /* of one level */
    CUSTOMER_CONTACT_MAX = 128, /* bytes */
    CUSTOMER_ALLOWLIST_MAX = 4096,
    CUSTOMER_PATTERNS_MAX = 256,
    CUSTOMER_PATTERN_MAX = SIGNAL_USER_AGENT_MAX,
    CUSTOMER_SLA_MINUTES_MAX = 365 * 24 * 60,
    CUSTOMER_RETENTION_DAYS_MAX = 3650
};

/* A user-agent pattern; `lowered` is what wildcard_matches takes. */
struct agent_pattern {
    struct text written;
    struct text lowered;
};

struct customer_record {
    atomic_uint refs;
    struct text id;
    enum tier tier;
    bool auto_block;
    int64_t requests_per_minute;       /* 0: not in the record */
    int64_t limits[THREAT_TYPE_COUNT]; /* requests a minute; 0: not in the record */
    int64_t sla_minutes[SEVERITY_CRITICAL + 1];
    struct text contacts[ESCALATION_LEVEL_COUNT]; /* one blank between; at == NULL: none */
    int64_t retention_days;                       /* 0: not in the record */
    struct prefix_matcher allowlist;
    struct agent_pattern *patterns;
    unsigned pattern_count;
    char *bytes; /* what the texts point into */
    size_t bytes_used, bytes_room;
};

/* 1 to 64 of A-Z a-z 0-9 . _ - */
bool customer_record_id_fits(struct text id);

/* A record with one reference; NULL, after a complaint, when the id or the number of fields is out of bounds.
 * A field that is wrong is complained about and left out. */
struct customer_record *customer_record_read(const struct complainer *to, struct text id,
                                             const struct context_field *fields, unsigned count);
struct customer_record *customer_record_ref(struct customer_record *record);
void customer_record_unref(struct customer_record *record);
size_t customer_record_bytes(const struct customer_record *record);

/* For customer_fields.c: reads one field into the record; copies text into the record's bytes. */
void customer_record_read_field(const struct context_record *at, struct customer_record *record,
                                const struct context_field *field);
char *customer_record_keep(struct customer_record *record, struct text text);

/* customer_facts.c. What the record (NULL: an unknown customer) says about this signal. */
void customer_record_fill(const struct customer_record *record, const struct signal *signal,
                          struct arena *arena, struct customer_facts *facts);

#endif
