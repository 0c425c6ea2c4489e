#include <criterion/criterion.h>

#include "api/http/url_query.h"
#include "shared/base/buffer.h"
#include "shared/base/utf8.h"
#include "tests/unit/random_bytes.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

enum { PAIRS_MAX = 4 };

struct pair {
    const char *name;
    struct text value;
};

#define VALUE(s)                                                                                             \
    { "" s, sizeof(s) - 1 }

TestSuite(url_query, .timeout = 30);

Test(url_query, pairs_are_decoded) {
    static const struct {
        const char *query;
        unsigned count;
        struct pair pairs[PAIRS_MAX];
    } rows[] = {
        {"", 0, {{0}}},
        {"&", 0, {{0}}},
        {"&&&", 0, {{0}}},
        {"a=1", 1, {{"a", VALUE("1")}}},
        {"a=1&b=2", 2, {{"a", VALUE("1")}, {"b", VALUE("2")}}},
        {"&a=1&&b=2&", 2, {{"a", VALUE("1")}, {"b", VALUE("2")}}},
        {"a", 1, {{"a", VALUE("")}}},
        {"a=", 1, {{"a", VALUE("")}}},
        {"=", 1, {{"", VALUE("")}}},
        {"=v", 1, {{"", VALUE("v")}}},
        {"a=b=c", 1, {{"a", VALUE("b=c")}}},
        {"a=1&a=2", 2, {{"a", VALUE("1")}, {"a", VALUE("2")}}},
        {"a=x+y", 1, {{"a", VALUE("x y")}}},
        {"a+b=+", 1, {{"a b", VALUE(" ")}}},
        {"a=%2B%26%3D%25", 1, {{"a", VALUE("+&=%")}}},
        {"%61%62=%63", 1, {{"ab", VALUE("c")}}},
        {"a=%c3%A4%E2%82%ac", 1, {{"a", VALUE("ä€")}}},
        {"a=ä", 1, {{"a", VALUE("ä")}}},
        {"a=%00b", 1, {{"a", VALUE("\0b")}}},
        {"a=?/:;@", 1, {{"a", VALUE("?/:;@")}}},
        {"a=1;b=2", 1, {{"a", VALUE("1;b=2")}}},
        /* broken escapes stay as they are written */
        {"a=%", 1, {{"a", VALUE("%")}}},
        {"a=%4", 1, {{"a", VALUE("%4")}}},
        {"a=%4g", 1, {{"a", VALUE("%4g")}}},
        {"a=%g4", 1, {{"a", VALUE("%g4")}}},
        {"a=100%&b=%2", 2, {{"a", VALUE("100%")}, {"b", VALUE("%2")}}},
        {"a=%%41", 1, {{"a", VALUE("%A")}}},
        {"a=%+1", 1, {{"a", VALUE("% 1")}}},
        {"a=%\x10\x11", 1, {{"a", VALUE("%\x10\x11")}}},
        {"a=%2541", 1, {{"a", VALUE("%41")}}},
    };
    struct arena arena = ARENA_EMPTY;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char *exact = exact_copy(rows[i].query, strlen(rows[i].query));
        struct text query = {exact, strlen(rows[i].query)}, name, value;
        unsigned count = 0;
        for (; url_query_next(&query, &arena, &name, &value); count++) {
            cr_assert_lt(count, rows[i].count, "%s", rows[i].query);
            cr_assert(text_is(name, rows[i].pairs[count].name), "%s: name %.*s", rows[i].query, (int)name.len,
                      name.at);
            cr_assert_not_null(value.at, "%s", rows[i].query);
            cr_assert(text_equal(value, rows[i].pairs[count].value), "%s: value %.*s", rows[i].query,
                      (int)value.len, value.at);
        }
        cr_assert_eq(count, rows[i].count, "%s", rows[i].query);
        free(exact);
    }
    arena_fini(&arena);
}

Test(url_query, what_is_not_utf8_has_no_value) {
    static const char *const bad[] = {"a=%ff", "a=%c3", "a=x%c0%80", "a=%ed%a0%80", "a=\xff", "a=%c3%28"};
    struct arena arena = ARENA_EMPTY;
    struct text name, value;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct buffer two = BUFFER_EMPTY;
        buffer_printf(&two, "%s&b=fine", bad[i]);
        struct text query = buffer_text(&two);
        cr_assert(url_query_next(&query, &arena, &name, &value));
        cr_assert(text_is(name, "a"));
        cr_assert_null(value.at, "%s", bad[i]);
        cr_assert(url_query_next(&query, &arena, &name, &value));
        cr_assert(text_is(name, "b") && text_is(value, "fine"));
        cr_assert_not(url_query_next(&query, &arena, &name, &value));
        buffer_fini(&two);
    }
    struct text query = TEXT_LITERAL("%ff=1");
    cr_assert(url_query_next(&query, &arena, &name, &value));
    cr_assert(text_is(name, ""), "a name that cannot be read is nobody's");
    arena_fini(&arena);
}

Test(url_query, encoding_is_upper_case_and_leaves_what_may_stay) {
    static const struct {
        struct text text;
        const char *encoded;
    } rows[] = {
        {VALUE(""), ""},
        {VALUE("azAZ09-._~"), "azAZ09-._~"},
        {VALUE("a,b:c"), "a,b:c"},
        {VALUE(" +&=%#?/"), "%20%2B%26%3D%25%23%3F%2F"},
        {VALUE("ä€"), "%C3%A4%E2%82%AC"},
        {VALUE("\0\x01\x7f"), "%00%01%7F"},
        {VALUE("\"<>\\^`{|}"), "%22%3C%3E%5C%5E%60%7B%7C%7D"},
    };
    struct buffer out = BUFFER_EMPTY;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        buffer_clear(&out);
        url_query_encode(&out, rows[i].text);
        cr_assert(text_is(buffer_text(&out), rows[i].encoded), "%.*s", (int)out.len, buffer_text(&out).at);
    }
    buffer_fini(&out);
}

Test(url_query, what_is_encoded_is_decoded) {
    struct arena arena = ARENA_EMPTY;
    struct buffer out = BUFFER_EMPTY;
    for (int i = 0; i < 50000; i++) {
        char bytes[24];
        struct text text = {bytes, random_below(sizeof(bytes))}, name, value;
        for (size_t k = 0; k < text.len; k++)
            bytes[k] = (char)random_below(random_below(2) ? 128 : 256);
        buffer_clear(&out);
        buffer_append_string(&out, "q=");
        url_query_encode(&out, text);
        for (size_t k = 2; k < out.len; k++)
            cr_assert(out.at[k] > ' ' && out.at[k] < 0x7f && strchr("&=+#", out.at[k]) == NULL);
        struct text query = buffer_text(&out);
        cr_assert(url_query_next(&query, &arena, &name, &value));
        cr_assert(utf8_valid(text) ? text_equal(value, text) : value.at == NULL);
        cr_assert_eq(query.len, 0);
        arena_reset(&arena);
    }
    buffer_fini(&out);
    arena_fini(&arena);
}

Test(url_query, noise_ends) {
    static const char set[] = "ab=&&%%4fF+\xff";
    struct arena arena = ARENA_EMPTY;
    for (int i = 0; i < 100000; i++) {
        char noise[32];
        size_t len = random_below(sizeof(noise)), pairs = 0;
        for (size_t k = 0; k < len; k++)
            noise[k] = set[random_below(sizeof(set) - 1)];
        char *exact = exact_copy(noise, len);
        struct text query = {exact, len}, name, value;
        while (url_query_next(&query, &arena, &name, &value)) {
            cr_assert(utf8_valid(name) && utf8_valid(value));
            pairs++;
        }
        cr_assert_leq(pairs, (len + 1) / 2);
        free(exact);
        arena_reset(&arena);
    }
    arena_fini(&arena);
}
