/* A customer's record from JSON to the hash and back; what the API takes, workers read without complaint. */
#include <criterion/criterion.h>

#include "api/context/customer_json.h"

static const char whole[] =
    "{\"id\":\"acme\",\"name\":\"Acme \xc3\xa4\",\"tier\":\"premium\",\"requests_per_minute\":5,"
    "\"limits\":{\"brute_force\":20},\"auto_block\":true,\"allowlist\":[\"10.0.0.0/8\",\"::1\"],"
    "\"allowlist_user_agents\":[\"a b*\",\"c\"],\"contacts\":{\"soc-tier-1\":[\"x@y\",\"z\"],"
    "\"incident-manager\":[\"m\"]},\"sla_minutes\":{\"low\":7,\"critical\":5},\"retention_days\":30}";

static struct arena arena;
static struct faults faults;
static struct customer_fields fields;

static bool read(const char *json) {
    arena_reset(&arena);
    faults_init(&faults, &arena);
    return customer_json_read(text_of(json), TEXT_LITERAL("acme"), &arena, &fields, &faults);
}

static void complain(void *arg, const char *record, struct text name, const char *why) {
    (void)record;
    (void)name;
    cr_expect_fail("%s", why);
    ++*(unsigned *)arg;
}

Test(customer_json, goes_to_the_hash_and_back, .timeout = 10) {
    struct buffer out = BUFFER_EMPTY;
    struct writer writer;
    cr_assert(read(whole));
    writer_init(&writer, &out);
    customer_json_write(&writer, TEXT_LITERAL("acme"), fields.rows, fields.count);
    buffer_append_char(&out, '\0');
    cr_expect_str_eq(out.at, whole);
    buffer_fini(&out);
    arena_fini(&arena);
}

Test(customer_json, workers_read_what_was_taken, .timeout = 10) {
    unsigned complaints = 0;
    struct complainer to = {complain, &complaints};
    cr_assert(read(whole));
    struct customer_record *record =
        customer_record_read(&to, TEXT_LITERAL("acme"), fields.rows, fields.count);
    cr_assert_not_null(record);
    cr_expect_eq(complaints, 0);
    cr_expect_eq(record->tier, TIER_PREMIUM);
    cr_expect_eq(record->limits[THREAT_BRUTE_FORCE], 20);
    cr_expect_eq(record->retention_days, 30);
    cr_expect_eq(record->allowlist.count, 2);
    cr_expect_eq(record->pattern_count, 2);
    cr_expect(text_is(record->contacts[ESCALATION_SOC_TIER_1], "x@y z"));
    customer_record_unref(record);
    arena_fini(&arena);
}

Test(customer_json, an_empty_record_still_has_fields, .timeout = 10) {
    cr_assert(read("{}"));
    cr_assert_eq(fields.count, 2);
    cr_expect(text_is(fields.rows[0].value, "standard"));
    cr_expect(text_is(fields.rows[1].value, "0"));
    arena_fini(&arena);
}

Test(customer_json, faults_are_pointed_at, .timeout = 10) {
    static const char *const rows[][2] = {
        {"{\"tier\":\"gold\"}", "/tier"},
        {"{\"limits\":{\"x\":1}}", "/limits/x"},
        {"{\"limits\":{\"brute_force\":1,\"brute_force\":2}}", "/limits/brute_force"},
        {"{\"contacts\":{\"soc-tier-1\":[\"ok\",\"a b\"]}}", "/contacts/soc-tier-1/1"},
        {"{\"allowlist\":[{}]}", "/allowlist/0"},
        {"{\"tier\":\"premium\",\"tier\":\"premium\"}", "/tier"},
        {"{\"a/b\":1}", "/a~1b"},
        {"7", ""},
        {"{\"name\":\"x\"", ""},
        {"", ""},
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cr_expect_not(read(rows[i][0]), "%s", rows[i][0]);
        cr_assert_eq(faults.count, 1, "%s", rows[i][0]);
        cr_expect(text_is(faults.rows[0].pointer, rows[i][1]), "%s", rows[i][0]);
    }
    arena_fini(&arena);
}
