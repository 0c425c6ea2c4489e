#include "api/context/infra_json.h"

#include "shared/base/rfc3339.h"
#include "shared/context/customer_records.h"
#include "shared/model/json_scan.h"

enum { TIME_TEXT_MAX = 64 };

static const int64_t no_time = INT64_MIN;

bool infra_id_fits(struct text id) {
    for (size_t i = 0; i < id.len; i++) {
        char c = id.at[i];
        bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!alnum && c != '.' && c != '_' && c != '-' && c != ':')
            return false;
    }
    return id.len > 0 && id.len <= INFRA_ID_MAX;
}

static struct infra_record *record_of(struct json_scan *scan) {
    return scan->into;
}

static void read_id(struct json_scan *scan, const struct text *name) {
    struct text id;
    if (!scan_text(scan, name, INFRA_ID_MAX, &id))
        return;
    if (infra_id_fits(id))
        record_of(scan)->id = id;
    else
        faults_add(scan->faults, name, "must be 1 to %d characters of A-Z a-z 0-9 . _ : -", INFRA_ID_MAX);
}

static void read_kind(struct json_scan *scan, const struct text *name) {
    scan_word(scan, name, &vocabulary_infra_kind, &record_of(scan)->kind);
}

static void read_title(struct json_scan *scan, const struct text *name) {
    scan_text(scan, name, INFRA_TITLE_MAX, &record_of(scan)->title);
}

static void read_time(struct json_scan *scan, const struct text *name, int64_t *ms) {
    struct text written;
    if (scan_text(scan, name, TIME_TEXT_MAX, &written) && !rfc3339_parse(written, ms))
        faults_add(scan->faults, name, "must be a time of RFC 3339, like 2026-11-21T03:34:54Z");
}

static void read_starts_at(struct json_scan *scan, const struct text *name) {
    read_time(scan, name, &record_of(scan)->starts_at_ms);
}

static void read_ends_at(struct json_scan *scan, const struct text *name) {
    read_time(scan, name, &record_of(scan)->ends_at_ms);
}

static void read_customer_id(struct json_scan *scan, const struct text *name) {
    struct text id;
    if (!scan_text(scan, name, SIGNAL_CUSTOMER_ID_MAX, &id))
        return;
    if (customer_record_id_fits(id))
        record_of(scan)->customer_id = id;
    else
        faults_add(scan->faults, name, "must be 1 to %d characters of A-Z a-z 0-9 . _ -",
                   SIGNAL_CUSTOMER_ID_MAX);
}

static const struct scan_member members[] = {
    {"id", false, read_id},
    {"kind", true, read_kind},
    {"title", true, read_title},
    {"starts_at", true, read_starts_at},
    {"ends_at", false, read_ends_at},
    {"customer_id", false, read_customer_id},
    {NULL, false, NULL},
};

static void read_event(struct json_scan *scan, struct infra_record *record) {
    static const struct text ends_at = {"ends_at", 7};
    *record = (struct infra_record){.starts_at_ms = no_time, .ends_at_ms = no_time};
    scan->into = record;
    scan_object(scan, members, "an infra event");
    if (record->ends_at_ms == no_time)
        record->ends_at_ms = record->starts_at_ms;
    else if (record->starts_at_ms != no_time && record->ends_at_ms < record->starts_at_ms)
        faults_add(scan->faults, &ends_at, "must not lie before starts_at");
}

static void judge_id(struct json_scan *scan, const struct infra_records *records) {
    static const struct text name = {"id", 2};
    struct text id = records->rows[records->count].id;
    for (unsigned i = 0; id.at != NULL && i < records->count; i++)
        if (text_equal(records->rows[i].id, id)) {
            faults_add(scan->faults, &name, "is the id of event %u too", i);
            return;
        }
}

static void read_array(struct json_scan *scan, struct infra_records *records) {
    records->array = true;
    if (!scan_enter_array(scan, NULL))
        return;
    while (reader_next_element(&scan->reader)) {
        if (records->count == INFRA_EVENTS_MAX) {
            records->too_many = true;
            return;
        }
        unsigned before = scan->faults->count;
        struct text index = scan_index(scan, records->count);
        read_event(scan, &records->rows[records->count]);
        judge_id(scan, records);
        scan_leave(scan, &index, before);
        records->count++;
    }
}

static void give_ids(struct infra_records *records, struct uuid_source *ids, int64_t now_ms,
                     struct arena *arena) {
    for (unsigned i = 0; i < records->count; i++) {
        if (records->rows[i].id.at != NULL)
            continue;
        struct uuid id = uuid_next(ids, now_ms);
        char *at = arena_take(arena, UUID_LENGTH);
        uuid_write(&id, at);
        records->rows[i].id = (struct text){at, UUID_LENGTH};
    }
}

bool infra_json_read(struct text json, struct uuid_source *ids, int64_t now_ms, struct arena *arena,
                     struct infra_records *records, struct faults *faults) {
    struct json_scan scan;
    *records = (struct infra_records){.rows = arena_take(arena, INFRA_EVENTS_MAX * sizeof(*records->rows))};
    scan_init(&scan, json, arena, faults, NULL);
    if (reader_kind(&scan.reader) == VALUE_ARRAY) {
        read_array(&scan, records);
        if (records->count == 0 && scan.reader.fault == READER_FINE)
            faults_add(faults, NULL, "holds no event");
    } else {
        read_event(&scan, &records->rows[0]);
        records->count = 1;
    }
    if (records->too_many || !scan_finish(&scan))
        return false;
    give_ids(records, ids, now_ms, arena);
    return true;
}

bool infra_json_read_stored(struct text id, struct text json, struct arena *arena,
                            struct infra_record *record) {
    struct json_scan scan;
    struct faults faults;
    faults_init(&faults, arena);
    scan_init(&scan, json, arena, &faults, NULL);
    read_event(&scan, record);
    record->id = id;
    return scan_finish(&scan) && context_record_text_fits(id, INFRA_ID_MAX);
}

void infra_json_write(struct writer *writer, const struct infra_record *record, bool with_id) {
    writer_open_object(writer);
    if (with_id)
        writer_member_text(writer, "id", record->id);
    writer_member_string(writer, "kind", vocabulary_word(&vocabulary_infra_kind, record->kind));
    writer_member_text(writer, "title", record->title);
    writer_member_time(writer, "starts_at", record->starts_at_ms);
    writer_member_time(writer, "ends_at", record->ends_at_ms);
    if (record->customer_id.at != NULL)
        writer_member_text(writer, "customer_id", record->customer_id);
    writer_close_object(writer);
}
