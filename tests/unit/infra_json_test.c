#include <criterion/criterion.h>

#include "api/context/infra_json.h"

static struct arena arena;
static struct faults faults;
static struct infra_records records;
static struct uuid_source ids;

static bool read(const char *json) {
    arena_reset(&arena);
    faults_init(&faults, &arena);
    return infra_json_read(text_of(json), &ids, 0, &arena, &records, &faults);
}

#define EVENT "\"kind\":\"outage\",\"title\":\"t\",\"starts_at\":\"2026-11-21T12:00:00Z\""

Test(infra_json, one_event_or_many, .timeout = 10) {
    uuid_source_init(&ids);
    cr_assert(read("{" EVENT ",\"id\":\"x\",\"customer_id\":\"acme\"}"));
    cr_expect_eq(records.count, 1);
    cr_expect_not(records.array);
    cr_expect(text_is(records.rows[0].id, "x"));
    cr_expect_eq(records.rows[0].kind, INFRA_OUTAGE);
    cr_expect_eq(records.rows[0].ends_at_ms, records.rows[0].starts_at_ms);
    cr_assert(read("[{" EVENT "},{" EVENT "}]"));
    cr_expect_eq(records.count, 2);
    cr_expect(records.array);
    cr_expect_eq(records.rows[1].id.len, UUID_LENGTH);
    cr_expect_not(text_equal(records.rows[0].id, records.rows[1].id));
    arena_fini(&arena);
}

Test(infra_json, what_is_written_is_read_again, .timeout = 10) {
    struct buffer out = BUFFER_EMPTY;
    struct writer writer;
    struct infra_record again;
    cr_assert(read("{" EVENT ",\"ends_at\":\"2026-11-21T14:00:00+01:00\"}"));
    writer_init(&writer, &out);
    infra_json_write(&writer, &records.rows[0], false);
    cr_assert(infra_json_read_stored(TEXT_LITERAL("an id"), buffer_text(&out), &arena, &again));
    cr_expect_eq(again.ends_at_ms - again.starts_at_ms, 3600 * 1000);
    cr_expect_null(again.customer_id.at);
    buffer_fini(&out);
    arena_fini(&arena);
}

Test(infra_json, faults_are_pointed_at, .timeout = 10) {
    static const char *const rows[][2] = {
        {"{" EVENT ",\"ends_at\":\"2026-11-21T11:59:59Z\"}", "/ends_at"},
        {"{" EVENT ",\"ends_at\":\"noon\"}", "/ends_at"},
        {"{\"kind\":\"outage\",\"title\":\"t\"}", "/starts_at"},
        {"[{" EVENT "},{" EVENT ",\"kind\":\"outage\"}]", "/1/kind"},
        {"[{" EVENT ",\"id\":\"x\"},{" EVENT ",\"id\":\"x\"}]", "/1/id"},
        {"[7]", "/0"},
        {"[]", ""},
        {"[{" EVENT "}", ""},
    };
    uuid_source_init(&ids);
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cr_expect_not(read(rows[i][0]), "%s", rows[i][0]);
        cr_assert_eq(faults.count, 1, "%s", rows[i][0]);
        cr_expect(text_is(faults.rows[0].pointer, rows[i][1]), "%s", rows[i][0]);
    }
    arena_fini(&arena);
}
