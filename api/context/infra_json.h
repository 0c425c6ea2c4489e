/* Infra events between JSON, as HTTP has it, and the fields of infra:events (shared/context/infra_events.c).
 */
#ifndef SOC_API_INFRA_JSON_H
#define SOC_API_INFRA_JSON_H

#include "shared/base/arena.h"
#include "shared/base/uuid.h"
#include "shared/json/writer.h"
#include "shared/model/fault.h"
#include "shared/model/vocabulary.h"

enum { INFRA_EVENTS_MAX = 1000, INFRA_BODY_MAX = 1024 * 1024, INFRA_ID_MAX = 128, INFRA_TITLE_MAX = 200 };

struct infra_record {
    struct text id; /* at == NULL: none told */
    int kind;
    struct text title;
    int64_t starts_at_ms, ends_at_ms;
    struct text customer_id; /* at == NULL: all customers */
};

struct infra_records {
    struct infra_record *rows; /* in the arena */
    unsigned count;
    bool array; /* the body was an array */
    bool too_many;
};

/* One event or an array of them; true when every one keeps the rules. Texts live in `arena` or in `json`.
 * Events without an id get one. */
bool infra_json_read(struct text json, struct uuid_source *ids, int64_t now_ms, struct arena *arena,
                     struct infra_records *records, struct faults *faults);

/* One event as it is stored; false when workers would leave it out. */
bool infra_json_read_stored(struct text id, struct text json, struct arena *arena,
                            struct infra_record *record);

/* 1 to 128 of A-Z a-z 0-9 . _ : - */
bool infra_id_fits(struct text id);

/* `with_id` false: as it is stored. */
void infra_json_write(struct writer *writer, const struct infra_record *record, bool with_id);

#endif
