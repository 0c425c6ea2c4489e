#include <criterion/criterion.h>
#include <stdalign.h>
#include <stdlib.h>

#include "shared/base/arena.h"
#include "shared/base/buffer.h"
#include "shared/base/clock.h"
#include "shared/base/hash.h"
#include "shared/base/status.h"
#include "shared/base/utf8.h"
#include "shared/base/uuid.h"
#include "tests/unit/random_bytes.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* --- text --- */

Test(text, absent_and_empty_are_equal_bytes, .timeout = 10) {
    cr_assert_null(text_of(NULL).at);
    cr_assert_eq(text_of(NULL).len, 0);
    cr_assert(text_equal(TEXT_NONE, TEXT_LITERAL("")));
    cr_assert(text_equal(TEXT_LITERAL("a\0b"), ((struct text){"a\0b", 3})));
    cr_assert_not(text_equal(TEXT_LITERAL("a\0b"), TEXT_LITERAL("a\0c")));
    cr_assert_not(text_equal(TEXT_LITERAL("ab"), TEXT_LITERAL("abc")));
    cr_assert(text_is(TEXT_LITERAL("word"), "word"));
    cr_assert_not(text_is(TEXT_LITERAL("word"), "words"));
}

Test(text, letter_case_is_ascii_only, .timeout = 10) {
    cr_assert(text_equal_ignoring_case(TEXT_LITERAL("AbZ-@[`{09"), TEXT_LITERAL("aBz-@[`{09")));
    cr_assert_not(text_equal_ignoring_case(TEXT_LITERAL("@"), TEXT_LITERAL("`")));
    cr_assert_not(text_equal_ignoring_case(TEXT_LITERAL("["), TEXT_LITERAL("{")));
    cr_assert_not(text_equal_ignoring_case(TEXT_LITERAL("Ä"), TEXT_LITERAL("ä")));
    cr_assert_not(text_equal_ignoring_case(TEXT_LITERAL("a"), TEXT_LITERAL("aa")));
    cr_assert(text_equal_ignoring_case(TEXT_NONE, TEXT_LITERAL("")));
}

Test(text, finds_what_is_inside_in_any_case, .timeout = 10) {
    static const struct {
        const char *hay, *needle;
        bool found;
    } rows[] = {
        {"Acme Inc", "acme", true},
        {"Acme Inc", "e i", true},
        {"Acme Inc", "inc", true},
        {"Acme Inc", "", true},
        {"", "", true},
        {"", "a", false},
        {"Acme", "acme ", false},
        {"aaab", "aab", true},
        {"abab", "abb", false},
        {"ZÜRICH", "rich", true},
        {"ZÜRICH", "zürich", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        cr_assert_eq(text_contains_lowered(text_of(rows[i].hay), text_of(rows[i].needle)), rows[i].found,
                     "row %zu", i);
}

Test(text, unsigned_numbers_are_digits_within_the_bound, .timeout = 10) {
    static const struct {
        const char *text;
        unsigned long long max;
        bool fine;
        unsigned long long value;
    } rows[] = {
        {"0", 0, true, 0},
        {"1", 0, false, 0},
        {"007", 7, true, 7},
        {"8", 7, false, 0},
        {"70", 5, false, 0},
        {"77", 5, false, 0},
        {"1000", 1000, true, 1000},
        {"1001", 1000, false, 0},
        {"18446744073709551615", -1ull, true, -1ull},
        {"18446744073709551616", -1ull, false, 0},
        {"18446744073709551620", -1ull, false, 0},
        {"99999999999999999999999999", -1ull, false, 0},
        {"", 9, false, 0},
        {"+1", 9, false, 0},
        {"-1", 9, false, 0},
        {" 1", 9, false, 0},
        {"1 ", 9, false, 0},
        {"0x1", 9, false, 0},
        {"1.0", 99, false, 0},
        {"/", 9, false, 0},
        {":", 99, false, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        unsigned long long value = 4711;
        cr_assert_eq(text_to_unsigned(text_of(rows[i].text), rows[i].max, &value), rows[i].fine, "row %zu",
                     i);
        cr_assert_eq(value, rows[i].fine ? rows[i].value : 4711, "row %zu", i);
    }
}

/* No bound lets a number past it through, whatever its digits. */
Test(text, unsigned_numbers_never_wrap, .timeout = 20) {
    for (int i = 0; i < 200000; i++) {
        char digits[25];
        size_t len = 1 + random_below(sizeof(digits));
        for (size_t k = 0; k < len; k++)
            digits[k] = (char)('0' + random_below(10));
        unsigned long long max = random_below(2) ? random_below(20) : random_below(UINT64_MAX), value;
        __uint128_t truth = 0;
        for (size_t k = 0; k < len; k++)
            truth = truth * 10 + (unsigned)(digits[k] - '0');
        bool fine = text_to_unsigned((struct text){digits, len}, max, &value);
        cr_assert_eq(fine, truth <= max, "%.*s max %llu", (int)len, digits, max);
        cr_assert(!fine || value == truth);
    }
}

/* --- buffer --- */

Test(buffer, grows_and_keeps_what_is_in_it, .timeout = 10) {
    struct buffer buffer = BUFFER_EMPTY;
    cr_assert(text_is(buffer_text(&buffer), ""));
    cr_assert_not_null(buffer_text(&buffer).at);
    buffer_append(&buffer, NULL, 0);
    for (int i = 0; i < 10000; i++) {
        buffer_append_char(&buffer, (char)i);
        buffer_append(&buffer, "\0xy", 3);
    }
    cr_assert_eq(buffer.len, 40000);
    for (int i = 0; i < 10000; i++) {
        cr_assert_eq(buffer.at[4 * i], (char)i);
        cr_assert_eq(memcmp(buffer.at + 4 * i + 1, "\0xy", 3), 0);
    }
    buffer_fini(&buffer);
    cr_assert_null(buffer.at);
    buffer_fini(&buffer);
}

Test(buffer, writes_numbers_to_their_bounds, .timeout = 10) {
    struct buffer buffer = BUFFER_EMPTY;
    buffer_append_unsigned(&buffer, 0);
    buffer_append_char(&buffer, ' ');
    buffer_append_unsigned(&buffer, UINT64_MAX);
    buffer_append_char(&buffer, ' ');
    buffer_append_signed(&buffer, INT64_MIN);
    buffer_append_char(&buffer, ' ');
    buffer_append_signed(&buffer, INT64_MAX);
    buffer_append_char(&buffer, ' ');
    buffer_append_signed(&buffer, -7);
    cr_assert(
        text_is(buffer_text(&buffer), "0 18446744073709551615 -9223372036854775808 9223372036854775807 -7"));
    buffer_fini(&buffer);
}

Test(buffer, printf_appends_without_a_trailing_zero, .timeout = 10) {
    struct buffer buffer = BUFFER_EMPTY;
    buffer_append_string(&buffer, "a");
    buffer_printf(&buffer, "%s", "");
    buffer_printf(&buffer, "%d-%s", 12, "b");
    cr_assert(text_is(buffer_text(&buffer), "a12-b"));
    buffer_printf(&buffer, "%0512d", 1);
    cr_assert_eq(buffer.len, 5 + 512);
    buffer_append_text(&buffer, TEXT_LITERAL("end"));
    cr_assert_eq(memcmp(buffer.at + 5 + 511, "1end", 4), 0);
    buffer_fini(&buffer);
}

Test(buffer, take_hands_the_bytes_over_and_clear_keeps_the_room, .timeout = 10) {
    struct buffer buffer = BUFFER_EMPTY;
    size_t len;
    buffer_append_string(&buffer, "mine");
    size_t room = buffer.room;
    buffer_clear(&buffer);
    cr_assert_eq(buffer.len, 0);
    cr_assert_eq(buffer.room, room);
    buffer_append_string(&buffer, "yours");
    char *bytes = buffer_take(&buffer, &len);
    cr_assert_eq(len, 5);
    cr_assert_eq(memcmp(bytes, "yours", 5), 0);
    cr_assert_null(buffer.at);
    cr_assert_eq(buffer.len + buffer.room, 0);
    free(bytes);
}

Test(buffer, reserve_promises_room_without_using_it, .timeout = 10) {
    struct buffer buffer = BUFFER_EMPTY;
    buffer_append_string(&buffer, "head");
    char *at = buffer_reserve(&buffer, 100000);
    cr_assert_eq(at, buffer.at + 4);
    cr_assert_geq(buffer.room - buffer.len, 100000);
    memset(at, 'x', 100000);
    cr_assert_eq(buffer.len, 4);
    cr_assert(text_is(buffer_text(&buffer), "head"));
    buffer_fini(&buffer);
}

/* --- arena --- */

Test(arena, everything_is_aligned_and_apart, .timeout = 10) {
    struct arena arena = ARENA_EMPTY;
    unsigned char *taken[3000];
    size_t sizes[3000];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 3000; i++) {
            sizes[i] = i % 500 == 499 ? 40000 : random_below(100);
            taken[i] = arena_take(&arena, sizes[i]);
            cr_assert_eq((uintptr_t)taken[i] % alignof(max_align_t), 0);
            memset(taken[i], i & 255, sizes[i]);
        }
        for (int i = 0; i < 3000; i++)
            for (size_t k = 0; k < sizes[i]; k++)
                cr_assert_eq(taken[i][k], i & 255);
        arena_reset(&arena);
    }
    arena_fini(&arena);
    cr_assert_null(arena.first);
    arena_fini(&arena);
}

Test(arena, reset_gives_the_first_block_again, .timeout = 10) {
    struct arena arena = ARENA_EMPTY;
    arena_reset(&arena);
    void *first = arena_take(&arena, 24);
    for (int i = 0; i < 100; i++)
        arena_take(&arena, 4000);
    arena_reset(&arena);
    cr_assert_eq(arena_take(&arena, 24), first);
    arena_fini(&arena);
}

Test(arena, copies_are_its_own, .timeout = 10) {
    struct arena arena = ARENA_EMPTY;
    char original[] = "a\0b";
    struct text copy = arena_copy(&arena, (struct text){original, 3});
    original[0] = 'z';
    cr_assert(text_equal(copy, TEXT_LITERAL("a\0b")));
    cr_assert_null(arena_copy(&arena, TEXT_NONE).at);
    struct text empty = arena_copy(&arena, TEXT_LITERAL(""));
    cr_assert_not_null(empty.at, "an empty text is not an absent one");
    cr_assert_eq(empty.len, 0);
    arena_fini(&arena);
}

Test(arena, printf_has_no_longest_line, .timeout = 10) {
    struct arena arena = ARENA_EMPTY;
    for (int len = 505; len < 520; len++) {
        struct text line = arena_printf(&arena, "%0*d", len, 7);
        cr_assert_eq(line.len, (size_t)len);
        cr_assert_eq(line.at[len - 1], '7');
    }
    cr_assert(text_is(arena_printf(&arena, "%s/%d", "x", 3), "x/3"));
    arena_fini(&arena);
}

/* --- UTF-8 (RFC 3629 section 4) --- */

Test(utf8, sequences_at_every_border, .timeout = 10) {
    static const struct {
        const char *bytes;
        size_t len, sequence;
    } rows[] = {
        {"\x00", 1, 1},
        {"\x7f", 1, 1},
        {"\xc2\x80", 2, 2},
        {"\xdf\xbf", 2, 2},
        {"\xe0\xa0\x80", 3, 3},
        {"\xed\x9f\xbf", 3, 3},
        {"\xee\x80\x80", 3, 3},
        {"\xef\xbf\xbf", 3, 3},
        {"\xf0\x90\x80\x80", 4, 4},
        {"\xf4\x8f\xbf\xbf", 4, 4},
        {"\x80", 1, 0},
        {"\xbf", 1, 0},
        {"\xc0\x80", 2, 0},
        {"\xc1\xbf", 2, 0},
        {"\xc2", 1, 0},
        {"\xc2\x41", 2, 0},
        {"\xc2\xc2", 2, 0},
        {"\xe0\x80\x80", 3, 0},
        {"\xe0\x9f\xbf", 3, 0},
        {"\xed\xa0\x80", 3, 0},
        {"\xed\xbf\xbf", 3, 0},
        {"\xe1\x80", 2, 0},
        {"\xe1\x80\x41", 3, 0},
        {"\xf0\x80\x80\x80", 4, 0},
        {"\xf0\x8f\xbf\xbf", 4, 0},
        {"\xf4\x90\x80\x80", 4, 0},
        {"\xf1\x80\x80", 3, 0},
        {"\xf1\x80\x80\x41", 4, 0},
        {"\xf5\x80\x80\x80", 4, 0},
        {"\xf8\x88\x80\x80", 4, 0},
        {"\xfe", 1, 0},
        {"\xff", 1, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char *exact = exact_copy(rows[i].bytes, rows[i].len);
        cr_assert_eq(utf8_sequence(exact, rows[i].len), rows[i].sequence, "row %zu", i);
        cr_assert_eq(utf8_valid((struct text){exact, rows[i].len}), rows[i].sequence != 0, "row %zu", i);
        free(exact);
    }
    cr_assert(utf8_valid(TEXT_NONE));
    cr_assert_not(utf8_valid(TEXT_LITERAL("fine \xc3\xa4 until \xff")));
}

Test(utf8, every_scalar_value_comes_back_and_no_surrogate_does, .timeout = 20) {
    for (uint32_t code = 0; code <= 0x10ffff; code++) {
        char out[4];
        size_t len = utf8_write(code, out);
        bool surrogate = code >= 0xd800 && code <= 0xdfff;
        if (utf8_sequence(out, len) != (surrogate ? 0 : len) ||
            (!surrogate && utf8_count((struct text){out, len}) != 1))
            cr_assert_fail("code %x", code);
        if (len > 1 && !surrogate && utf8_sequence(out, len - 1) != 0)
            cr_assert_fail("code %x cut short", code);
    }
}

Test(utf8, cuts_never_split_a_character, .timeout = 10) {
    struct text text = TEXT_LITERAL("aä€\xf0\x9f\x94\xa5z"); /* 1 + 2 + 3 + 4 + 1 bytes */
    static const size_t expected[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};
    for (size_t max = 0; max < COUNT_OF(expected); max++) {
        struct text cut = utf8_cut(text, max);
        cr_assert_eq(cut.len, expected[max], "max %zu", max);
        cr_assert(utf8_valid(cut));
    }
    cr_assert_eq(utf8_count(text), 5);
    cr_assert_eq(utf8_count(TEXT_NONE), 0);
}

/* --- hash --- */

/* FNV-1a from its published constants, then the mix; computed apart from this code. Redis keys depend on it.
 */
Test(hash, is_the_same_for_ever, .timeout = 10) {
    static const struct {
        const char *text;
        size_t len;
        uint64_t hash;
    } rows[] = {
        {"", 0, 0xfdbdf6ac4fc52e7fu},       {"a", 1, 0x2ef7d1316eb86f71u},
        {"\0", 1, 0xec7ede950aa487fcu},     {"curl/8.5.0", 10, 0xa2ea0663c218dd96u},
        {"Zürich", 7, 0xbeb2cd73cdff4da8u},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        cr_assert_eq(hash_bytes(rows[i].text, rows[i].len), rows[i].hash, "row %zu", i);
    cr_assert_eq(hash_text(TEXT_NONE), hash_text(TEXT_LITERAL("")));
}

/* --- UUID --- */

Test(uuid, has_the_time_the_version_and_the_variant, .timeout = 10) {
    struct uuid_source source;
    uuid_source_init(&source);
    for (int64_t ms = 1763696000123; ms < 1763696000123 + 2000; ms += 7) {
        char text[UUID_LENGTH];
        struct uuid id = uuid_next(&source, ms), back;
        cr_assert_eq(uuid_ms(&id), ms);
        uuid_write(&id, text);
        for (int i = 0; i < UUID_LENGTH; i++) {
            bool dash = i == 8 || i == 13 || i == 18 || i == 23;
            cr_assert_eq(text[i] == '-', dash);
            cr_assert(dash || strchr("0123456789abcdef", text[i]) != NULL);
        }
        cr_assert_eq(text[14], '7');
        cr_assert_not_null(memchr("89ab", text[19], 4));
        cr_assert(uuid_parse((struct text){text, UUID_LENGTH}, &back));
        cr_assert_eq(uuid_compare(&id, &back), 0);
    }
}

/* More ids in one ms than the 12-bit counter holds, and a clock that goes back: still rising, in bytes and in
 * text. */
Test(uuid, never_goes_back, .timeout = 20) {
    static const int64_t steps[] = {0, 0, 0, 0, 0, 0, 0, 0, 1, -5, 3, -1000};
    struct uuid_source source;
    uuid_source_init(&source);
    int64_t ms = 1763696000123;
    struct uuid before = uuid_next(&source, ms);
    char text_before[UUID_LENGTH], text[UUID_LENGTH];
    uuid_write(&before, text_before);
    for (int i = 0; i < 200000; i++) {
        struct uuid id = uuid_next(&source, ms);
        uuid_write(&id, text);
        cr_assert_gt(uuid_compare(&id, &before), 0);
        cr_assert_gt(memcmp(text, text_before, UUID_LENGTH), 0);
        cr_assert_eq(id.bytes[6] >> 4, 7);
        cr_assert_eq(id.bytes[8] >> 6, 2);
        before = id;
        memcpy(text_before, text, UUID_LENGTH);
        if (random_below(1000) == 0)
            ms += steps[random_below(COUNT_OF(steps))];
    }
}

Test(uuid, sources_do_not_repeat_each_other, .timeout = 10) {
    struct uuid_source a, b;
    uuid_source_init(&a);
    uuid_source_init(&b);
    for (int i = 0; i < 1000; i++) {
        struct uuid from_a = uuid_next(&a, 1763696000123), from_b = uuid_next(&b, 1763696000123);
        cr_assert_neq(memcmp(from_a.bytes + 8, from_b.bytes + 8, 8), 0);
    }
}

Test(uuid, parse_takes_either_case_and_nothing_else, .timeout = 10) {
    static const char *const bad[] = {
        "",
        "019384a1-7c3e-7abc-8def-0123456789a",
        "019384a1-7c3e-7abc-8def-0123456789abc",
        "019384a17c3e-7abc-8def-0123456789abcd",
        "019384a1-7c3e7-abc-8def-0123456789ab",
        "019384a1_7c3e_7abc_8def_0123456789ab",
        "019384a1-7c3e-7abc-8def-0123456789ag",
        "{19384a1-7c3e-7abc-8def-0123456789a}",
        " 19384a1-7c3e-7abc-8def-0123456789ab",
        "-19384a1-7c3e-7abc-8def-0123456789ab",
        "019384a1-7c3e-7abc-8def-0123456789a\n",
        "0x9384a1-7c3e-7abc-8def-0123456789ab",
    };
    struct uuid id, other = {{1, 2, 3}}, untouched = other;
    cr_assert(uuid_parse(TEXT_LITERAL("019384a1-7c3e-7abc-8def-0123456789ab"), &id));
    cr_assert_eq(uuid_ms(&id), 0x019384a17c3e);
    cr_assert(uuid_parse(TEXT_LITERAL("019384A1-7C3E-7aBc-8DEF-0123456789AB"), &other));
    cr_assert_eq(uuid_compare(&id, &other), 0);
    cr_assert(uuid_parse(TEXT_LITERAL("00000000-0000-0000-0000-000000000000"), &other));
    other = untouched;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        char *exact = exact_copy(bad[i], strlen(bad[i]));
        cr_assert_not(uuid_parse((struct text){exact, strlen(bad[i])}, &other), "%s", bad[i]);
        free(exact);
    }
    cr_assert_not(uuid_parse(TEXT_NONE, &other));
    cr_assert_eq(uuid_compare(&other, &untouched), 0, "a refused text must leave the result alone");
}

/* --- status, clock --- */

Test(status, every_row_can_be_answered_and_told_apart, .timeout = 10) {
    for (int i = 0; i < STATUS_COUNT; i++) {
        const struct status_row *row = status_row((enum status)i);
        cr_assert_str_eq(row->name, status_name((enum status)i));
        cr_assert_gt(strlen(row->title), 0);
        cr_assert(i == STATUS_OK ? row->http_status == 200
                                 : row->http_status >= 400 && row->http_status <= 599,
                  "%s", row->name);
        cr_assert_leq((int)row->entry_action, (int)ENTRY_BURY);
        for (int k = 0; k < i; k++)
            cr_assert_str_neq(row->name, status_name((enum status)k));
    }
}

Test(clock, monotonic_time_does_not_go_back, .timeout = 10) {
    int64_t before = clock_monotonic_ns();
    for (int i = 0; i < 10000; i++) {
        int64_t now = clock_monotonic_ns();
        cr_assert_geq(now, before);
        before = now;
    }
    cr_assert_gt(clock_wall_ms(), INT64_C(1700000000000));
}
