#include <criterion/criterion.h>

#include "api/catalog/address_search.h"

static uint64_t random_state = 88172645463325252u;

static uint64_t next_random(uint64_t below) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (random_state >> 11) % below;
}

/* Few values, so that zeros run and parts repeat. */
static struct address random_address(void) {
    struct address address = {{0}};
    uint64_t kind = next_random(8);
    if (kind < 3)
        address.bytes[10] = address.bytes[11] = 0xff;
    for (int i = kind < 4 ? 12 : 0; i < 16; i++)
        address.bytes[i] = next_random(3) == 0 ? (uint8_t)next_random(256) : (uint8_t)next_random(3);
    for (int i = 0; kind > 4 && i < 16; i += 2)
        if (next_random(2) == 0)
            address.bytes[i] = address.bytes[i + 1] = 0;
    return address;
}

static size_t random_needle(const struct address *near, char *needle) {
    static const char alphabet[] = "0123456789abcdef::::....";
    char text[ADDRESS_TEXT_MAX];
    size_t len = address_write(near, text), from = next_random(len), take = 1 + next_random(len - from);
    if (next_random(6) == 0)
        take = take < 3 ? take : 3;
    memcpy(needle, text + from, take);
    if (next_random(3) == 0)
        needle[next_random(take)] = alphabet[next_random(sizeof(alphabet) - 1)];
    return take;
}

Test(address_search, agrees_with_the_spelt_address, .timeout = 120) {
    unsigned matches = 0, others = 0;
    for (int i = 0; i < 60000; i++) {
        char needle[ADDRESS_TEXT_MAX], text[ADDRESS_TEXT_MAX];
        struct address near = random_address();
        struct address_search search;
        size_t needle_len = random_needle(&near, needle);
        address_search_init(&search, (struct text){needle, needle_len});
        for (int k = 0; k < 12; k++) {
            struct address address = k == 0 ? near : random_address();
            size_t len = address_write(&address, text);
            bool expected = memmem(text, len, needle, needle_len) != NULL;
            cr_assert_eq(address_search_matches(&search, &address), expected, "'%.*s' in '%.*s'",
                         (int)needle_len, needle, (int)len, text);
            cr_assert(search.possible || !expected);
            matches += expected;
            others += !expected;
        }
    }
    cr_assert_gt(matches, 10000);
    cr_assert_gt(others, 10000);
}

Test(address_search, knows_what_no_address_contains, .timeout = 10) {
    const char *impossible[] = {"acme",     "g",   " ",
                                "1.2.3.4 ", "1-2", "0000000000000000000000000000000000000000000000"};
    struct address_search search;
    for (size_t i = 0; i < sizeof(impossible) / sizeof(impossible[0]); i++) {
        address_search_init(&search, text_of(impossible[i]));
        cr_assert_not(search.possible, "%s", impossible[i]);
    }
    address_search_init(&search, (struct text){"1\0", 2});
    cr_assert_not(search.possible);
}
