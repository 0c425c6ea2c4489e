/* Who is closed when: everybody once, within the bound, never many at once. */
#include "api/live/farewell.h"

#include <criterion/criterion.h>

enum { LIMIT_SECONDS = 10, TICK_MS = 20, BEGUN_MS = 1000000 };

TestSuite(farewell, .timeout = LIMIT_SECONDS);

struct course {
    unsigned told, most; /* in all, and at one tick */
    int64_t length_ms;   /* until nobody was left */
};

static struct course run(unsigned clients) {
    struct farewell farewell;
    struct course course = {0};
    farewell_begin(&farewell, clients, BEGUN_MS);
    for (int64_t passed_ms = 0; passed_ms <= 2 * FAREWELL_MAX_MS; passed_ms += TICK_MS) {
        unsigned due = farewell_due(&farewell, BEGUN_MS + passed_ms);
        course.told += due;
        course.most = due > course.most ? due : course.most;
        course.length_ms = due > 0 ? passed_ms : course.length_ms;
    }
    return course;
}

Test(farewell, nobody_is_due_before_it_begins) {
    struct farewell farewell = {0};
    cr_assert_eq(farewell_due(&farewell, 0), 0);
    cr_assert_eq(farewell_due(&farewell, BEGUN_MS), 0);
}

Test(farewell, few_go_one_after_the_other) {
    for (unsigned clients = 0; clients <= FAREWELL_MAX_MS / FAREWELL_EACH_MS; clients++) {
        struct course course = run(clients);
        cr_assert_eq(course.told, clients);
        cr_assert_leq(course.most, TICK_MS / FAREWELL_EACH_MS, "%u at once of %u", course.most, clients);
        cr_assert_leq(course.length_ms, clients * FAREWELL_EACH_MS + TICK_MS);
    }
}

Test(farewell, many_share_the_longest_time) {
    static const unsigned counts[] = {401, 1000, 20000, 1000000};
    for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct course course = run(counts[i]);
        cr_assert_eq(course.told, counts[i]);
        cr_assert_leq(course.most, counts[i] * TICK_MS / FAREWELL_MAX_MS + 1);
        cr_assert_eq(course.length_ms, FAREWELL_MAX_MS);
    }
}

Test(farewell, a_tick_that_comes_late_makes_up_for_it) {
    struct farewell farewell;
    farewell_begin(&farewell, 100, BEGUN_MS);
    cr_assert_eq(farewell_due(&farewell, BEGUN_MS + 500), 50);
    cr_assert_eq(farewell_due(&farewell, BEGUN_MS + 500), 0);
    cr_assert_eq(farewell_due(&farewell, BEGUN_MS + 60000), 50);
    cr_assert_eq(farewell_due(&farewell, BEGUN_MS + 60000), 0);
}
