#include <criterion/criterion.h>
#include <criterion/logging.h>
#include <stdio.h>

#include "api/catalog/query.h"
#include "shared/base/clock.h"
#include "shared/base/rfc3339.h"
#include "tests/unit/catalog_model.h"

static void lower(char *out, const char *text) {
    for (; *text != '\0'; text++)
        *out++ = *text >= 'A' && *text <= 'Z' ? (char)(*text + 32) : *text;
    *out = '\0';
}

static bool has(struct text hay, const char *needle) {
    char copy[512], small[512];
    snprintf(copy, sizeof(copy), "%.*s", (int)hay.len, hay.at);
    lower(small, copy);
    return strstr(small, needle) != NULL;
}

static bool expected_search(const char *needle, const struct log_row *row) {
    char address[ADDRESS_TEXT_MAX];
    return has(row->customer_id, needle) || has(row->customer_name, needle) ||
           has(text_of(vocabulary_threat_type.words[row->threat_type]), needle) ||
           has((struct text){address, address_write(&row->source_ip, address)}, needle);
}

static bool expected_match(const struct query *query, const struct log_row *row) {
    char needle[QUERY_SEARCH_MAX + 1];
    snprintf(needle, sizeof(needle), "%.*s", (int)query->search_len, query->search);
    if (query->severities != 0 && !(query->severities & 1u << row->severity))
        return false;
    if (query->statuses != 0 && !(query->statuses & 1u << row->status))
        return false;
    if (query->threat_types != 0 && !(query->threat_types & 1u << row->threat_type))
        return false;
    if (query->requires_review != -1 && query->requires_review != (int)row->requires_review)
        return false;
    if (query->customer_id.at != NULL && !text_equal(query->customer_id, row->customer_id))
        return false;
    if (row->created_at_ms < query->since_ms || row->created_at_ms >= query->until_ms)
        return false;
    return needle[0] == '\0' || expected_search(needle, row);
}

static const char *const needles[] = {
    "acme",   "a",     "inc",         "traffic", "_",       "bot_t", "zür",   "東",    "nosuch",
    "1",      "0.1",   "203.0.113.7", "3.0.",    ".",       "..",    "8.8",   ":",     "::",
    "::1",    "db8",   "1::2",        "0:1::f",  "fe80",    "1:2:3", "b:c",   "c::",   "255.",
    "55.255", "2001:", "f",           "9b::a",   "5:6:7:8", ":::",   "1.2.3", "::1.2", "llc",
};

static struct query random_query(struct model *model) {
    struct query query;
    query_init(&query);
    if (model_random(model, 3) == 0)
        query.severities = (uint32_t)model_random(model, 16);
    if (model_random(model, 3) == 0)
        query.statuses = (uint32_t)model_random(model, 16);
    if (model_random(model, 3) == 0)
        query.threat_types = (uint32_t)model_random(model, 1024);
    query.requires_review = (int)model_random(model, 6) < 4 ? -1 : (int)model_random(model, 2);
    if (model_random(model, 4) == 0)
        query.customer_id = text_of(model_customers[model_random(model, 12)][0]);
    if (model_random(model, 2) == 0) {
        const char *needle = needles[model_random(model, sizeof(needles) / sizeof(needles[0]))];
        query.search_len = strlen(needle);
        memcpy(query.search, needle, query.search_len);
    }
    if (model_random(model, 4) == 0)
        query.since_ms = model->now_ms - (int64_t)model_random(model, 1000000);
    if (model_random(model, 4) == 0)
        query.until_ms = model->now_ms - (int64_t)model_random(model, 1000000);
    query.has_cursor = model_random(model, 3) == 0;
    query.cursor = model_random(model, 2) == 0
                       ? model_uuid(model, model->now_ms - (int64_t)model_random(model, 500000))
                       : model->rows[model_random(model, (uint64_t)model->count)].id;
    query.limit = 1 + (unsigned)model_random(model, model_random(model, 2) == 0 ? 20 : QUERY_LIMIT_MAX);
    return query;
}

/* The model is sorted newest first. */
static void expect_same_answer(const struct query *query, const struct catalog *catalog,
                               const struct model *model) {
    struct uuid ids[QUERY_LIMIT_MAX];
    bool more, expected_more = false;
    unsigned count = query_run(query, catalog, ids, &more), expected = 0;
    for (int i = 0; i < model->count; i++) {
        const struct log_row *row = &model->rows[i];
        bool match = expected_match(query, row);
        cr_assert_eq(match, query_matches(query, row));
        if (!match || (query->has_cursor && uuid_compare(&row->id, &query->cursor) >= 0))
            continue;
        expected_more = expected == query->limit;
        if (expected_more)
            break;
        cr_assert_lt(expected, count);
        cr_assert_eq(uuid_compare(&ids[expected], &row->id), 0);
        expected++;
    }
    cr_assert_eq(count, expected);
    cr_assert_eq(more, expected_more);
}

static unsigned ask_many(uint64_t seed, int rows, int steps, int questions) {
    struct catalog *catalog = catalog_new();
    struct model *model = model_new(seed);
    for (int i = 0; i < steps; i++) {
        struct log_row row = model_next(model, rows);
        catalog_apply(catalog, &row);
        model_apply(model, &row);
    }
    model_sort(model);
    for (int i = 0; i < questions; i++) {
        struct query query = random_query(model);
        expect_same_answer(&query, catalog, model);
    }
    unsigned count = (unsigned)model->count;
    free(model);
    catalog_free(catalog);
    return count;
}

Test(query, small_catalogs_answer_as_the_model_does, .timeout = 240) {
    for (uint64_t seed = 0; seed < 100; seed++)
        cr_assert_gt(ask_many(seed, 60, 400, 200), 0);
}

Test(query, catalogs_of_many_blocks_answer_as_the_model_does, .timeout = 240) {
    for (uint64_t seed = 500; seed < 503; seed++)
        cr_assert_gt(ask_many(seed, 2500, 12000, 400), 1000);
}

static void apply_both(struct catalog *catalog, struct model *model, struct log_row row) {
    catalog_apply(catalog, &row);
    model_apply(model, &row);
}

static void expect_same_windows(const struct catalog *catalog, struct model *model, int64_t span_ms) {
    model_sort(model);
    for (int i = 0; i < 300; i++) {
        struct query query;
        query_init(&query);
        query.since_ms = MODEL_NOW_MS + (int64_t)model_random(model, (uint64_t)span_ms);
        query.until_ms = query.since_ms + (int64_t)model_random(model, 500);
        expect_same_answer(&query, catalog, model);
    }
}

/* Rows whose created_at keeps the order of the ids, but for a few: whole blocks lie outside a narrow window.
 */
Test(query, narrow_windows_skip_no_row_that_moved, .timeout = 60) {
    enum { ROWS = 6000, STEP_MS = 10 };
    struct catalog *catalog = catalog_new();
    struct model *model = model_new(21);
    for (int i = 0; i < ROWS; i++) {
        struct log_row row = model_created(model);
        row.created_at_ms = MODEL_NOW_MS + i * STEP_MS;
        row.id = model_uuid(model, row.created_at_ms);
        apply_both(catalog, model, row);
    }
    expect_same_windows(catalog, model, ROWS * STEP_MS);
    for (int round = 0; round < 12; round++) {
        for (int i = 0; i < 10; i++) {
            struct log_row row = model->rows[model_random(model, (uint64_t)model->count)];
            row.kind = EVENT_UPDATED;
            row.created_at_ms = MODEL_NOW_MS + (int64_t)model_random(model, ROWS * STEP_MS);
            apply_both(catalog, model, row);
        }
        for (int i = 0; i < 400; i++) {
            struct uuid id = model->rows[model_random(model, (uint64_t)model->count)].id;
            apply_both(catalog, model, (struct log_row){.kind = EVENT_EXPIRED, .id = id});
        }
        expect_same_windows(catalog, model, ROWS * STEP_MS);
    }
    free(model);
    catalog_free(catalog);
}

Test(query, an_empty_catalog_answers_nothing, .timeout = 10) {
    struct catalog *catalog = catalog_new();
    struct query query;
    struct uuid ids[QUERY_LIMIT_DEFAULT];
    bool more = true;
    query_init(&query);
    query.has_cursor = true;
    cr_assert_eq(query_run(&query, catalog, ids, &more), 0);
    cr_assert_not(more);
    catalog_free(catalog);
}

Test(query, pages_follow_each_other_without_gap_or_repetition, .timeout = 30) {
    struct catalog *catalog = catalog_new();
    struct model *model = model_new(9);
    for (int i = 0; i < 4000; i++) {
        struct log_row row = model_created(model);
        catalog_apply(catalog, &row);
        model_apply(model, &row);
    }
    model_sort(model);
    struct query query;
    struct uuid ids[7];
    bool more = true;
    int seen = 0;
    query_init(&query);
    for (query.limit = 7; more; query.has_cursor = true) {
        unsigned count = query_run(&query, catalog, ids, &more);
        for (unsigned i = 0; i < count; i++, seen++)
            cr_assert_eq(uuid_compare(&ids[i], &model->rows[seen].id), 0);
        query.cursor = ids[count - 1];
    }
    cr_assert_eq(seen, model->count);
    free(model);
    catalog_free(catalog);
}

struct asked {
    struct arena arena;
    struct faults faults;
    struct query query;
};

static struct asked *ask(void) {
    struct asked *asked = calloc(1, sizeof(*asked));
    faults_init(&asked->faults, &asked->arena);
    query_init(&asked->query);
    return asked;
}

static void set(struct asked *asked, const char *name, const char *value) {
    query_set(&asked->query, text_of(name), text_of(value), &asked->faults);
}

static void ask_free(struct asked *asked) {
    arena_fini(&asked->arena);
    free(asked);
}

Test(query, takes_every_parameter, .timeout = 10) {
    struct asked *asked = ask();
    struct query *query = &asked->query;
    int64_t ms;
    set(asked, "severity", "high,critical");
    set(asked, "status", "completed");
    set(asked, "threat_type", "brute_force,bot_traffic,brute_force");
    set(asked, "requires_review", "true");
    set(asked, "customer_id", "a.B_c-9");
    set(asked, "search", "ACME Zürich");
    set(asked, "since", "2026-11-21T03:34:54.5+01:00");
    set(asked, "until", "2026-11-22T00:00:00Z");
    set(asked, "limit", "1000");
    set(asked, "cursor", "019384A1-7c3e-7abc-8def-0123456789ab");
    cr_assert_eq(asked->faults.count, 0);
    cr_assert_eq(query->severities, 1u << SEVERITY_HIGH | 1u << SEVERITY_CRITICAL);
    cr_assert_eq(query->statuses, 1u << THREAT_COMPLETED);
    cr_assert_eq(query->threat_types, 1u << THREAT_BRUTE_FORCE | 1u << THREAT_BOT_TRAFFIC);
    cr_assert_eq(query->requires_review, 1);
    cr_assert(text_is(query->customer_id, "a.B_c-9"));
    cr_assert(text_is((struct text){query->search, query->search_len}, "acme zürich"));
    cr_assert(rfc3339_parse(text_of("2026-11-21T02:34:54.500Z"), &ms));
    cr_assert_eq(query->since_ms, ms);
    cr_assert_lt(query->since_ms, query->until_ms);
    cr_assert_eq(query->limit, QUERY_LIMIT_MAX);
    cr_assert(query->has_cursor);
    ask_free(asked);
}

static const struct {
    const char *name, *value, *detail;
} bad_values[] = {
    {"severity", "", "''"},
    {"severity", "high,", "''"},
    {"severity", "high,urgent", "'urgent' is not one of low, medium, high, critical"},
    {"severity", "High", "'High'"},
    {"severity", "none", "'none'"},
    {"status", "done", "'done' is not one of pending, analyzing, completed, failed"},
    {"threat_type", "bot_traffic, brute_force", "' brute_force'"},
    {"threat_type", "a_word_that_goes_on_and_on_and_on_and_on_and_on_and_on", "anomaly_detection"},
    {"threat_type", "\xff\xfe", "not UTF-8"},
    {"requires_review", "1", "true or false"},
    {"requires_review", "", "true or false"},
    {"customer_id", "", "1 to 64"},
    {"customer_id", "a b", "1 to 64"},
    {"customer_id", "12345678901234567890123456789012345678901234567890123456789012345", "1 to 64"},
    {"search", "\xc3", "UTF-8"},
    {"since", "yesterday", "RFC 3339"},
    {"since", "", "RFC 3339"},
    {"since", "1763696000", "RFC 3339"},
    {"until", "2026-11-21T03:34:54 01:00", "RFC 3339"},
    {"until", "2026-02-30T03:34:54Z", "RFC 3339"},
    {"limit", "0", "1 to 1000"},
    {"limit", "1001", "1 to 1000"},
    {"limit", "-1", "1 to 1000"},
    {"limit", "ten", "1 to 1000"},
    {"limit", "", "1 to 1000"},
    {"limit", "99999999999999999999999", "1 to 1000"},
    {"cursor", "5", "id"},
    {"cursor", "", "id"},
    {"sort", "id", "not a parameter"},
    {"Limit", "5", "not a parameter"},
};

Test(query, names_every_fault, .timeout = 10) {
    for (size_t i = 0; i < sizeof(bad_values) / sizeof(bad_values[0]); i++) {
        struct asked *asked = ask();
        set(asked, bad_values[i].name, bad_values[i].value);
        cr_assert_eq(asked->faults.count, 1, "%s=%s", bad_values[i].name, bad_values[i].value);
        struct fault fault = asked->faults.rows[0];
        cr_assert(fault.pointer.at[0] == '/' && has(fault.pointer, bad_values[i].name + 1));
        cr_assert_not_null(
            memmem(fault.detail.at, fault.detail.len, bad_values[i].detail, strlen(bad_values[i].detail)),
            "%s=%s: %.*s", bad_values[i].name, bad_values[i].value, (int)fault.detail.len, fault.detail.at);
        ask_free(asked);
    }
}

Test(query, counts_all_faults_and_refuses_repetition, .timeout = 10) {
    struct asked *asked = ask();
    char search[QUERY_SEARCH_MAX + 2];
    memset(search, 'x', sizeof(search));
    search[sizeof(search) - 1] = '\0';
    set(asked, "severity", "a,high,b,c");
    cr_assert_eq(asked->faults.count, 3);
    set(asked, "search", search);
    cr_assert_eq(asked->faults.count, 4);
    set(asked, "limit", "5");
    set(asked, "limit", "5");
    cr_assert_eq(asked->faults.count, 5);
    cr_assert(text_is(asked->faults.rows[4].detail, "must not be repeated"));
    set(asked, "\xff", "5");
    cr_assert_eq(asked->faults.count, 6);
    cr_assert_eq(asked->faults.rows[5].pointer.len, 0);
    query_set(&asked->query, TEXT_NONE, TEXT_NONE, &asked->faults);
    query_set(&asked->query, text_of("status"), TEXT_NONE, &asked->faults);
    cr_assert_eq(asked->faults.count, 8);
    ask_free(asked);
    asked = ask();
    search[QUERY_SEARCH_MAX] = '\0';
    set(asked, "search", search);
    set(asked, "cursor", "00000000-0000-0000-0000-000000000000");
    cr_assert_eq(asked->faults.count, 0);
    ask_free(asked);
}

Test(query, a_threat_not_yet_analysed_has_no_severity, .timeout = 10) {
    struct model *model = model_new(4);
    struct log_row pending = model_created(model);
    struct query query;
    query_init(&query);
    cr_assert(query_matches(&query, &pending));
    query.severities =
        1u << SEVERITY_LOW | 1u << SEVERITY_MEDIUM | 1u << SEVERITY_HIGH | 1u << SEVERITY_CRITICAL;
    cr_assert_not(query_matches(&query, &pending));
    free(model);
}

/* One in ten comes from an IPv6 address; `customers` different ones. */
static void fill(struct catalog *catalog, struct model *model, int rows, int customers) {
    for (int i = 0; i < rows; i++) {
        char id[32], name[64];
        struct log_row row = model_analysed(model, model_created(model));
        snprintf(id, sizeof(id), "customer-%d", (int)model_random(model, (uint64_t)customers));
        snprintf(name, sizeof(name), "%s Trading and Shipping Company", id);
        row.customer_id = text_of(id);
        row.customer_name = text_of(name);
        row.created_at_ms = MODEL_NOW_MS + i * INT64_C(60);
        row.id = model_uuid(model, row.created_at_ms);
        row.threat_type = THREAT_BOT_TRAFFIC;
        bool ipv6 = model_random(model, 10) == 0;
        address_parse(text_of(ipv6 ? "2001:db8::" : "10.0.0.0"), &row.source_ip);
        for (int b = ipv6 ? 8 : 13; b < 16; b++)
            row.source_ip.bytes[b] = (uint8_t)model_random(model, 256);
        catalog_apply(catalog, &row);
    }
}

static const char *const hopeless[][3][2] = {
    {{"threat_type", "brute_force"}},
    {{"severity", "low,high"}, {"status", "pending"}, {"requires_review", "true"}},
    {{"customer_id", "nobody"}},
    {{"search", "no such customer"}},
    {{"search", "11.255.255.1"}},
    {{"search", "2001:db8:1"}},
    {{"search", "2001:db8::5:5555:5555:5555:5555"}},
    {{"search", "trading company"}, {"severity", "critical"}},
    {{"since", "2025-11-21T00:00:00Z"}, {"until", "2030-11-21T00:00:00Z"}, {"customer_id", "nobody"}},
};

static double slowest_ms(const struct catalog *catalog, size_t question) {
    struct asked *asked = ask();
    struct uuid ids[QUERY_LIMIT_DEFAULT];
    bool more;
    for (size_t i = 0; i < 3 && hopeless[question][i][0] != NULL; i++)
        set(asked, hopeless[question][i][0], hopeless[question][i][1]);
    cr_assert_eq(asked->faults.count, 0);
    int64_t best_ns = INT64_MAX;
    for (int i = 0; i < 5; i++) {
        int64_t start_ns = clock_monotonic_ns();
        unsigned count = query_run(&asked->query, catalog, ids, &more);
        int64_t spent_ns = clock_monotonic_ns() - start_ns;
        cr_assert_eq(count, 0);
        best_ns = spent_ns < best_ns ? spent_ns : best_ns;
    }
    ask_free(asked);
    return (double)best_ns / 1e6;
}

/* Sanitizers make it several times slower; what is measured is the plain build. */
#ifdef __has_feature
#define SANITIZED __has_feature(address_sanitizer)
#elif defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

static void measure(int rows, int customers, double limit_ms) {
    struct catalog *catalog = catalog_new();
    struct model *model = model_new(6);
    fill(catalog, model, rows, customers);
    for (size_t i = 0; i < sizeof(hopeless) / sizeof(hopeless[0]); i++) {
        double ms = slowest_ms(catalog, i);
        cr_log_info("%d rows, %d customers, %s=%s …: %.2f ms\n", rows, customers, hopeless[i][0][0],
                    hopeless[i][0][1], ms);
        cr_assert_leq(ms, SANITIZED ? limit_ms * 5 : limit_ms);
    }
    free(model);
    catalog_free(catalog);
}

Test(query, what_matches_nothing_is_found_out_quickly, .timeout = 120) {
    measure(100000, 1000, 5);
    measure(1000000, 1000, 40);
}

Test(query, many_customers_are_searched_quickly, .timeout = 120) {
    measure(100000, 100000, 20);
}
