/* Imports as steps, without a loop: every format, good and broken; slices of any size give the same. */
#include <criterion/criterion.h>

#include "api/context/import_format.h"
#include "api/context/indicator_import.h"

enum { NOW_S = 1764000000 }; /* 2025-11-24 */

static struct indicator_import import;
static struct buffer shown;

/* Entries, then errors, one a line: short enough to compare whole. */
static const char *show(void) {
    char written[PREFIX_TEXT_MAX];
    buffer_clear(&shown);
    for (uint32_t i = 0; i < import.set.count; i++) {
        const struct indicator *row = &import.set.rows[i];
        buffer_append(&shown, written, indicator_write(&row->prefix, written));
        if (row->score != INDICATOR_SCORE_OF_LIST)
            buffer_printf(&shown, " %u", row->score);
        buffer_append_char(&shown, '\n');
    }
    buffer_append_text(&shown, buffer_text(&import.errors));
    buffer_append_char(&shown, '\0');
    return shown.at;
}

static void run(enum import_format format, struct text body, unsigned budget) {
    struct import_options options = {.format = format, .list = TEXT_LITERAL("list")};
    if (format == IMPORT_MISP)
        options.list = TEXT_NONE;
    indicator_import_init(&import, &options, body, (int64_t)NOW_S * 1000);
    while (!indicator_import_step(&import, budget))
        ;
}

static void finish(void) {
    indicator_import_fini(&import);
}

/* Whatever the slice, the same comes out. */
static void expect(enum import_format format, const char *body, const char *expected) {
    for (unsigned budget = 1; budget <= 64; budget *= 4) {
        run(format, text_of(body), budget);
        cr_expect_str_eq(show(), expected, "budget %u:\n%s", budget, shown.at);
        finish();
    }
    buffer_fini(&shown);
}

Test(plain, entries_comments_and_counts, .timeout = 10) {
    expect(IMPORT_PLAIN, "\xef\xbb\xbf# head\n1.2.3.4\r\n\n ::1 ; x\n10.0.0.0/8\t7\n::ffff:9.9.9.0/120",
           "1.2.3.4\n::1\n10.0.0.0/8\n9.9.9.0/24\n");
}

Test(plain, faults_are_told_by_line, .timeout = 10) {
    expect(IMPORT_PLAIN, "1.2.3.4\nx\n1.2.3.4/24\n1.2.3.4 y\n\n1.2.3.4/32",
           "1.2.3.4\n{\"line\":2,\"value\":\"x\",\"reason\":\"not an address or CIDR\"},"
           "{\"line\":3,\"value\":\"1.2.3.4/24\",\"reason\":\"host bits set\"},"
           "{\"line\":4,\"value\":\"1.2.3.4 y\",\"reason\":\"has more than an address or CIDR\"},"
           "{\"line\":6,\"value\":\"1.2.3.4/32\",\"reason\":\"duplicate of line 1\"}");
    expect(IMPORT_PLAIN, "\xff\n", "{\"line\":1,\"value\":\"?\",\"reason\":\"is not valid UTF-8\"}");
    expect(IMPORT_PLAIN, "", "{\"line\":0,\"reason\":\"holds no entry\"}");
}

Test(csv, columns_by_name_and_by_place, .timeout = 10) {
    expect(IMPORT_CSV, "Score,\"CIDR\"\n5, 1.2.3.0/24 \n,::1\n", "1.2.3.0/24 5\n::1\n");
    expect(IMPORT_CSV, "1.2.3.4,0\n::2\n", "1.2.3.4 0\n::2\n");
}

Test(csv, faults_are_told_by_line, .timeout = 10) {
    expect(IMPORT_CSV, "ip,colour\n1.2.3.4,blue\n",
           "1.2.3.4\n{\"line\":1,\"value\":\"colour\",\"reason\":\"the column colour is unknown\"}");
    expect(IMPORT_CSV, "ip,score\n1.2.3.4,-1\n\"1.2.3.5\"x,1\n",
           "{\"line\":2,\"value\":\"1.2.3.4,-1\",\"reason\":\"score must be an integer from 0 to 100\"},"
           "{\"line\":3,\"value\":\"\\\"1.2.3.5\\\"x,1\",\"reason\":\"has text behind a quoted cell\"}");
    expect(IMPORT_CSV, "score\n1\n",
           "{\"line\":1,\"reason\":\"has no column ip, address, indicator or cidr\"}");
}

Test(misp, strings_of_the_list, .timeout = 10) {
    expect(IMPORT_MISP, "{\"list\":[\"1.2.3.4\",7,\"1.2.3.4\"],\"name\":\"n\"}",
           "1.2.3.4\n{\"index\":1,\"pointer\":\"/list/1\",\"value\":\"7\",\"reason\":\"is not a string\"},"
           "{\"index\":2,\"pointer\":\"/list/2\",\"value\":\"1.2.3.4\",\"reason\":\"duplicate of /list/0\"}");
}

Test(misp, name_and_version, .timeout = 10) {
    run(IMPORT_MISP, TEXT_LITERAL("{\"version\":\"20261101\",\"name\":\"Egress\",\"list\":[\"::1\"]}"), 9);
    cr_expect(text_is(import.options.list, "Egress"));
    cr_expect(text_is(import.options.as_of, "2026-11-01"));
    cr_expect(indicator_import_is_good(&import));
    finish();
    run(IMPORT_MISP, TEXT_LITERAL("{\"version\":20269901,\"list\":[\"::1\"]}"), 9);
    cr_expect_null(import.options.as_of.at);
    cr_expect_not(indicator_import_is_good(&import), "no name");
    finish();
}

Test(json, broken_documents_are_of_no_use_even_in_part, .timeout = 10) {
    static const char *const bodies[] = {"",
                                         "[]",
                                         "{\"name\":\"n\"}",
                                         "{\"name\":\"n\",\"list\":7}",
                                         "{\"name\":\"n\",\"list\":[\"::1\"",
                                         "{\"name\":\"n\",\"list\":[\"::1\"]} x",
                                         "{\"name\":\"n\",\"list\":[\"::1\"],\"list\":[\"::2\"]}",
                                         "{\"name\":\"n\",\"list\":[\"::1\",\"\xff\"]}"};
    for (unsigned i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        run(IMPORT_MISP, text_of(bodies[i]), 2);
        import.options.partial = true;
        cr_expect(import.broken, "%s", bodies[i]);
        cr_expect_not(indicator_import_is_good(&import));
        finish();
    }
}

Test(crawler, prefixes_of_the_named_family, .timeout = 10) {
    expect(IMPORT_CRAWLER_RANGES,
           "{\"prefixes\":[{\"ipv4Prefix\":\"1.2.3.0/24\"},{\"ipv6Prefix\":\"1.2.4.0/24\"},{}]}",
           "1.2.3.0/24\n{\"index\":1,\"pointer\":\"/prefixes/1/ipv6Prefix\",\"value\":\"1.2.4.0/24\","
           "\"reason\":\"is IPv4 in a field for IPv6\"},"
           "{\"index\":2,\"pointer\":\"/prefixes/2\",\"value\":\"{}\","
           "\"reason\":\"has neither ipv4Prefix nor ipv6Prefix\"}");
}

Test(crawler, creation_time_dates_the_list, .timeout = 10) {
    run(IMPORT_CRAWLER_RANGES,
        TEXT_LITERAL("{\"prefixes\":[{\"ipv4Prefix\":\"1.2.3.0/24\"}],\"creationTime\":\"2026-11-02T1:2\"}"),
        9);
    cr_expect(text_is(import.options.as_of, "2026-11-02"));
    finish();
}

Test(stix, indicators_and_others, .timeout = 10) {
    expect(IMPORT_STIX,
           "{\"objects\":[{\"type\":\"malware\"},{\"type\":\"indicator\",\"id\":\"i\",\"confidence\":9,"
           "\"pattern\":\"[ipv4-addr:value='1.2.3.4' OR ipv6-addr:value = '::1']\"},"
           "{\"type\":\"indicator\",\"id\":\"j\",\"valid_until\":\"2025-11-24T00:00:00Z\"}],"
           "\"type\":\"bundle\"}",
           "1.2.3.4 9\n::1 9\n{\"index\":2,\"pointer\":\"/objects/2\",\"value\":\"j\","
           "\"reason\":\"has expired: valid_until has passed\"}");
}

Test(stix, one_bad_address_rejects_the_indicator, .timeout = 10) {
    expect(IMPORT_STIX,
           "{\"type\":\"bundle\",\"objects\":[{\"type\":\"indicator\",\"id\":\"i\","
           "\"pattern\":\"[ipv4-addr:value='1.2.3.4' OR ipv4-addr:value='1.2.3']\"}]}",
           "{\"index\":0,\"pointer\":\"/objects/0/pattern\",\"value\":\"i\","
           "\"reason\":\"pattern: 1.2.3: not an address or CIDR\"}");
}

Test(import, strict_and_partial, .timeout = 10) {
    run(IMPORT_PLAIN, TEXT_LITERAL("::1\nx\n"), 9);
    cr_expect_not(indicator_import_is_good(&import));
    import.options.partial = true;
    cr_expect(indicator_import_is_good(&import));
    finish();
}

Test(import, a_step_is_bounded, .timeout = 10) {
    struct import_options options = {.format = IMPORT_PLAIN, .list = TEXT_LITERAL("list")};
    indicator_import_init(&import, &options, TEXT_LITERAL("::1\n::2\n::3\n"), 0);
    cr_expect_not(indicator_import_step(&import, 2));
    cr_expect_eq(import.set.count, 2);
    cr_expect(indicator_import_step(&import, 2));
    cr_expect_eq(import.set.count, 3);
    finish();
}

Test(import, errors_are_counted_past_those_named, .timeout = 20) {
    struct buffer body = BUFFER_EMPTY, out = BUFFER_EMPTY;
    struct writer writer;
    for (unsigned i = 0; i < IMPORT_ERRORS_MAX + 5; i++)
        buffer_append_string(&body, "x\n");
    run(IMPORT_PLAIN, buffer_text(&body), 5000);
    writer_init(&writer, &out);
    import_report_write(&writer, &import);
    buffer_append_char(&out, '\0');
    cr_expect_eq(import.rejected, IMPORT_ERRORS_MAX + 5);
    cr_expect_not_null(strstr(out.at, "\"line\":10000,"));
    cr_expect_null(strstr(out.at, "\"line\":10001,"));
    cr_expect_not_null(strstr(out.at, "\"errors_omitted\":5}"));
    finish();
    buffer_fini(&body);
    buffer_fini(&out);
}

Test(import, format_is_guessed, .timeout = 10) {
    cr_expect_eq(import_format_guess(TEXT_LITERAL("text/csv"), TEXT_LITERAL("x")), IMPORT_CSV);
    cr_expect_eq(import_format_guess(TEXT_LITERAL("text/plain"), TEXT_LITERAL("x,y")), IMPORT_PLAIN);
    cr_expect_eq(import_format_guess(TEXT_NONE, TEXT_LITERAL("# a,b\n\n1.2.3.4,5")), IMPORT_CSV);
    cr_expect_eq(import_format_guess(TEXT_NONE, TEXT_LITERAL("{\"a\":[1],\"objects\":[[")), IMPORT_STIX);
    cr_expect_eq(import_format_guess(TEXT_LITERAL("application/json"), TEXT_LITERAL("{\"list\":[]}")),
                 IMPORT_MISP);
    cr_expect_eq(import_format_guess(TEXT_LITERAL("application/json"), TEXT_LITERAL("{\"prefixes\":[]}")),
                 IMPORT_CRAWLER_RANGES);
    cr_expect_eq(import_format_guess(TEXT_LITERAL("application/json"), TEXT_LITERAL("[")), -1);
    cr_expect_eq(import_format_guess(TEXT_LITERAL("image/png"), TEXT_LITERAL("1.2.3.4")), -1);
}
