/* Which threats may go, against a look at every row: by number, by age, by the customer's own age. */
#include <criterion/criterion.h>

#include "api/catalog/catalog_rows.h"
#include "api/catalog/find_expired.h"
#include "tests/unit/catalog_model.h"

static const int64_t DAY = INT64_C(24) * 3600 * 1000;

enum { ROWS = 3000, FOUND_MAX = 37 };

struct world {
    struct catalog *catalog;
    struct model *model;
    struct retention retention;
    int64_t own_days[MODEL_CUSTOMERS];
};

/* Threats of the last hundred days, in order, some of them waiting. */
static struct world world_new(uint64_t seed) {
    struct world world = {.catalog = catalog_new(), .model = model_new(seed)};
    for (int i = 0; i < ROWS; i++) {
        struct log_row row = model_created(world.model);
        row.created_at_ms = MODEL_NOW_MS - 100 * DAY + i * (100 * DAY / ROWS);
        row.id = model_uuid(world.model, row.created_at_ms);
        if (model_random(world.model, 5) != 0)
            row = model_analysed(world.model, row);
        catalog_apply(world.catalog, &row);
        model_apply(world.model, &row);
    }
    return world;
}

static void world_end(struct world *world) {
    retention_fini(&world->retention);
    catalog_free(world->catalog);
    free(world->model);
}

static void set_own(struct world *world, const char *customer_id, int64_t days) {
    struct text id;
    for (uint32_t handle = 0; catalog_next_customer(world->catalog, &handle, &id); handle++)
        if (text_is(id, customer_id))
            retention_set(&world->retention, world->catalog, handle, days);
    for (int i = 0; i < MODEL_CUSTOMERS; i++)
        if (model_customers[i][0] != NULL && strcmp(model_customers[i][0], customer_id) == 0)
            world->own_days[i] = days;
}

static int64_t days_of(const struct world *world, const struct log_row *row) {
    for (int i = 0; i < MODEL_CUSTOMERS; i++)
        if (model_customers[i][0] != NULL && text_is(row->customer_id, model_customers[i][0]) &&
            world->own_days[i] > 0)
            return world->own_days[i];
    return world->retention.ms / DAY;
}

static bool is_finished(const struct log_row *row) {
    return row->status == THREAT_COMPLETED || row->status == THREAT_FAILED;
}

/* Of the rows in order of their ids, oldest first. */
static bool should_go(const struct world *world, const struct expiry_walk *walk, const struct log_row *row,
                      uint64_t *surplus) {
    int64_t days = days_of(world, row);
    if (!is_finished(row))
        return false;
    if (*surplus > 0) {
        --*surplus;
        return true;
    }
    return walk->by_age && days > 0 && row->created_at_ms < walk->now_ms - days * DAY;
}

static void expect_walk(struct world *world, struct expiry_walk walk, unsigned rows_max) {
    struct expired_row found[FOUND_MAX];
    uint64_t surplus = walk.surplus;
    unsigned count = 0, at = 0, looks = 0;
    model_sort(world->model);
    for (int i = world->model->count - 1; i >= 0; i--) {
        const struct log_row *row = &world->model->rows[i];
        bool by_number = surplus > 0;
        if (!should_go(world, &walk, row, &surplus))
            continue;
        while (at == count && !walk.ended) {
            count =
                catalog_find_expired(world->catalog, &world->retention, &walk, rows_max, found, FOUND_MAX);
            at = 0;
            cr_assert_lt(++looks, 100000u);
        }
        cr_assert_lt(at, count, "row %d should go", i);
        cr_assert_eq(uuid_compare(&found[at].id, &row->id), 0);
        cr_assert_eq(found[at].created_at_ms, row->created_at_ms);
        cr_assert_eq(found[at].is_surplus, by_number);
        cr_assert(text_equal(found[at++].customer_id, row->customer_id));
    }
    cr_assert_eq(at, count, "more goes than should");
    while (!walk.ended)
        cr_assert_eq(
            catalog_find_expired(world->catalog, &world->retention, &walk, rows_max, found, FOUND_MAX), 0u);
}

TestSuite(find_expired, .timeout = 60);

Test(find_expired, by_number_the_oldest_finished_go_and_waiting_ones_stay) {
    for (uint64_t seed = 0; seed < 5; seed++) {
        struct world world = world_new(seed);
        for (uint64_t surplus = 0; surplus < ROWS; surplus += 449)
            expect_walk(&world, (struct expiry_walk){.now_ms = MODEL_NOW_MS, .surplus = surplus},
                        1 + 100 * (unsigned)seed);
        world_end(&world);
    }
}

Test(find_expired, by_age_the_common_one_and_the_customers) {
    for (uint64_t seed = 0; seed < 5; seed++) {
        struct world world = world_new(seed);
        struct expiry_walk walk = {.now_ms = MODEL_NOW_MS, .by_age = true, .surplus = seed * 100};
        world.retention.ms = 30 * DAY;
        expect_walk(&world, walk, 50);
        walk.to_the_end = true;
        set_own(&world, "acme", 5);
        set_own(&world, "bot", 90);
        set_own(&world, "Globex", 3650);
        expect_walk(&world, walk, 50);
        world.retention.ms = 0;
        expect_walk(&world, walk, 5000);
        set_own(&world, "acme", 0);
        expect_walk(&world, walk, 5000);
        world_end(&world);
    }
}

Test(find_expired, without_a_rule_nothing_goes_and_nothing_is_looked_at) {
    struct world world = world_new(1);
    struct expiry_walk walk = {.now_ms = MODEL_NOW_MS, .to_the_end = true};
    struct expired_row found[1];
    world.retention.ms = DAY;
    cr_assert_eq(catalog_find_expired(world.catalog, &world.retention, &walk, 1, found, 1), 0u);
    cr_assert(walk.ended, "ages do not count while they are not known");
    world_end(&world);
}

Test(find_expired, a_handle_that_is_given_anew_has_no_retention) {
    struct world world = world_new(1);
    struct text id;
    for (uint32_t handle = 0; catalog_next_customer(world.catalog, &handle, &id); handle++)
        retention_set(&world.retention, world.catalog, handle, 1);
    cr_assert_gt(world.retention.own_count, 0u);
    retention_forget(&world.retention);
    cr_assert_eq(world.retention.own_count, 0u);
    expect_walk(&world, (struct expiry_walk){.now_ms = MODEL_NOW_MS, .by_age = true, .to_the_end = true},
                500);
    world_end(&world);
}
