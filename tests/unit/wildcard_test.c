#include "shared/context/wildcard.h"

#include <criterion/criterion.h>

struct wildcard_row {
    const char *pattern, *text;
    bool matches;
};

static const struct wildcard_row wildcard_rows[] = {
    {"abc", "ABC", true},       {"abc", "abcd", false},   {"*", "", true},
    {"*", "anything", true},    {"", "", true},           {"", "a", false},
    {"a*", "Abc", true},        {"a*", "ba", false},      {"*c", "abC", true},
    {"*c", "cb", false},        {"a*c", "ac", true},      {"a*a", "a", false},
    {"*b*", "abc", true},       {"*b*", "acd", false},    {"**a**", "xay", true},
    {"a*b*c", "a1b2b3c", true}, {"a*b*c", "acb", false},  {"*ab*ab*", "xabx", false},
    {"*ab*ab", "abab", true},   {"ab*ba", "aba", false},  {"*a*b", "ba", false},
    {"?", "x", false},          {"*[x]*", "a[X]b", true}, {"\xc3\x84*", "\xc3\xa4", false},
};

static bool wildcard_of(struct text pattern, struct text text) {
    char lowered[2][4096];
    wildcard_lower(pattern, lowered[0]);
    wildcard_lower(text, lowered[1]);
    return wildcard_matches((struct text){lowered[0], pattern.len}, (struct text){lowered[1], text.len});
}

Test(wildcard, patterns, .timeout = 10) {
    for (unsigned i = 0; i < sizeof(wildcard_rows) / sizeof(wildcard_rows[0]); i++) {
        const struct wildcard_row *row = &wildcard_rows[i];
        cr_expect_eq(wildcard_of(text_of(row->pattern), text_of(row->text)), row->matches, "%s %s",
                     row->pattern, row->text);
    }
    cr_expect(wildcard_matches(TEXT_LITERAL("*"), TEXT_NONE));
}

/* Catastrophic for anything that backtracks: the time-out is the assertion. */
Test(wildcard, hostile_pattern_ends_soon, .timeout = 5) {
    char pattern[4000], text[4000];
    bool matched = false;
    for (unsigned i = 0; i < sizeof(pattern); i++)
        pattern[i] = i % 2 ? 'a' : '*';
    memset(text, 'a', sizeof(text));
    pattern[sizeof(pattern) - 1] = 'b';
    for (unsigned i = 0; i < 10000; i++)
        matched |=
            wildcard_matches((struct text){pattern, sizeof(pattern)}, (struct text){text, sizeof(text)});
    cr_expect_not(matched);
}
