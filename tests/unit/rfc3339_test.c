#include "shared/base/rfc3339.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <time.h>

#include "tests/unit/random_bytes.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const int64_t FIRST_MS = -62167219200000; /* 0000-01-01T00:00:00.000Z */
static const int64_t LAST_MS = 253402300799999;  /* 9999-12-31T23:59:59.999Z */

static struct text written(int64_t ms, char *out) {
    rfc3339_write(ms, out);
    return (struct text){out, RFC3339_LENGTH};
}

static bool parse(const char *text, size_t len, int64_t *ms) {
    char *exact = exact_copy(text, len);
    bool fine = rfc3339_parse((struct text){exact, len}, ms);
    free(exact);
    return fine;
}

TestSuite(rfc3339, .timeout = 20);

Test(rfc3339, known_instants_both_ways) {
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {
        {"1970-01-01T00:00:00.000Z", 0},
        {"1969-12-31T23:59:59.999Z", -1},
        {"2000-02-29T12:00:00.000Z", 951825600000},
        {"2001-09-09T01:46:40.000Z", 1000000000000},
        {"2025-11-21T03:33:20.123Z", 1763696000123},
        {"2038-01-19T03:14:08.000Z", 2147483648000},
        {"0000-01-01T00:00:00.000Z", -62167219200000},
        {"9999-12-31T23:59:59.999Z", 253402300799999},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char out[RFC3339_LENGTH];
        int64_t ms = 7;
        cr_assert(parse(rows[i].text, strlen(rows[i].text), &ms), "%s", rows[i].text);
        cr_assert_eq(ms, rows[i].ms, "%s is %lld", rows[i].text, (long long)ms);
        cr_assert(text_is(written(rows[i].ms, out), rows[i].text), "%.*s", RFC3339_LENGTH, out);
    }
}

/* Every day from year 0 to 9999, at a changing time of day, against the C library's calendar. */
Test(rfc3339, every_day_of_ten_millennia) {
    for (int64_t day = FIRST_MS / 86400000; day <= LAST_MS / 86400000; day++) {
        int64_t ms = day * 86400000 + (int64_t)random_below(86400000), back;
        time_t seconds = (time_t)((ms - ((ms % 1000) + 1000) % 1000) / 1000);
        struct tm tm;
        char expected[48], out[RFC3339_LENGTH];
        gmtime_r(&seconds, &tm);
        snprintf(expected, sizeof(expected), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
                 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
                 (int)(((ms % 1000) + 1000) % 1000));
        if (!text_is(written(ms, out), expected) ||
            !rfc3339_parse((struct text){out, RFC3339_LENGTH}, &back) || back != ms)
            cr_assert_fail("%lld: %.*s, expected %s", (long long)ms, RFC3339_LENGTH, out, expected);
    }
}

Test(rfc3339, times_outside_the_years_are_clamped) {
    char out[RFC3339_LENGTH];
    cr_assert(text_is(written(FIRST_MS - 1, out), "0000-01-01T00:00:00.000Z"));
    cr_assert(text_is(written(INT64_MIN, out), "0000-01-01T00:00:00.000Z"));
    cr_assert(text_is(written(LAST_MS + 1, out), "9999-12-31T23:59:59.999Z"));
    cr_assert(text_is(written(INT64_MAX, out), "9999-12-31T23:59:59.999Z"));
}

Test(rfc3339, february_ends_as_gregory_said) {
    static const struct {
        int year;
        bool leap;
    } rows[] = {{0, true},     {4, true},     {100, false}, {400, true},   {1600, true},
                {1700, false}, {1900, false}, {2000, true}, {2023, false}, {2024, true},
                {2100, false}, {2400, true},  {9996, true}, {9999, false}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[32];
        int64_t ms;
        size_t len = (size_t)snprintf(text, sizeof(text), "%04d-02-29T00:00:00Z", rows[i].year);
        cr_assert_eq(parse(text, len, &ms), rows[i].leap, "%s", text);
    }
}

Test(rfc3339, month_lengths) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    for (int month = 1; month <= 12; month++)
        for (int day = 0; day <= 32; day++) {
            char text[32];
            int64_t ms;
            size_t len = (size_t)snprintf(text, sizeof(text), "2023-%02d-%02dT10:00:00Z", month, day);
            cr_assert_eq(parse(text, len, &ms), day >= 1 && day <= days[month - 1], "%s", text);
        }
}

Test(rfc3339, spellings_of_one_instant) {
    static const char *const same[] = {
        "2025-11-21T03:33:20.123Z",
        "2025-11-21t03:33:20.123z",
        "2025-11-21 03:33:20.123Z",
        "2025-11-21T03:33:20.123+00:00",
        "2025-11-21T03:33:20.123-00:00",
        "2025-11-21T05:03:20.123+01:30",
        "2025-11-20T22:33:20.123-05:00",
        "2025-11-22T03:32:20.123+23:59",
        "2025-11-20T03:34:20.123-23:59",
        "2025-11-21T03:33:20.123999999Z",
        "2025-11-21T03:33:20.1230000000000000000000000000000000001Z",
    };
    for (size_t i = 0; i < COUNT_OF(same); i++) {
        int64_t ms = 0;
        cr_assert(parse(same[i], strlen(same[i]), &ms), "%s", same[i]);
        cr_assert_eq(ms, 1763696000123, "%s is %lld", same[i], (long long)ms);
    }
}

Test(rfc3339, fractions_are_cut_to_milliseconds) {
    static const struct {
        const char *fraction;
        int64_t ms;
    } rows[] = {{"", 0},       {".0", 0},    {".1", 100},       {".12", 120},
                {".129", 129}, {".0009", 0}, {".9999999", 999}, {".05", 50}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[64];
        int64_t ms = -1;
        size_t len = (size_t)snprintf(text, sizeof(text), "1970-01-01T00:00:00%sZ", rows[i].fraction);
        cr_assert(parse(text, len, &ms), "%s", text);
        cr_assert_eq(ms, rows[i].ms, "%s", text);
    }
}

Test(rfc3339, a_leap_second_is_the_end_of_its_minute) {
    int64_t leap, last;
    cr_assert(parse("2016-12-31T23:59:60Z", 20, &leap));
    cr_assert(parse("2016-12-31T23:59:59.999Z", 24, &last));
    cr_assert_eq(leap, last);
    cr_assert(parse("2016-12-31T23:59:60.5Z", 22, &leap));
    cr_assert_eq(leap, last);
    cr_assert(parse("2017-01-01T08:59:60+09:00", 25, &leap));
    cr_assert_eq(leap, last);
    cr_assert_not(parse("2016-12-31T23:59:61Z", 20, &leap));
}

Test(rfc3339, no_offset_reaches_past_the_first_and_last_year) {
    int64_t ms = 7;
    cr_assert_not(parse("0000-01-01T00:00:00+00:01", 25, &ms));
    cr_assert_not(parse("9999-12-31T23:59:59.999-00:01", 29, &ms));
    cr_assert_eq(ms, 7);
    cr_assert(parse("0000-01-01T00:01:00+00:01", 25, &ms));
    cr_assert_eq(ms, FIRST_MS);
    cr_assert(parse("9999-12-31T23:58:59.999-00:01", 29, &ms));
    cr_assert_eq(ms, LAST_MS);
}

Test(rfc3339, malformed_shapes) {
    static const char *const bad[] = {
        "",
        "2025",
        "2025-11-21",
        "03:33:20Z",
        "2025-11-21T03:33:20",
        "2025-11-21T03:33Z",
        "2025-11-21T03Z",
        "20251121T033320Z",
        "2025-11-21T033320Z",
        "25-11-21T03:33:20Z",
        "02025-11-21T03:33:20Z",
        "+2025-11-21T03:33:20Z",
        "-025-11-21T03:33:20Z",
        "2025-1-21T03:33:20Z",
        "2025-11-1T03:33:20Z",
        "2025-11-21T3:33:20Z",
        "2025/11/21T03:33:20Z",
        "2025-11-21_03:33:20Z",
        "2025-11-21T03.33.20Z",
        "2025-11-21T03:33:20.Z",
        "2025-11-21T03:33:20,5Z",
        "2025-11-21T03:33:20.5",
        "2025-11-21T03:33:20.-5Z",
        "2025-11-21T03:33:20ZZ",
        "2025-11-21T03:33:20Z ",
        " 2025-11-21T03:33:20Z",
        "2025-11-21  03:33:20Z",
        "2025-11-21T03:33:20 Z",
        "2025-11-21T03:33:20UTC",
        "2025-11-21T03:33:20+01",
        "2025-11-21T03:33:20+0100",
        "2025-11-21T03:33:20+1:00",
        "2025-11-21T03:33:20+01:0",
        "2025-11-21T03:33:20+01:000",
        "2025-11-21T03:33:20+24:00",
        "2025-11-21T03:33:20+00:60",
        "2025-11-21T03:33:20+01:00Z",
        "2025-11-21T03:33:20--1:00",
        "2025-00-21T03:33:20Z",
        "2025-13-21T03:33:20Z",
        "2025-11-00T03:33:20Z",
        "2025-11-31T03:33:20Z",
        "2025-11-21T24:00:00Z",
        "2025-11-21T23:60:00Z",
        "2025-11-21T23:59:61Z",
        "2025-11-21T99:99:99Z",
        "1763696000",
        "now",
        "２025-11-21T03:33:20Z",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        int64_t ms = 4711;
        cr_assert_not(parse(bad[i], strlen(bad[i]), &ms), "%s", bad[i]);
        cr_assert_eq(ms, 4711, "%s", bad[i]);
    }
    int64_t ms = 4711;
    cr_assert_not(rfc3339_parse(TEXT_NONE, &ms));
    cr_assert_not(parse("2025-11-21T03:33:20\0", 20, &ms));
    cr_assert_not(parse("2025-11-21\00003:33:20Z", 20, &ms));
}

Test(rfc3339, every_cut_and_every_changed_byte_is_judged_without_harm) {
    static const char text[] = "2025-11-21T03:33:20.123+01:30";
    size_t whole = sizeof(text) - 1;
    int64_t ms;
    for (size_t len = 0; len < whole; len++)
        cr_assert_not(parse(text, len, &ms), "%.*s", (int)len, text);
    for (size_t i = 0; i < whole; i++)
        for (int byte = 0; byte < 256; byte++) {
            char changed[sizeof(text)];
            memcpy(changed, text, sizeof(text));
            changed[i] = (char)byte;
            bool digit = byte >= '0' && byte <= '9', was_digit = text[i] >= '0' && text[i] <= '9';
            bool fine = parse(changed, whole, &ms);
            cr_assert(!fine || digit == was_digit, "%s", changed);
            cr_assert(fine || byte != text[i]);
        }
}
