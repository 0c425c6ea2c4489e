#include <criterion/criterion.h>
#include <criterion/logging.h>
#include <jansson.h>
#include <stdio.h>

#include "api/catalog/stats.h"
#include "shared/base/clock.h"
#include "tests/unit/catalog_model.h"

static void expect_row(const struct catalog *catalog, const struct log_row *expected) {
    struct log_row row;
    cr_assert(catalog_find(catalog, &expected->id, &row));
    cr_assert_eq(uuid_compare(&row.id, &expected->id), 0);
    cr_assert_eq(row.created_at_ms, expected->created_at_ms);
    cr_assert_eq(row.completed_at_ms, expected->completed_at_ms);
    cr_assert_eq(row.threat_type, expected->threat_type);
    cr_assert_eq(row.severity, expected->severity);
    cr_assert_eq(row.status, expected->status);
    cr_assert_eq(row.requires_review, expected->requires_review);
    cr_assert_eq(row.risk_score, expected->risk_score);
    cr_assert_eq(row.fp_milli, expected->fp_milli);
    cr_assert_eq(row.verdict, expected->verdict);
    cr_assert_eq(address_compare(&row.source_ip, &expected->source_ip), 0);
    cr_assert_eq(row.agent_hash, expected->agent_hash);
    cr_assert(text_equal(row.customer_id, expected->customer_id));
    cr_assert(text_equal(row.customer_name, expected->customer_name));
}

static size_t count_customers(const struct model *model) {
    size_t count = 0;
    for (int i = 0; i < model->count; i++) {
        bool seen = false;
        for (int k = 0; k < i && !seen; k++)
            seen = text_equal(model->rows[i].customer_id, model->rows[k].customer_id) &&
                   text_equal(model->rows[i].customer_name, model->rows[k].customer_name);
        count += !seen;
    }
    return count;
}

static void expect_same_rows(const struct catalog *catalog, const struct model *model) {
    cr_assert_eq(catalog_size(catalog).rows, (size_t)model->count);
    cr_assert_eq(catalog_size(catalog).customers, count_customers(model));
    for (int i = 0; i < model->count; i++)
        expect_row(catalog, &model->rows[i]);
    struct log_row row;
    if (model_find(model, &model->gone) < 0)
        cr_assert_not(catalog_find(catalog, &model->gone, &row));
}

static struct stats recount(const struct model *model) {
    struct stats stats = {.total = (uint64_t)model->count};
    for (int i = 0; i < model->count; i++) {
        const struct log_row *row = &model->rows[i];
        stats.by_severity[row->severity]++;
        stats.by_status[row->status]++;
        stats.by_type[row->threat_type]++;
        stats.verdicts[row->verdict]++;
        stats.requires_review +=
            row->status == THREAT_COMPLETED && row->requires_review && row->verdict == VERDICT_NONE;
    }
    return stats;
}

static void expect_same_minutes(const struct stats *stats, const struct model *model) {
    uint64_t sum = 0, empty = 0;
    for (uint32_t i = 0; i < stats->minute_count; i++) {
        uint32_t expected = 0;
        for (int k = 0; k < model->count; k++)
            expected += model->rows[k].created_at_ms / 60000 == stats->minutes[i].minute;
        cr_assert_eq(stats->minutes[i].count, expected);
        cr_assert(i == 0 || stats->minutes[i - 1].minute < stats->minutes[i].minute);
        cr_assert_eq(stats_in_minute(stats, stats->minutes[i].minute), expected);
        sum += expected;
        empty += expected == 0;
    }
    cr_assert_eq(sum, stats->total);
    cr_assert_eq(empty, stats->minutes_empty);
}

static void expect_same_stats(const struct catalog *catalog, const struct model *model) {
    const struct stats *stats = catalog_stats(catalog);
    struct stats expected = recount(model);
    cr_assert_eq(stats->total, expected.total);
    cr_assert_arr_eq(stats->by_severity, expected.by_severity, sizeof(expected.by_severity));
    cr_assert_arr_eq(stats->by_status, expected.by_status, sizeof(expected.by_status));
    cr_assert_arr_eq(stats->by_type, expected.by_type, sizeof(expected.by_type));
    cr_assert_arr_eq(stats->verdicts, expected.verdicts, sizeof(expected.verdicts));
    cr_assert_eq(stats->requires_review, expected.requires_review);
    expect_same_minutes(stats, model);
}

static void step_both(struct catalog *catalog, struct model *model, int rows) {
    struct log_row row = model_next(model, rows);
    catalog_apply(catalog, &row);
    model_apply(model, &row);
}

static void walk_history(uint64_t seed, int rows, int steps, int check_every) {
    struct catalog *catalog = catalog_new();
    struct model *model = model_new(seed);
    for (int i = 1; i <= steps; i++) {
        step_both(catalog, model, rows);
        if (i % check_every == 0) {
            expect_same_rows(catalog, model);
            expect_same_stats(catalog, model);
        }
    }
    while (model->count > 0) {
        struct log_row row = model_expired(model);
        catalog_apply(catalog, &row);
        model_apply(model, &row);
        if (model->count % check_every == 0)
            expect_same_stats(catalog, model);
    }
    cr_assert_eq(catalog_size(catalog).rows + catalog_size(catalog).customers, 0);
    free(model);
    catalog_free(catalog);
}

Test(catalog, short_histories_agree_with_the_model, .timeout = 120) {
    for (uint64_t seed = 0; seed < 40; seed++)
        walk_history(seed, 30, 600, 20);
}

Test(catalog, histories_of_many_blocks_agree_with_the_model, .timeout = 240) {
    for (uint64_t seed = 100; seed < 103; seed++)
        walk_history(seed, 3000, 14000, 3500);
}

Test(catalog, cleared_it_is_as_new, .timeout = 60) {
    struct catalog *catalog = catalog_new();
    size_t bytes = catalog_size(catalog).bytes;
    struct model *model = model_new(7);
    for (int i = 0; i < 5000; i++)
        step_both(catalog, model, 2000);
    catalog_clear(catalog);
    cr_assert_eq(catalog_size(catalog).rows, 0);
    cr_assert_eq(catalog_size(catalog).bytes, bytes);
    cr_assert_eq(catalog_stats(catalog)->total, 0);
    for (int i = 0; i < model->count; i++) {
        struct log_row row = model->rows[i];
        row.kind = EVENT_UPDATED;
        catalog_apply(catalog, &row);
    }
    expect_same_rows(catalog, model);
    expect_same_stats(catalog, model);
    free(model);
    catalog_free(catalog);
    catalog_free(NULL);
}

Test(catalog, a_creation_that_comes_late_changes_nothing, .timeout = 10) {
    struct catalog *catalog = catalog_new();
    struct model *model = model_new(1);
    struct log_row created = model_created(model), completed = model_analysed(model, created);
    catalog_apply(catalog, &completed);
    catalog_apply(catalog, &created);
    expect_row(catalog, &completed);
    struct log_row found;
    cr_assert(catalog_find(catalog, &created.id, &found));
    found.kind = EVENT_UPDATED;
    found.verdict = VERDICT_TRUE_POSITIVE;
    catalog_apply(catalog, &found); /* its texts are the catalog's own */
    completed.verdict = VERDICT_TRUE_POSITIVE;
    expect_row(catalog, &completed);
    free(model);
    catalog_free(catalog);
}

/* What fleets do: several APIs with clocks a little apart, rows of some ms that come in any order. */
static struct log_row made_row(struct model *model, int64_t ms, int customers, char *name) {
    struct log_row row = model_created(model);
    row.created_at_ms = ms;
    row.id = model_uuid(model, ms);
    sprintf(name, "customer-%d", (int)model_random(model, (uint64_t)customers));
    row.customer_id = text_of(name);
    row.customer_name = text_of("A Customer of Ours Ltd");
    return row;
}

static struct uuid *fill(struct catalog *catalog, struct model *model, int rows, int customers,
                         int64_t jitter_ms) {
    struct uuid *ids = malloc((size_t)rows * sizeof(*ids));
    char name[64];
    for (int i = 0; i < rows; i++) {
        int64_t ms = MODEL_NOW_MS + i - (int64_t)model_random(model, (uint64_t)jitter_ms);
        struct log_row row = made_row(model, ms, customers, name);
        ids[i] = row.id;
        catalog_apply(catalog, &row);
    }
    return ids;
}

static void expire(struct catalog *catalog, const struct uuid *id) {
    struct log_row row = {.kind = EVENT_EXPIRED, .id = *id};
    catalog_apply(catalog, &row);
}

static void shuffle(struct model *model, struct uuid *ids, int count) {
    for (int i = count - 1; i > 0; i--) {
        int k = (int)model_random(model, (uint64_t)i + 1);
        struct uuid swapped = ids[i];
        ids[i] = ids[k];
        ids[k] = swapped;
    }
}

static double bytes_per_row(const struct catalog *catalog) {
    return (double)catalog_size(catalog).bytes / (double)catalog_size(catalog).rows;
}

static void measure_bytes(const char *what, int64_t jitter_ms) {
    enum { ROWS = 100000 };
    struct catalog *catalog = catalog_new();
    struct model *model = model_new(3);
    size_t empty = catalog_size(catalog).bytes;
    struct uuid *ids = fill(catalog, model, ROWS, 1000, jitter_ms);
    double full = bytes_per_row(catalog);
    shuffle(model, ids, ROWS);
    double worst = 0;
    for (int i = 0; i < ROWS; i++) {
        expire(catalog, &ids[i]);
        if (i < ROWS - 20000 && bytes_per_row(catalog) > worst)
            worst = bytes_per_row(catalog);
    }
    size_t left = catalog_size(catalog).bytes;
    cr_log_info("%s: %.1f bytes a row, at most %.1f while any expire; %zu bytes when empty, %zu at the end\n",
                what, full, worst, empty, left);
    cr_assert_leq(full, 96.0);
    cr_assert_leq(worst, 100.0);
    cr_assert_leq(left, empty + 128 * 1024);
    free(ids);
    free(model);
    catalog_free(catalog);
}

Test(catalog, a_row_costs_at_most_96_bytes, .timeout = 120) {
    measure_bytes("in order", 1);
    measure_bytes("nearly in order", 50);
    measure_bytes("in any order", 100000000);
}

Test(catalog, a_flood_of_names_does_not_stay, .timeout = 60) {
    struct catalog *catalog = catalog_new();
    struct model *model = model_new(5);
    struct uuid *kept = fill(catalog, model, 1000, 10, 10);
    size_t before = catalog_size(catalog).bytes;
    struct uuid *flood = fill(catalog, model, 50000, 1 << 30, 10);
    cr_assert_gt(catalog_size(catalog).customers, 49000);
    shuffle(model, flood, 50000);
    for (int i = 0; i < 50000; i++)
        expire(catalog, &flood[i]);
    cr_assert_eq(catalog_size(catalog).customers, 10);
    cr_assert_leq(catalog_size(catalog).bytes, before + 128 * 1024);
    free(kept);
    free(flood);
    free(model);
    catalog_free(catalog);
}

static double measure_apply(int rows, int64_t jitter_ms) {
    struct catalog *catalog = catalog_new();
    struct model *model = model_new(11);
    struct uuid *ids = fill(catalog, model, rows, 1000, jitter_ms);
    enum { BATCH = 1000, BATCHES = 100 };
    static struct log_row batch[3 * BATCH];
    static char names[BATCH][64];
    int64_t spent_ns = 0;
    for (int b = 0; b < BATCHES; b++) {
        for (int i = 0; i < BATCH; i++) {
            int64_t ms =
                MODEL_NOW_MS + rows + b * BATCH + i - (int64_t)model_random(model, (uint64_t)jitter_ms);
            batch[i] = made_row(model, ms, 1000, names[i]);
            batch[BATCH + i] = model_analysed(model, batch[i]);
            batch[2 * BATCH + i] = (struct log_row){.kind = EVENT_EXPIRED, .id = ids[b * BATCH % rows + i]};
        }
        int64_t start_ns = clock_monotonic_ns();
        for (int i = 0; i < 3 * BATCH; i++)
            catalog_apply(catalog, &batch[i]);
        spent_ns += clock_monotonic_ns() - start_ns;
    }
    cr_assert_eq(catalog_size(catalog).rows, (size_t)rows);
    free(ids);
    free(model);
    catalog_free(catalog);
    return (double)spent_ns / (3 * BATCH * BATCHES);
}

Test(catalog, applying_a_row_is_quick, .timeout = 120) {
    for (int rows = 100000; rows <= 1000000; rows *= 10) {
        double in_order_ns = measure_apply(rows, 1), nearly_ns = measure_apply(rows, 50);
        cr_log_info("%d rows: %.0f ns a row applied in order, %.0f ns nearly in order\n", rows, in_order_ns,
                    nearly_ns);
        cr_assert_leq(in_order_ns, 5000);
        cr_assert_leq(nearly_ns, 5000);
    }
}

static json_t *written_stats(const struct catalog *catalog, int64_t now_ms) {
    struct buffer out = BUFFER_EMPTY;
    struct writer writer;
    writer_init(&writer, &out);
    stats_write(&writer, catalog_stats(catalog), now_ms);
    json_t *json = json_loadb(out.at, out.len, JSON_REJECT_DUPLICATES, NULL);
    cr_assert_not_null(json, "%.*s", (int)out.len, out.at);
    buffer_fini(&out);
    return json;
}

static int64_t number_at(const json_t *json, const char *path) {
    char copy[128];
    snprintf(copy, sizeof(copy), "%s", path);
    for (char *rest = copy, *key; (key = strsep(&rest, "/")) != NULL;)
        json = json_is_array(json) ? json_array_get(json, (size_t)atoi(key)) : json_object_get(json, key);
    cr_assert(json_is_integer(json), "%s", path);
    return json_integer_value(json);
}

static void apply_minutes_ago(struct catalog *catalog, struct model *model, int minutes,
                              enum severity severity) {
    struct log_row row = model_analysed(model, model_created(model));
    row.created_at_ms = MODEL_NOW_MS - minutes * INT64_C(60000);
    row.threat_type = THREAT_BRUTE_FORCE;
    row.kind = EVENT_COMPLETED;
    row.status = THREAT_COMPLETED;
    row.severity = severity;
    row.requires_review = severity == SEVERITY_CRITICAL;
    row.verdict = severity == SEVERITY_LOW ? VERDICT_FALSE_POSITIVE : VERDICT_NONE;
    catalog_apply(catalog, &row);
}

Test(stats, are_written_as_the_contract_says, .timeout = 10) {
    struct catalog *catalog = catalog_new();
    struct model *model = model_new(2);
    const int minutes_ago[] = {0, 0, 59, 60, 1439, 1440, 100000, -1, -50000000};
    for (size_t i = 0; i < sizeof(minutes_ago) / sizeof(minutes_ago[0]); i++)
        apply_minutes_ago(catalog, model, minutes_ago[i], (enum severity)(i % SEVERITY_NONE));
    struct log_row pending = model_created(model);
    pending.created_at_ms = MODEL_NOW_MS;
    catalog_apply(catalog, &pending);
    json_t *json = written_stats(catalog, MODEL_NOW_MS);
    cr_assert_eq(number_at(json, "total"), 10);
    cr_assert_eq(number_at(json, "by_status/completed"), 9);
    cr_assert_eq(number_at(json, "by_status/pending"), 1);
    cr_assert_eq(number_at(json, "by_severity/low"), 3);
    cr_assert_eq(number_at(json, "by_severity/critical"), 2);
    cr_assert_eq(json_object_size(json_object_get(json, "by_severity")), 4);
    cr_assert_eq(json_object_size(json_object_get(json, "by_threat_type")), THREAT_TYPE_COUNT);
    cr_assert_eq(number_at(json, "requires_review"), 2);
    cr_assert_eq(number_at(json, "verdicts/false_positive"), 3);
    cr_assert_eq(json_object_size(json_object_get(json, "verdicts")), 2);
    const json_t *per_minute = json_object_get(json, "per_minute");
    cr_assert_eq(json_array_size(json_object_get(per_minute, "last_hour")), 60);
    cr_assert_eq(json_array_size(json_object_get(per_minute, "last_day")), 1440);
    cr_assert_eq(number_at(per_minute, "last_hour/59"), 3);
    cr_assert_eq(number_at(per_minute, "last_hour/0"), 1);
    cr_assert_eq(number_at(per_minute, "last_day/1439"), 3);
    cr_assert_eq(number_at(per_minute, "last_day/1380"), 1);
    cr_assert_eq(number_at(per_minute, "last_day/1379"), 1);
    cr_assert_eq(number_at(per_minute, "last_day/0"), 1);
    cr_assert_eq(number_at(per_minute, "last_day/1"), 0);
    cr_assert_str_eq(json_string_value(json_object_get(per_minute, "newest_minute")),
                     "2025-11-21T03:33:00.000Z");
    json_decref(json);
    free(model);
    catalog_free(catalog);
}

Test(stats, of_nothing_are_zeros, .timeout = 10) {
    struct catalog *catalog = catalog_new();
    json_t *json = written_stats(catalog, 0);
    cr_assert_eq(number_at(json, "total"), 0);
    cr_assert_eq(number_at(json, "per_minute/last_day/1439"), 0);
    json_decref(json);
    catalog_free(catalog);
}
