#include <criterion/criterion.h>

#include "api/context/stix_pattern.h"

static struct stix_address addresses[STIX_ADDRESSES_MAX];
static unsigned count;

Test(stix_pattern, comparisons_with_addresses_are_read, .timeout = 10) {
    static const char pattern[] = " [ ipv4-addr:value = '1.2.3.4' OR ipv6-addr:value='::1'] OR "
                                  "[ipv4-addr:value IN ('a' , 'b')OR ipv4-addr:value ISSUBSET '10.0.0.0/8'] ";
    cr_assert_null(stix_pattern_read(text_of(pattern), addresses, &count));
    cr_assert_eq(count, 5);
    cr_expect(text_is(addresses[0].written, "1.2.3.4"));
    cr_expect_not(addresses[0].ipv6);
    cr_expect(text_is(addresses[1].written, "::1"));
    cr_expect(addresses[1].ipv6);
    cr_expect(text_is(addresses[3].written, "b"));
    cr_expect(text_is(addresses[4].written, "10.0.0.0/8"));
}

Test(stix_pattern, everything_else_is_not, .timeout = 10) {
    static const char *const patterns[] = {
        "",
        "[",
        "[]",
        "ipv4-addr:value = '1.2.3.4'",
        "[ipv4-addr:value = '1.2.3.4'",
        "[ipv4-addr:value = '1.2.3.4",
        "[ipv4-addr:value = 1.2.3.4]",
        "[ipv4-addr:value != '1.2.3.4']",
        "[NOT ipv4-addr:value = '1.2.3.4']",
        "[ipv4-addr:value = '1.2.3.4' AND ipv4-addr:value = '1.2.3.5']",
        "[ipv4-addr:value = '1.2.3.4'] FOLLOWEDBY [ipv4-addr:value = '1.2.3.5']",
        "[ipv4-addr:value = '1.2.3.4'] WITHIN 5 SECONDS",
        "[ipv4-addr:value = '1.2.3.4'] OR",
        "[ipv4-addr:value IN ()]",
        "[ipv4-addr:value IN ('1.2.3.4']",
        "[domain-name:value = 'example.com']",
    };
    for (unsigned i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
        cr_expect_not_null(stix_pattern_read(text_of(patterns[i]), addresses, &count), "%s", patterns[i]);
}

Test(stix_pattern, number_of_addresses_is_bounded, .timeout = 10) {
    char pattern[STIX_ADDRESSES_MAX * 8 + 64] = "[ipv4-addr:value IN ('x'";
    for (unsigned i = 1; i < STIX_ADDRESSES_MAX; i++)
        strcat(pattern, ",'x'");
    size_t len = strlen(pattern);
    strcpy(pattern + len, ")]");
    cr_expect_null(stix_pattern_read(text_of(pattern), addresses, &count));
    cr_expect_eq(count, STIX_ADDRESSES_MAX);
    strcpy(pattern + len, ",'x')]");
    cr_expect_not_null(stix_pattern_read(text_of(pattern), addresses, &count));
}
