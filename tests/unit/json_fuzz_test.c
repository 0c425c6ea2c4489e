/* The reader against jansson, which was written by others: on random documents, on damaged ones and on noise.
 * They may differ only where the contract does:
 *   - a member name with U+0000 is jansson's error, not ours;
 *   - a number that no double holds is jansson's error; ours is the caller's (integer_from_number);
 *   - we stop at READER_DEPTH_MAX levels;
 *   - jansson swallows a zero byte behind a number, which no JSON has. */
#include <criterion/criterion.h>
#include <jansson.h>

#include "shared/json/reader.h"
#include "shared/json/writer.h"
#include "tests/unit/random_bytes.h"

enum { FLAGS = JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL };

/* --- random documents: any spelling that RFC 8259 allows --- */

static void put_blanks(struct buffer *out) {
    while (random_below(4) == 0)
        buffer_append_char(out, " \t\r\n"[random_below(4)]);
}

static void put_text(struct buffer *out) {
    static const char *const pieces[] = {"a",
                                         "b",
                                         "name",
                                         "\\n",
                                         "\\\"",
                                         "\\\\",
                                         "\\/",
                                         "\\u0041",
                                         "\\u00e4",
                                         "\\u20aC",
                                         "\\ud83d\\udd25",
                                         "\\u0000",
                                         "ä",
                                         "€",
                                         "\xf0\x9f\x94\xa5",
                                         " ",
                                         ":",
                                         "{",
                                         "\x7f"};
    buffer_append_char(out, '"');
    while (random_below(3) != 0)
        buffer_append_string(out, pieces[random_below(sizeof(pieces) / sizeof(pieces[0]))]);
    buffer_append_char(out, '"');
}

static void put_number(struct buffer *out) {
    if (random_below(2))
        buffer_append_char(out, '-');
    if (random_below(3) == 0)
        buffer_append_char(out, '0');
    else
        buffer_append_unsigned(out, 1 + random_below(UINT64_C(1) << random_below(53)));
    if (random_below(3) == 0)
        buffer_printf(out, ".%0*u", 1 + (int)random_below(6), (unsigned)random_below(10));
    if (random_below(4) == 0)
        buffer_printf(out, "%c%s%u", "eE"[random_below(2)],
                      random_below(2)   ? ""
                      : random_below(2) ? "+"
                                        : "-",
                      (unsigned)random_below(20));
}

static void put_value(struct buffer *out, int levels);

static void put_members(struct buffer *out, int levels, bool named) {
    uint64_t count = random_below(5) == 0 ? random_below(14) : random_below(4);
    for (uint64_t i = 0; i < count; i++) {
        if (i > 0)
            buffer_append_char(out, ',');
        put_blanks(out);
        if (named) {
            put_text(out);
            put_blanks(out);
            buffer_append_char(out, ':');
        }
        put_value(out, levels - 1);
    }
}

static void put_value(struct buffer *out, int levels) {
    static const char *const words[] = {"true", "false", "null"};
    put_blanks(out);
    switch (random_below(levels > 0 ? 6 : 3)) {
    case 0: put_text(out); break;
    case 1: put_number(out); break;
    case 2: buffer_append_string(out, words[random_below(3)]); break;
    case 3:
    case 4:
        buffer_append_char(out, '{');
        put_members(out, levels, true);
        put_blanks(out);
        buffer_append_char(out, '}');
        break;
    default:
        buffer_append_char(out, '[');
        put_members(out, levels, false);
        put_blanks(out);
        buffer_append_char(out, ']');
    }
    put_blanks(out);
}

/* --- what the reader sees, as jansson's tree --- */

static json_t *read_tree(struct reader *reader, struct arena *arena);

static json_t *read_object(struct reader *reader, struct arena *arena) {
    json_t *object = json_object();
    struct text name;
    if (reader_enter_object(reader))
        while (reader_next_member(reader, arena, &name))
            json_object_setn_new(object, name.at, name.len, read_tree(reader, arena));
    return object;
}

static json_t *read_array(struct reader *reader, struct arena *arena) {
    json_t *array = json_array();
    if (reader_enter_array(reader))
        while (reader_next_element(reader))
            json_array_append_new(array, read_tree(reader, arena));
    return array;
}

static json_t *read_number(struct reader *reader) {
    struct text digits;
    char copy[128];
    cr_assert(reader_take_number(reader, &digits));
    cr_assert_lt(digits.len, sizeof(copy));
    memcpy(copy, digits.at, digits.len);
    copy[digits.len] = '\0';
    return json_real(strtod(copy, NULL));
}

static json_t *read_tree(struct reader *reader, struct arena *arena) {
    struct text text;
    bool truth = false;
    switch (reader_kind(reader)) {
    case VALUE_OBJECT: return read_object(reader, arena);
    case VALUE_ARRAY: return read_array(reader, arena);
    case VALUE_NUMBER: return read_number(reader);
    case VALUE_TEXT:
        cr_assert(reader_take_text(reader, arena, &text));
        return json_stringn(text.at, text.len);
    case VALUE_BOOL: cr_assert(reader_take_bool(reader, &truth)); return json_boolean(truth);
    default: cr_assert(reader_take_null(reader)); return json_null();
    }
}

static void expect_same_tree(struct text json, json_t *expected) {
    struct reader reader;
    struct arena arena = ARENA_EMPTY;
    reader_init(&reader, json);
    json_t *tree = read_tree(&reader, &arena);
    cr_assert(reader_finish(&reader));
    cr_assert(json_equal(tree, expected), "%.*s", (int)json.len, json.at);
    json_decref(tree);
    arena_fini(&arena);
}

static void expect_compact_is_the_same(struct text json, json_t *expected) {
    char *compact = exact_copy(json.at, json.len);
    size_t len = reader_compact(json, compact);
    json_t *tree = json_loadb(compact, len, FLAGS, NULL);
    cr_assert(json_equal(tree, expected), "%.*s became %.*s", (int)json.len, json.at, (int)len, compact);
    json_decref(tree);
    free(compact);
}

struct tally {
    unsigned taken, refused, repeated, apart;
};

static bool reader_takes(struct text json, struct reader *reader) {
    reader_init(reader, json);
    return reader_skip(reader, READER_DEPTH_MAX, NULL) && reader_finish(reader);
}

static bool may_differ(const json_error_t *error, const struct reader *reader) {
    enum json_error_code code = json_error_code(error);
    return code == json_error_null_byte_in_key || code == json_error_numeric_overflow ||
           reader->fault == READER_TOO_DEEP;
}

/* `json` has no byte to spare. */
static void compare(struct text json, struct tally *tally) {
    json_error_t error = {0};
    struct reader reader;
    json_t *expected = json_loadb(json.at, json.len, FLAGS, &error);
    bool well_formed = reader_takes(json, &reader), fine = well_formed && !reader.repeated_name;
    if (json.len > 0 && memchr(json.at, '\0', json.len) != NULL) {
        cr_assert_not(well_formed);
    } else if (may_differ(&error, &reader)) {
        tally->apart++;
    } else {
        cr_assert_eq(fine, expected != NULL, "%.*s: %s", (int)json.len, json.at,
                     expected == NULL ? error.text : "taken");
        tally->taken += fine;
        tally->refused += !fine;
        tally->repeated += well_formed && !fine;
        if (fine) {
            expect_same_tree(json, expected);
            expect_compact_is_the_same(json, expected);
        }
    }
    json_decref(expected);
}

static void compare_copy(const char *at, size_t len, struct tally *tally) {
    char *exact = exact_copy(at, len);
    compare((struct text){exact, len}, tally);
    free(exact);
}

TestSuite(json_fuzz, .timeout = 300);

Test(json_fuzz, valid_documents_are_read_alike) {
    struct buffer json = BUFFER_EMPTY;
    struct tally tally = {0};
    for (int i = 0; i < 30000; i++) {
        buffer_clear(&json);
        put_value(&json, (int)random_below(8));
        compare_copy(json.at, json.len, &tally);
    }
    cr_assert_eq(tally.refused, tally.repeated, "only repeated names may be refused");
    cr_assert_gt(tally.taken, 15000);
    cr_assert_gt(tally.repeated, 100);
    buffer_fini(&json);
}

static void damage(struct buffer *json) {
    static const char set[] = "{}[]\",:\\/ \t\n\r0123456789-+.eEtfnu\x01\x7f\x80\xc3\xe2\xf0\xff";
    for (uint64_t k = 1 + random_below(2); k > 0 && json->len > 1; k--) {
        size_t at = random_below(json->len), more = 1 + random_below(3);
        switch (random_below(4)) {
        case 0: json->at[at] = set[random_below(sizeof(set))]; break;
        case 1: json->len = at; break;
        case 2:
            more = more > json->len - at ? json->len - at : more;
            memmove(json->at + at, json->at + at + more, json->len - at - more);
            json->len -= more;
            break;
        default:
            buffer_append_char(json, '\0');
            memmove(json->at + at + 1, json->at + at, json->len - at - 1);
            json->at[at] = set[random_below(sizeof(set))];
        }
    }
}

Test(json_fuzz, damaged_documents_are_judged_alike) {
    struct buffer json = BUFFER_EMPTY;
    struct tally tally = {0};
    for (int i = 0; i < 100000; i++) {
        buffer_clear(&json);
        put_value(&json, 1 + (int)random_below(4));
        damage(&json);
        compare_copy(json.at, json.len, &tally);
    }
    cr_assert_gt(tally.taken, 5000);
    cr_assert_gt(tally.refused, 5000);
    buffer_fini(&json);
}

Test(json_fuzz, noise_never_crashes_and_is_judged_alike) {
    static const char set[] = "{{[[]}\"\"\"::,,\\\\ 01e.-tu\n\0\x80\xc3";
    struct tally tally = {0};
    for (int i = 0; i < 200000; i++) {
        char noise[64];
        size_t len = random_below(random_below(2) ? 8 : sizeof(noise));
        bool any = random_below(2);
        for (size_t k = 0; k < len; k++)
            noise[k] = any ? (char)random_below(256) : set[random_below(sizeof(set) - 1)];
        compare_copy(noise, len, &tally);
    }
    cr_assert_gt(tally.taken, 100);
    cr_assert_gt(tally.refused, 100000);
}

Test(json_fuzz, what_the_writer_writes_another_parser_reads) {
    struct buffer json = BUFFER_EMPTY;
    for (int i = 0; i < 20000; i++) {
        char text[40];
        struct writer writer;
        size_t len = random_below(sizeof(text));
        for (size_t k = 0; k < len; k++)
            text[k] = (char)random_below(128);
        buffer_clear(&json);
        writer_init(&writer, &json);
        writer_text(&writer, (struct text){text, len});
        json_t *value = json_loadb(json.at, json.len, FLAGS, NULL);
        cr_assert_not_null(value);
        cr_assert_eq(json_string_length(value), len);
        cr_assert_eq(memcmp(json_string_value(value), text, len), 0);
        json_decref(value);
    }
    buffer_fini(&json);
}
