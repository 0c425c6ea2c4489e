#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "shared/model/history.h"

#define ID_OF_65 "a2345678901234567890123456789012345678901234567890123456789012345"

static const char TEXT[] =
    "12 3 1 1763696000123 1763699999000"
    "|01993bb4-0000-7000-8000-000000000002 1763699999000 bot_traffic high 312 none"
    "|01993bb4-0000-7000-8000-000000000001 1763699998000 brute_force - 1000 false_positive";

static void expect_text(const struct history *history, const char *expected) {
    struct buffer out = BUFFER_EMPTY;
    history_write(&out, history);
    cr_assert(text_is(buffer_text(&out), expected), "%.*s", (int)out.len, out.at);
    buffer_fini(&out);
}

static struct history_case make_case(int number, int64_t created_at_ms, enum verdict verdict) {
    struct history_case made = {.created_at_ms = created_at_ms,
                                .threat_type = THREAT_GEO_ANOMALY,
                                .severity = SEVERITY_LOW,
                                .fp_milli = (unsigned)number,
                                .verdict = verdict};
    snprintf(made.id, sizeof(made.id), "01993bb4-0000-7000-8000-%012d", number);
    return made;
}

Test(history, reads_and_writes_the_same_text, .timeout = 10) {
    struct history history;
    cr_assert(history_read(text_of(TEXT), &history));
    cr_assert_eq(history.total, 12);
    cr_assert_eq(history.false_positives, 3);
    cr_assert_eq(history.true_positives, 1);
    cr_assert_eq(history.first_ms, 1763696000123);
    cr_assert_eq(history.last_ms, 1763699999000);
    cr_assert_eq(history.recent_count, 2);
    cr_assert_eq(history.recent[0].severity, SEVERITY_HIGH);
    cr_assert_eq(history.recent[1].severity, SEVERITY_NONE);
    cr_assert_eq(history.recent[1].verdict, VERDICT_FALSE_POSITIVE);
    cr_assert_eq(history.recent[1].fp_milli, 1000);
    expect_text(&history, TEXT);
}

Test(history, nothing_is_an_empty_history, .timeout = 10) {
    struct history history = {.total = 5};
    cr_assert(history_read(text_of(""), &history));
    cr_assert_eq(history.total, 0);
    cr_assert(history_read(TEXT_NONE, &history));
    expect_text(&history, "0 0 0 0 0");
    cr_assert(history_read(text_of("0 0 0 0 0"), &history));
    cr_assert_eq(history.recent_count, 0);
}

Test(history, what_is_not_ours_leaves_it_empty, .timeout = 10) {
    const char *head = "12 3 1 1763696000123 1763699999000";
    const char *bad[] = {
        "x",
        "1 2 3 4",
        "1 2 3 4 5 6",
        "1 2 3 4 -5",
        "1 2 3 4 ",
        "1 2 3 4 5|",
        "1 2 3 4 5|01993bb4-0000-7000-8000-000000000002 1 bot_traffic high 312",
        "1 2 3 4 5| 1 bot_traffic high 312 none",
        "1 2 3 4 5|INC/1 1 bot_traffic high 312 none",
        "1 2 3 4 5|" ID_OF_65 " 1 bot_traffic high 1 none",
        "1 2 3 4 5|01993bb4-0000-7000-8000-000000000002 1 bot_traffik high 312 none",
        "1 2 3 4 5|01993bb4-0000-7000-8000-000000000002 1 bot_traffic severe 312 none",
        "1 2 3 4 5|01993bb4-0000-7000-8000-000000000002 1 bot_traffic high 1001 none",
        "1 2 3 4 5|01993bb4-0000-7000-8000-000000000002 1 bot_traffic high 312 perhaps",
        "1 2 3 4 5|01993bb4-0000-7000-8000-000000000002 1 bot_traffic high 312 none ",
        "99999999999999999999 2 3 4 5",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct history history = {.total = 5, .recent_count = 1};
        cr_assert_not(history_read(text_of(bad[i]), &history), "%s", bad[i]);
        cr_assert_eq(history.total + history.recent_count, 0);
    }
    struct buffer six = BUFFER_EMPTY;
    buffer_append_string(&six, head);
    for (int i = 0; i <= HISTORY_RECENT_MAX; i++)
        buffer_append_string(&six, "|01993bb4-0000-7000-8000-000000000002 1 bot_traffic high 312 none");
    struct history history;
    cr_assert_not(history_read(buffer_text(&six), &history));
    buffer_fini(&six);
}

static void expect_recent(const struct history *history, const char *numbers) {
    char told[64] = "";
    for (unsigned i = 0; i < history->recent_count; i++)
        snprintf(told + strlen(told), sizeof(told) - strlen(told), "%s%u%s", i > 0 ? " " : "",
                 history->recent[i].fp_milli, history->recent[i].verdict == VERDICT_NONE ? "" : "!");
    cr_assert_str_eq(told, numbers);
}

static void add(struct history *history, int number, enum verdict verdict) {
    struct history_case added = make_case(number, 1000 * number, verdict);
    history_add(history, &added);
}

static void judge(struct history *history, int number, enum verdict before, enum verdict verdict) {
    struct history_case judged = make_case(number, 1000 * number, verdict);
    history_judge(history, &judged, before);
}

Test(history, keeps_the_newest_cases_and_counts_all, .timeout = 10) {
    struct history history = {0};
    for (int i = 1; i <= 8; i++)
        add(&history, i, VERDICT_NONE);
    cr_assert_eq(history.total, 8);
    cr_assert_eq(history.first_ms, 1000);
    cr_assert_eq(history.last_ms, 8000);
    expect_recent(&history, "8 7 6 5 4");
}

Test(history, prefers_judged_cases, .timeout = 10) {
    struct history history = {0};
    for (int i = 1; i <= 5; i++)
        add(&history, i, i == 2 ? VERDICT_TRUE_POSITIVE : VERDICT_NONE);
    add(&history, 6, VERDICT_NONE);
    expect_recent(&history, "6 5 4 3 2!");
    add(&history, 7, VERDICT_NONE);
    expect_recent(&history, "7 6 5 4 2!");
    add(&history, 3, VERDICT_FALSE_POSITIVE);
    expect_recent(&history, "7 6 5 3! 2!");
    for (int i = 8; i <= 10; i++)
        add(&history, i, VERDICT_FALSE_POSITIVE);
    expect_recent(&history, "10! 9! 8! 3! 2!");
    add(&history, 11, VERDICT_NONE);
    expect_recent(&history, "10! 9! 8! 3! 2!");
    add(&history, 12, VERDICT_TRUE_POSITIVE);
    expect_recent(&history, "12! 10! 9! 8! 3!");
    cr_assert_eq(history.total, 13);
    cr_assert_eq(history.false_positives, 4);
    cr_assert_eq(history.true_positives, 2);
}

Test(history, late_cases_find_their_place, .timeout = 10) {
    struct history history = {0};
    add(&history, 5, VERDICT_NONE);
    add(&history, 1, VERDICT_NONE);
    cr_assert_eq(history.first_ms, 1000);
    cr_assert_eq(history.last_ms, 5000);
    add(&history, 3, VERDICT_NONE);
    expect_recent(&history, "5 3 1");
    expect_text(&history, "3 0 0 1000 5000|01993bb4-0000-7000-8000-000000000005 5000 geo_anomaly low 5 none"
                          "|01993bb4-0000-7000-8000-000000000003 3000 geo_anomaly low 3 none"
                          "|01993bb4-0000-7000-8000-000000000001 1000 geo_anomaly low 1 none");
}

Test(history, a_word_is_counted_changed_and_taken_back, .timeout = 10) {
    struct history history = {0};
    for (int i = 1; i <= 7; i++)
        add(&history, i, VERDICT_NONE);
    judge(&history, 1, VERDICT_NONE, VERDICT_FALSE_POSITIVE);
    expect_recent(&history, "7 6 5 4 1!");
    judge(&history, 6, VERDICT_NONE, VERDICT_FALSE_POSITIVE);
    cr_assert_eq(history.false_positives, 2);
    judge(&history, 6, VERDICT_FALSE_POSITIVE, VERDICT_TRUE_POSITIVE);
    cr_assert_eq(history.false_positives, 1);
    cr_assert_eq(history.true_positives, 1);
    judge(&history, 6, VERDICT_TRUE_POSITIVE, VERDICT_NONE);
    judge(&history, 1, VERDICT_FALSE_POSITIVE, VERDICT_NONE);
    cr_assert_eq(history.false_positives + history.true_positives, 0);
    cr_assert_eq(history.total, 7);
    expect_recent(&history, "7 6 5 4 1");
}

Test(history, counts_never_go_below_nothing_nor_above_the_total, .timeout = 10) {
    struct history history = {0};
    judge(&history, 1, VERDICT_FALSE_POSITIVE, VERDICT_NONE);
    cr_assert_eq(history.false_positives, 0);
    judge(&history, 1, VERDICT_FALSE_POSITIVE, VERDICT_TRUE_POSITIVE);
    judge(&history, 2, VERDICT_NONE, VERDICT_TRUE_POSITIVE);
    cr_assert_eq(history.true_positives, 2);
    cr_assert_eq(history.total, 2);
}

Test(history, facts_keep_judged_cases_or_the_only_one, .timeout = 10) {
    struct history history = {0}, other;
    history_keep_judged_or_only(&history);
    expect_recent(&history, "");
    add(&history, 1, VERDICT_NONE);
    history_keep_judged_or_only(&history);
    expect_recent(&history, "1");
    other = history;
    history_keep_judged(&other);
    expect_recent(&other, "");
    add(&history, 2, VERDICT_NONE);
    other = history;
    history_keep_judged_or_only(&other);
    expect_recent(&other, "");
    judge(&history, 1, VERDICT_NONE, VERDICT_TRUE_POSITIVE);
    history_keep_judged_or_only(&history);
    expect_recent(&history, "1!");
}

Test(history, damaged_texts_never_crash, .timeout = 20) {
    uint64_t random = 88172645463325252u;
    unsigned taken = 0;
    for (int i = 0; i < 100000; i++) {
        char *text = malloc(sizeof(TEXT));
        size_t len = sizeof(TEXT) - 1;
        memcpy(text, TEXT, len);
        for (int k = 0; k < 2; k++) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            text[random % len] = (char)(random >> 32);
        }
        char *exact = realloc(text, random >> 40 & 1 ? len : 1 + (random >> 41) % len);
        struct history history;
        bool read =
            history_read((struct text){exact, random >> 40 & 1 ? len : 1 + (random >> 41) % len}, &history);
        cr_assert(read || history.total == 0);
        cr_assert_leq(history.recent_count, (unsigned)HISTORY_RECENT_MAX);
        taken += read;
        free(exact);
    }
    cr_assert_gt(taken, 0);
}
