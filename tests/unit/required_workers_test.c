#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "api/backlog/required_workers.h"

TestSuite(required_workers, .timeout = 20);

static struct required_workers required;

static void start(void) {
    required_workers_init(&required, 100, 10); /* one worker clears 1,000 in time */
}

static int64_t learn(int64_t second, int64_t received, int64_t lag, int64_t pending) {
    struct backlog_sample sample = {.now_ms = 1000000 + second * 1000,
                                    .received = received,
                                    .length = lag < 0 ? pending : lag + pending,
                                    .lag = lag,
                                    .pending = pending};
    return required_workers_learn(&required, &sample);
}

Test(required_workers, an_idle_fleet_needs_one, .init = start) {
    cr_assert(eq(i64, learn(0, 0, 0, 0), 1));
    cr_assert(eq(i64, learn(1, 0, 0, 0), 1));
}

Test(required_workers, a_backlog_is_cleared_in_time, .init = start) {
    cr_assert(eq(i64, learn(0, 5000, 900, 100), 1));
    cr_assert(eq(i64, learn(0, 5000, 901, 100), 2));
    cr_assert(eq(i64, learn(0, 5000, 0, 7500), 8), "what is pending counts, too");
}

Test(required_workers, without_a_lag_the_streams_length_counts, .init = start) {
    cr_assert(eq(i64, learn(0, 5000, -1, 2500), 3));
}

Test(required_workers, arrivals_are_kept_up_with_at_70_percent, .init = start) {
    int64_t needed = 0;
    for (int second = 0; second <= 100; second++)
        needed = learn(second, second * 350, 0, 0);
    cr_assert(eq(i64, needed, 5), "350 a second are 5 workers of 100 at 70 %%, not %lld", (long long)needed);
}

Test(required_workers, a_short_peak_is_smoothed, .init = start) {
    for (int second = 0; second <= 100; second++)
        learn(second, second * 70, 0, 0);
    cr_assert(le(i64, learn(101, 7000 + 700, 0, 0), 2));
}

Test(required_workers, how_often_is_asked_does_not_matter, .init = start) {
    struct required_workers often = required;
    for (int second = 0; second <= 60; second += 5)
        learn(second, second * 350, 0, 0);
    double seldom = required.arrivals_per_s;
    required = often;
    for (int second = 0; second <= 60; second++)
        learn(second, second * 350, 0, 0);
    cr_assert(epsilon_eq(dbl, required.arrivals_per_s, seldom, 1));
}

Test(required_workers, two_samples_of_one_instant_lose_nothing, .init = start) {
    for (int second = 0; second <= 100; second++) {
        learn(second, second * 350, 0, 0);
        learn(second, second * 350 + 100, 0, 0);
    }
    cr_assert(epsilon_eq(dbl, required.arrivals_per_s, 350, 5));
}

Test(required_workers, a_stream_made_anew_begins_again, .init = start) {
    for (int second = 0; second <= 100; second++)
        learn(second, second * 350, 0, 0);
    cr_assert(eq(i64, learn(101, 10, 0, 0), 1));
    cr_assert(eq(i64, learn(102, 10, 0, 0), 1));
}

Test(required_workers, a_clock_that_went_back_begins_again, .init = start) {
    for (int second = 0; second <= 100; second++)
        learn(second, second * 350, 0, 0);
    cr_assert(eq(i64, learn(50, 36000, 0, 0), 1));
}

Test(required_workers, a_gap_is_no_rate, .init = start) {
    learn(0, 0, 0, 0);
    required_workers_forget(&required);
    cr_assert(eq(i64, learn(1, 1000000, 0, 0), 1), "a million that came while Redis was away");
}
