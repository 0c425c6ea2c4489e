#include "shared/base/address.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>

#include "tests/unit/random_bytes.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static bool parse(const char *text, struct address *address) {
    char *exact = exact_copy(text, strlen(text));
    bool fine = address_parse((struct text){exact, strlen(text)}, address);
    free(exact);
    return fine;
}

static struct text written(const struct address *address, char *out) {
    size_t len = address_write(address, out);
    cr_assert_leq(len, (size_t)ADDRESS_TEXT_MAX);
    return (struct text){out, len};
}

TestSuite(address, .timeout = 20);

/* RFC 5952 section 4: lower case, no leading zeros, the longest run of zeros shortened, the first of equal
 * ones, a lone zero never; RFC 4291 section 2.5.5.2: mapped addresses are the IPv4 addresses in them. */
Test(address, canonical_text) {
    static const struct {
        const char *text, *canonical;
        bool ipv4;
    } rows[] = {
        {"0.0.0.0", "0.0.0.0", true},
        {"1.2.3.4", "1.2.3.4", true},
        {"255.255.255.255", "255.255.255.255", true},
        {"192.0.2.10", "192.0.2.10", true},
        {"10.100.0.9", "10.100.0.9", true},
        {"::ffff:1.2.3.4", "1.2.3.4", true},
        {"::FFFF:102:304", "1.2.3.4", true},
        {"0:0:0:0:0:ffff:1.2.3.4", "1.2.3.4", true},
        {"0000:0000:0000:0000:0000:ffff:255.255.255.255", "255.255.255.255", true},
        {"::", "::", false},
        {"::1", "::1", false},
        {"1::", "1::", false},
        {"0:0:0:0:0:0:0:1", "::1", false},
        {"2001:DB8::AbCd", "2001:db8::abcd", false},
        {"2001:0db8:0000:0000:0000:0000:0002:0001", "2001:db8::2:1", false},
        {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1", false},
        {"2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1", false},
        {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1", false},
        {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1", false},
        {"0:0:1:0:0:0:0:0", "0:0:1::", false},
        {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8", false},
        {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0", false},
        {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8", false},
        {"64:ff9b::192.0.2.33", "64:ff9b::c000:221", false},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false},
        {"fe80::1", "fe80::1", false},
        {"::fffe:1.2.3.4", "::fffe:102:304", false},
        {"1::ffff:1.2.3.4", "1::ffff:102:304", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct address address;
        char out[ADDRESS_TEXT_MAX];
        cr_assert(parse(rows[i].text, &address), "%s", rows[i].text);
        struct text text = written(&address, out);
        cr_assert(text_is(text, rows[i].canonical), "%s is written %.*s", rows[i].text, (int)text.len,
                  text.at);
        cr_assert_eq(address_is_ipv4(&address), rows[i].ipv4, "%s", rows[i].text);
    }
}

Test(address, one_address_whatever_its_spelling) {
    struct address a, b;
    cr_assert(parse("::ffff:203.0.113.7", &a) && parse("203.0.113.7", &b));
    cr_assert_eq(address_compare(&a, &b), 0);
    cr_assert(parse("203.0.113.8", &b));
    cr_assert_lt(address_compare(&a, &b), 0);
}

Test(address, malformed_texts) {
    static const char *const bad[] = {
        "",
        " ",
        "1",
        "1.2.3",
        "1.2.3.",
        ".1.2.3.4",
        "1.2.3.4.",
        "1.2.3.4.5",
        "1..3.4",
        "1.2.3.256",
        "1.2.3.1000",
        "01.2.3.4",
        "1.2.3.04",
        "1.2.3.00",
        "0x1.2.3.4",
        "1.2.3.-4",
        "+1.2.3.4",
        "1.2.3.4 ",
        " 1.2.3.4",
        "1.2.3.4\n",
        "1.2.3.4/24",
        "1.2.3.4:80",
        "1,2,3,4",
        "16909060",
        "localhost",
        "１.2.3.4",
        ":",
        ":::",
        ":1",
        "1:",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:",
        ":1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7:8::",
        "1::2::3",
        "::12345",
        "::00001",
        "::g",
        "::1%eth0",
        "fe80::1%1",
        "[::1]",
        "::1]:80",
        "::1/128",
        " ::1",
        "::1 ",
        "::1.2.3",
        "::1.2.3.4.5",
        "::1.2.3.256",
        "::ffff:01.2.3.4",
        "1.2.3.4::",
        "::1.2.3.4:5",
        "::ffff:1.2.3.4 ",
        "0000:0000:0000:0000:0000:ffff:0255.255.255.255",
    };
    struct address address = {{9}}, untouched = address;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        cr_assert_not(parse(bad[i], &address), "%s", bad[i]);
    cr_assert_not(address_parse(TEXT_LITERAL("1.2.3.4\0"), &address));
    cr_assert_not(address_parse(TEXT_LITERAL("1.2.3.4\0.5"), &address));
    cr_assert_not(address_parse(TEXT_LITERAL("::\0001"), &address));
    cr_assert_not(address_parse(TEXT_NONE, &address));
    cr_assert_eq(address_compare(&address, &untouched), 0, "a refused text must leave the result alone");
}

/* Every IPv4 octet and random addresses with many zeros: the text is the platform's and reads back. */
Test(address, texts_come_back) {
    char out[ADDRESS_TEXT_MAX], expected[INET6_ADDRSTRLEN];
    struct address back;
    for (int i = 0; i < 200000; i++) {
        struct address address = {{0}};
        bool ipv4 = random_below(2);
        for (int k = ipv4 ? 12 : 0; k < 16; k++)
            address.bytes[k] = random_below(3) ? (uint8_t)random_below(256) : 0;
        if (ipv4)
            address.bytes[10] = address.bytes[11] = 0xff;
        struct text text = written(&address, out);
        if (address_is_ipv4(&address))
            inet_ntop(AF_INET, address.bytes + 12, expected, sizeof(expected));
        else
            inet_ntop(AF_INET6, address.bytes, expected, sizeof(expected));
        if (!text_is(text, expected) || !address_parse(text, &back) || address_compare(&address, &back) != 0)
            cr_assert_fail("%.*s, expected %s", (int)text.len, text.at, expected);
    }
}

Test(address, random_texts_never_crash_and_agree_with_the_platform) {
    static const char set[] = "0123456789abcdefABCDEF::::....%/ x";
    unsigned taken = 0;
    for (int i = 0; i < 300000; i++) {
        char text[ADDRESS_TEXT_MAX + 8];
        size_t len = random_below(3) ? random_below(12) : random_below(sizeof(text));
        for (size_t k = 0; k < len; k++)
            text[k] = set[random_below(sizeof(set) - 1)];
        text[len] = '\0';
        unsigned char platform[16];
        struct address address;
        bool expected = inet_pton(AF_INET, text, platform) == 1 || inet_pton(AF_INET6, text, platform) == 1;
        cr_assert_eq(parse(text, &address), expected, "%s", text);
        taken += expected;
    }
    cr_assert_gt(taken, 10);
}
