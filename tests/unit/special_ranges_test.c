#include "shared/context/special_ranges.h"

#include <criterion/criterion.h>

Test(range, table_agrees_with_its_own_texts, .timeout = 10) {
    for (unsigned i = 0; i < special_range_count; i++) {
        const struct special_range *range = &special_ranges[i];
        char written[PREFIX_TEXT_MAX + 1];
        written[prefix_write(&range->prefix, written)] = '\0';
        cr_expect_str_eq(written, range->fact.cidr);
        struct prefix parsed;
        cr_expect_null(prefix_parse(text_of(range->fact.cidr), &parsed), "%s", range->fact.cidr);
        cr_expect_eq(parsed.length, range->prefix.length);
        cr_expect_str_eq(special_range_find(&range->prefix.address).cidr == NULL ? "" : "found", "found");
    }
}

struct range_row {
    const char *address;
    const char *cidr; /* NULL: ordinary */
    const char *reference;
};

static const struct range_row range_rows[] = {
    {"10.1.2.3", "10.0.0.0/8", "RFC 1918"},
    {"172.31.255.255", "172.16.0.0/12", "RFC 1918"},
    {"172.32.0.0", NULL, NULL},
    {"192.168.255.1", "192.168.0.0/16", "RFC 1918"},
    {"100.127.255.255", "100.64.0.0/10", "RFC 6598"},
    {"100.128.0.0", NULL, NULL},
    {"127.0.0.1", "127.0.0.0/8", "RFC 1122"},
    {"::1", "::1/128", "RFC 4291"},
    {"::", "::/128", "RFC 4291"},
    {"169.254.169.254", "169.254.0.0/16", "RFC 3927"},
    {"fe80::1", "fe80::/10", "RFC 4291"},
    {"192.0.2.1", "192.0.2.0/24", "RFC 5737"},
    {"198.51.100.1", "198.51.100.0/24", "RFC 5737"},
    {"203.0.113.1", "203.0.113.0/24", "RFC 5737"},
    {"2001:db8::1", "2001:db8::/32", "RFC 3849"},
    {"3fff::1", "3fff::/20", "RFC 9637"},
    {"3fff:1000::1", NULL, NULL},
    {"198.19.0.1", "198.18.0.0/15", "RFC 2544"},
    {"2001:2::1", "2001:2::/48", "RFC 5180"},
    {"192.0.0.8", "192.0.0.0/24", "RFC 6890"},
    {"0.1.2.3", "0.0.0.0/8", "RFC 1122"},
    {"240.0.0.1", "240.0.0.0/4", "RFC 1112"},
    {"255.255.255.255", "255.255.255.255/32", "RFC 919"},
    {"192.88.99.1", "192.88.99.0/24", "RFC 7526"},
    {"239.1.2.3", "224.0.0.0/4", "RFC 5771"},
    {"ff02::1", "ff00::/8", "RFC 4291"},
    {"fd00::1", "fc00::/7", "RFC 4193"},
    {"100::1", "100::/64", "RFC 6666"},
    {"2001:100::1", "2001::/23", "RFC 2928"},
    {"2001:0:1::1", "2001::/32", "RFC 4380"},
    {"2001:200::1", NULL, NULL},
    {"2002:c000:201::1", "2002::/16", "RFC 3056"},
    {"::ffff:10.0.0.1", "10.0.0.0/8", "RFC 1918"},
    {"::ffff:8.8.8.8", NULL, NULL},
    {"64:ff9b::10.0.0.1", "10.0.0.0/8", "RFC 1918"},
    {"64:ff9b::8.8.8.8", NULL, NULL},
    {"64:ff9b:1::8.8.8.8", "64:ff9b:1::/48", "RFC 8215"},
    {"8.8.8.8", NULL, NULL},
    {"2606:4700::1111", NULL, NULL},
};

Test(range, addresses_are_judged, .timeout = 10) {
    for (unsigned i = 0; i < sizeof(range_rows) / sizeof(range_rows[0]); i++) {
        const struct range_row *row = &range_rows[i];
        struct address address;
        cr_assert(address_parse(text_of(row->address), &address), "%s", row->address);
        struct range_fact fact = special_range_find(&address);
        cr_expect_str_eq(fact.cidr == NULL ? "-" : fact.cidr, row->cidr == NULL ? "-" : row->cidr, "%s",
                         row->address);
        cr_expect_str_eq(fact.reference == NULL ? "-" : fact.reference,
                         row->reference == NULL ? "-" : row->reference);
        cr_expect_eq(fact.meaning == NULL, fact.cidr == NULL);
    }
}
