/* The other bodies that HTTP brings: a customer, infra events, a past incident, a verdict; the first byte
 * says which. What is taken is written as JSON, and workers read of it what was meant. */
#include "api/context/customer_json.h"
#include "api/context/infra_json.h"
#include "api/threats/incident.h"
#include "api/threats/verdict_request.h"
#include "tests/fuzz/fuzz.h"

static const struct text customer_id = {"acme", 4};

static void complain(void *arg, const char *record, struct text name, const char *why) {
    (void)arg;
    fprintf(stderr, "%s %.*s: %s\n", record, (int)name.len, name.at, why);
    FUZZ_CHECK(!"workers complain about what the API took");
}

static void check_customer(struct text json, struct arena *arena, struct faults *faults) {
    static struct customer_fields fields, again;
    struct complainer to = {complain, NULL};
    struct buffer once = BUFFER_EMPTY, twice = BUFFER_EMPTY;
    struct writer writer;
    if (!customer_json_read(json, customer_id, arena, &fields, faults))
        return;
    struct customer_record *record = customer_record_read(&to, customer_id, fields.rows, fields.count);
    FUZZ_CHECK(record != NULL);
    customer_record_unref(record);
    writer_init(&writer, &once);
    customer_json_write(&writer, customer_id, fields.rows, fields.count);
    fuzz_check_json(buffer_text(&once));
    FUZZ_CHECK(customer_json_read(buffer_text(&once), customer_id, arena, &again, faults));
    writer_init(&writer, &twice);
    customer_json_write(&writer, customer_id, again.rows, again.count);
    FUZZ_CHECK(text_equal(buffer_text(&once), buffer_text(&twice)));
    buffer_fini(&once);
    buffer_fini(&twice);
}

static void check_infra_record(const struct infra_record *record, struct arena *arena) {
    struct buffer stored = BUFFER_EMPTY;
    struct writer writer;
    struct infra_record again;
    FUZZ_CHECK(infra_id_fits(record->id) && record->ends_at_ms >= record->starts_at_ms);
    writer_init(&writer, &stored);
    infra_json_write(&writer, record, false);
    fuzz_check_json(buffer_text(&stored));
    FUZZ_CHECK(infra_json_read_stored(record->id, buffer_text(&stored), arena, &again));
    FUZZ_CHECK(again.kind == record->kind && text_equal(again.title, record->title));
    FUZZ_CHECK(again.starts_at_ms == record->starts_at_ms && again.ends_at_ms == record->ends_at_ms);
    FUZZ_CHECK(text_equal(again.customer_id, record->customer_id));
    buffer_fini(&stored);
}

static void check_infra(struct text json, struct arena *arena, struct faults *faults) {
    static struct uuid_source ids = {.state = {1, 2}};
    struct infra_records records = {0};
    if (!infra_json_read(json, &ids, FUZZ_NOW_MS, arena, &records, faults)) {
        if (records.too_many && faults->count == 0)
            faults_add(faults, NULL, "too many");
        return;
    }
    FUZZ_CHECK(records.count <= INFRA_EVENTS_MAX);
    for (unsigned i = 0; i < records.count; i++)
        check_infra_record(&records.rows[i], arena);
}

static void check_incident(struct text json, struct arena *arena, struct faults *faults) {
    (void)arena;
    struct buffer record = BUFFER_EMPTY, rest = BUFFER_EMPTY;
    struct incident incident;
    struct history history = {0}, again;
    if (incident_read(json, FUZZ_NOW_MS, &incident, faults) != STATUS_OK)
        return;
    incident_write(&incident, &record, &rest);
    buffer_append_text(&record, buffer_text(&rest));
    fuzz_check_json(buffer_text(&record));
    buffer_clear(&record);
    history_add(&history, &incident.resolved);
    history_write(&record, &history);
    FUZZ_CHECK(history_read(buffer_text(&record), &again) && again.recent_count == 1);
    FUZZ_CHECK(strcmp(again.recent[0].id, incident.resolved.id) == 0);
    FUZZ_CHECK(again.recent[0].created_at_ms == incident.resolved.created_at_ms);
    buffer_fini(&record);
    buffer_fini(&rest);
}

static void check_verdict(struct text json, struct arena *arena, struct faults *faults) {
    (void)arena;
    struct buffer head = BUFFER_EMPTY, end = BUFFER_EMPTY;
    struct verdict_request request;
    if (verdict_request_read(json, &request, faults) != STATUS_OK)
        return;
    verdict_request_write(&request, FUZZ_NOW_MS, &head, &end);
    FUZZ_CHECK((head.len == 0) == (request.verdict == VERDICT_NONE));
    buffer_append_text(&head, buffer_text(&end));
    if (head.len > 0)
        fuzz_check_json(buffer_text(&head));
    buffer_fini(&head);
    buffer_fini(&end);
}

static void (*const checks[])(struct text json, struct arena *arena, struct faults *faults) = {
    check_customer, check_infra, check_incident, check_verdict};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena arena = ARENA_EMPTY;
    struct faults faults;
    if (size == 0)
        return 0;
    faults_init(&faults, &arena);
    size_t which = data[0] % (sizeof(checks) / sizeof(checks[0]));
    checks[which](fuzz_text(data + 1, size - 1), &arena, &faults);
    if (faults.count > 0)
        fuzz_check_faults(&faults);
    arena_fini(&arena);
    return 0;
}
