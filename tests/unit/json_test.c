#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>

#include "shared/json/integer.h"
#include "shared/json/reader.h"
#include "shared/json/writer.h"
#include "tests/unit/random_bytes.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* --- writer --- */

static struct buffer out;
static struct writer writer;

static void begin(void) {
    buffer_clear(&out);
    writer_init(&writer, &out);
}

static void fini(void) {
    buffer_fini(&out);
}

static void expect(const char *json) {
    cr_assert(text_is(buffer_text(&out), json), "%.*s\nexpected %s", (int)out.len, buffer_text(&out).at,
              json);
}

TestSuite(writer, .timeout = 10, .init = begin, .fini = fini);

Test(writer, puts_commas_where_they_belong) {
    writer_open_object(&writer);
    writer_key(&writer, "empty");
    writer_open_object(&writer);
    writer_close_object(&writer);
    writer_key(&writer, "none");
    writer_open_array(&writer);
    writer_close_array(&writer);
    writer_key(&writer, "list");
    writer_open_array(&writer);
    writer_open_array(&writer);
    writer_signed(&writer, -1);
    writer_unsigned(&writer, UINT64_MAX);
    writer_close_array(&writer);
    writer_open_object(&writer);
    writer_member_bool(&writer, "a", true);
    writer_member_bool(&writer, "b", false);
    writer_close_object(&writer);
    writer_null(&writer);
    writer_raw(&writer, TEXT_LITERAL("{\"raw\":1}"));
    writer_string(&writer, "s");
    writer_close_array(&writer);
    writer_member_time(&writer, "at", 1763696000123);
    writer_close_object(&writer);
    expect("{\"empty\":{},\"none\":[],\"list\":[[-1,18446744073709551615],{\"a\":true,\"b\":false},null,{"
           "\"raw\":1},"
           "\"s\"],\"at\":\"2025-11-21T03:33:20.123Z\"}");
}

Test(writer, members_in_one_call) {
    writer_open_object(&writer);
    writer_member_text(&writer, "t", TEXT_LITERAL("x\"y"));
    writer_member_string(&writer, "s", "");
    writer_member_signed(&writer, "n", INT64_MIN);
    writer_member_decimal(&writer, "d", 0.25, 2);
    writer_close_object(&writer);
    expect("{\"t\":\"x\\\"y\",\"s\":\"\",\"n\":-9223372036854775808,\"d\":0.25}");
}

Test(writer, several_documents_into_one_buffer) {
    writer_bool(&writer, true);
    writer_init(&writer, &out);
    writer_bool(&writer, false);
    expect("truefalse");
}

Test(writer, escapes_what_json_escapes_and_nothing_else) {
    writer_text(&writer, TEXT_LITERAL("a\"b\\c/d\b\f\n\r\t\0\x01\x1f\x7f ü€\xf0\x9f\x94\xa5\xe2\x80\xa8"));
    expect("\"a\\\"b\\\\c/d\\b\\f\\n\\r\\t\\u0000\\u0001\\u001f\x7f ü€\xf0\x9f\x94\xa5\xe2\x80\xa8\"");
    buffer_clear(&out);
    writer_escape(&out, TEXT_NONE);
    expect("");
}

Test(writer, every_character_is_read_back_by_another_parser) {
    char all[128];
    for (int i = 0; i < 128; i++)
        all[i] = (char)i;
    writer_text(&writer, (struct text){all, sizeof(all)});
    json_t *value = json_loadb(out.at, out.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    cr_assert_not_null(value);
    cr_assert_eq(json_string_length(value), sizeof(all));
    cr_assert_eq(memcmp(json_string_value(value), all, sizeof(all)), 0);
    json_decref(value);
}

Test(writer, decimals_round_half_away_and_drop_zeros) {
    static const struct {
        double value;
        int decimals;
        const char *json;
    } rows[] = {
        {0, 3, "0"},
        {-0.0, 3, "0"},
        {1, 0, "1"},
        {1, 6, "1"},
        {0.5, 0, "1"},
        {1.5, 0, "2"},
        {2.5, 0, "3"},
        {-0.5, 0, "-1"},
        {-2.5, 0, "-3"},
        {0.125, 2, "0.13"},
        {-0.125, 2, "-0.13"},
        {0.375, 2, "0.38"},
        {0.124, 2, "0.12"},
        {12.3456, 3, "12.346"},
        {-12.3456, 3, "-12.346"},
        {0.1, 6, "0.1"},
        {0.100001, 6, "0.100001"},
        {0.0000004, 6, "0"},
        {-0.0000004, 6, "0"},
        {-0.4, 0, "0"},
        {0.0000005, 6, "0.000001"},
        {0.999, 2, "1"},
        {-9.999, 2, "-10"},
        {99.95, 3, "99.95"},
        {100, 2, "100"},
        {1234567.891, 1, "1234567.9"},
        {5.05, -3, "5"},
        {0.1234567, 9, "0.123457"},
        {9007199254740992, 3, "9007199254740992"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        begin();
        writer_decimal(&writer, rows[i].value, rows[i].decimals);
        expect(rows[i].json);
    }
}

Test(writer, what_is_no_number_is_null) {
    writer_open_array(&writer);
    writer_decimal(&writer, NAN, 2);
    writer_decimal(&writer, INFINITY, 2);
    writer_decimal(&writer, -INFINITY, 2);
    writer_close_array(&writer);
    expect("[null,null,null]");
}

Test(writer, huge_and_random_decimals_are_numbers_near_the_truth) {
    static const double huge[] = {
        1e12, -1e13, 9e18, 1e19, 1e22, -1e100, 1.7976931348623157e308, 5e-324, 123456789012345.678};
    for (int i = 0; i < 100000; i++) {
        double value = i < (int)COUNT_OF(huge)
                           ? huge[i]
                           : ldexp((double)random_below(UINT64_C(1) << 53) * (random_below(2) ? 1 : -1),
                                   (int)random_below(100) - 70);
        int decimals = (int)random_below(7);
        struct text digits;
        struct reader reader;
        begin();
        writer_decimal(&writer, value, decimals);
        reader_init(&reader, buffer_text(&out));
        cr_assert(reader_take_number(&reader, &digits) && reader_finish(&reader), "%.*s", (int)out.len,
                  out.at);
        buffer_append_char(&out, '\0');
        double back = strtod(out.at, NULL), slack = 0.5000001 * pow(10, -decimals) + fabs(value) * 1e-15;
        cr_assert(fabs(back - value) <= slack, "%.17g at %d decimals is %s", value, decimals, out.at);
    }
}

/* --- reader --- */

static enum reader_fault fault_of(struct text json) {
    struct reader reader;
    char *exact = exact_copy(json.at, json.len);
    reader_init(&reader, (struct text){exact, json.len});
    bool fine = reader_skip(&reader, READER_DEPTH_MAX, NULL) && reader_finish(&reader);
    cr_assert_eq(fine, reader.fault == READER_FINE);
    cr_assert_leq(reader_offset(&reader), json.len);
    free(exact);
    return reader.fault;
}

TestSuite(reader, .timeout = 60);

Test(reader, every_fault_has_its_name) {
    static const struct {
        const char *json;
        enum reader_fault fault;
    } rows[] = {
        {"{}", READER_FINE},
        {" \t\r\n[ ] \t\r\n", READER_FINE},
        {"{\"a\":[1,-2.5e+3,true,false,null,\"\\u00e4\"],\"b\":{}}", READER_FINE},
        {"\"\"", READER_FINE},
        {"0", READER_FINE},
        {"-0", READER_FINE},
        {"-0.0e-0", READER_FINE},
        {"1E5", READER_FINE},
        {"", READER_CUT_OFF},
        {"  ", READER_CUT_OFF},
        {"{", READER_CUT_OFF},
        {"[", READER_CUT_OFF},
        {"[1", READER_CUT_OFF},
        {"[1,", READER_CUT_OFF},
        {"{\"a\"", READER_CUT_OFF},
        {"{\"a\":", READER_CUT_OFF},
        {"{\"a\":1", READER_CUT_OFF},
        {"{\"a\":1,", READER_CUT_OFF},
        {"\"abc", READER_CUT_OFF},
        {"\"abc\\", READER_CUT_OFF},
        {"\"abc\\\"", READER_CUT_OFF},
        {"-", READER_CUT_OFF},
        {"1.", READER_CUT_OFF},
        {"1e", READER_CUT_OFF},
        {"1e+", READER_CUT_OFF},
        {"}", READER_SYNTAX},
        {"]", READER_SYNTAX},
        {"[1 2]", READER_SYNTAX},
        {"[1,]", READER_SYNTAX},
        {"[,1]", READER_SYNTAX},
        {"[1,,2]", READER_SYNTAX},
        {"[1}", READER_SYNTAX},
        {"{]", READER_SYNTAX},
        {"{a:1}", READER_SYNTAX},
        {"{'a':1}", READER_SYNTAX},
        {"{1:1}", READER_SYNTAX},
        {"{\"a\" 1}", READER_SYNTAX},
        {"{\"a\"=1}", READER_SYNTAX},
        {"{\"a\":1,}", READER_SYNTAX},
        {"{,\"a\":1}", READER_SYNTAX},
        {"{\"a\":1 \"b\":2}", READER_SYNTAX},
        {"{\"a\":1;\"b\":2}", READER_SYNTAX},
        {"{\"a\":}", READER_SYNTAX},
        {"{\"a\":1]", READER_SYNTAX},
        {"True", READER_SYNTAX},
        {"truth", READER_SYNTAX},
        {"nul1", READER_SYNTAX},
        {"NaN", READER_SYNTAX},
        {"Infinity", READER_SYNTAX},
        {"-Infinity", READER_SYNTAX},
        {"+1", READER_SYNTAX},
        {".5", READER_SYNTAX},
        {"-.5", READER_SYNTAX},
        {"1.e5", READER_SYNTAX},
        {"1.x", READER_SYNTAX},
        {"1ex", READER_SYNTAX},
        {"--1", READER_SYNTAX},
        {"/**/1", READER_SYNTAX},
        {"\x0b"
         "1",
         READER_SYNTAX},
        {"\xef\xbb\xbf{}", READER_SYNTAX},
        {"\"\xff\"", READER_BAD_UTF8},
        {"\"\xc3\"", READER_BAD_UTF8},
        {"\"\xc0\x80\"", READER_BAD_UTF8},
        {"\"\xed\xa0\x80\"", READER_BAD_UTF8},
        {"\"\xf4\x90\x80\x80\"", READER_BAD_UTF8},
        {"{\"\xe2\x82\":1}", READER_BAD_UTF8},
        {"\"\\x41\"", READER_BAD_ESCAPE},
        {"\"\\'\"", READER_BAD_ESCAPE},
        {"\"\\a\"", READER_BAD_ESCAPE},
        {"\"\\U0041\"", READER_BAD_ESCAPE},
        {"\"\\u\"", READER_BAD_ESCAPE},
        {"\"\\u12\"", READER_BAD_ESCAPE},
        {"\"\\u123\"", READER_BAD_ESCAPE},
        {"\"\\u123g\"", READER_BAD_ESCAPE},
        {"\"\\u 123\"", READER_BAD_ESCAPE},
        {"\"\\u+123\"", READER_BAD_ESCAPE},
        {"\"\\ud83d\"", READER_BAD_ESCAPE},
        {"\"\\ud83dx\"", READER_BAD_ESCAPE},
        {"\"\\ud83d\\n\"", READER_BAD_ESCAPE},
        {"\"\\ud83d\\ud83d\"", READER_BAD_ESCAPE},
        {"\"\\ud83d\\u0041\"", READER_BAD_ESCAPE},
        {"\"\\ud83d\\udd\"", READER_BAD_ESCAPE},
        {"\"\\udd25\"", READER_BAD_ESCAPE},
        {"\"\\udd25\\ud83d\"", READER_BAD_ESCAPE},
        {"{\"\\q\":1}", READER_BAD_ESCAPE},
        {"\"\n\"", READER_CONTROL_BYTE},
        {"\"\t\"", READER_CONTROL_BYTE},
        {"\"\x1f\"", READER_CONTROL_BYTE},
        {"{\"a\nb\":1}", READER_CONTROL_BYTE},
        {"{} {}", READER_TRAILING_BYTES},
        {"{}}", READER_TRAILING_BYTES},
        {"[]]", READER_TRAILING_BYTES},
        {"1 2", READER_TRAILING_BYTES},
        {"01", READER_TRAILING_BYTES},
        {"-01", READER_TRAILING_BYTES},
        {"00", READER_TRAILING_BYTES},
        {"0x1", READER_TRAILING_BYTES},
        {"1f", READER_TRAILING_BYTES},
        {"1.5.5", READER_TRAILING_BYTES},
        {"nulll", READER_TRAILING_BYTES},
        {"\"a\"b", READER_TRAILING_BYTES},
        {"{}//", READER_TRAILING_BYTES},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        enum reader_fault fault = fault_of(text_of(rows[i].json));
        cr_assert_eq(fault, rows[i].fault, "%s: %s", rows[i].json, reader_fault_text(fault));
    }
    cr_assert_eq(fault_of(TEXT_LITERAL("\"\0\"")), READER_CONTROL_BYTE);
    cr_assert_eq(fault_of(TEXT_LITERAL("\"\\\0\"")), READER_BAD_ESCAPE);
    cr_assert_eq(fault_of(TEXT_LITERAL("{}\0")), READER_TRAILING_BYTES);
    cr_assert_eq(fault_of(TEXT_LITERAL("\0")), READER_SYNTAX);
    cr_assert_neq(fault_of(TEXT_LITERAL("[tru")), READER_FINE);
    cr_assert_neq(fault_of(TEXT_LITERAL("[01]")), READER_FINE);
    for (int i = 0; i < READER_FAULT_COUNT; i++)
        cr_assert_not_null(reader_fault_text((enum reader_fault)i));
}

Test(reader, absent_text_is_cut_off) {
    struct reader reader;
    reader_init(&reader, TEXT_NONE);
    cr_assert_eq(reader_kind(&reader), VALUE_BROKEN);
    cr_assert_not(reader_skip(&reader, 1, NULL));
    cr_assert_eq(reader.fault, READER_CUT_OFF);
}

Test(reader, the_first_fault_sticks) {
    struct reader reader;
    struct arena arena = ARENA_EMPTY;
    struct text text;
    bool truth;
    reader_init(&reader, TEXT_LITERAL("\"\x01\" {} [] 1 true null \"x\""));
    cr_assert_not(reader_take_text(&reader, &arena, &text));
    reader.at += 2;
    cr_assert_not(reader_enter_object(&reader));
    cr_assert_not(reader_next_member(&reader, &arena, &text));
    cr_assert_not(reader_enter_array(&reader));
    cr_assert_not(reader_next_element(&reader));
    cr_assert_not(reader_take_number(&reader, &text));
    cr_assert_not(reader_take_bool(&reader, &truth));
    cr_assert_not(reader_take_null(&reader));
    cr_assert_not(reader_take_text(&reader, &arena, &text));
    cr_assert_not(reader_skip(&reader, 9, NULL));
    cr_assert_not(reader_finish(&reader));
    cr_assert_eq(reader_kind(&reader), VALUE_BROKEN);
    cr_assert_eq(reader.fault, READER_CONTROL_BYTE);
    arena_fini(&arena);
}

Test(reader, walks_a_document) {
    struct reader reader;
    struct arena arena = ARENA_EMPTY;
    struct text name, value;
    bool truth = false;
    reader_init(&reader,
                TEXT_LITERAL(
                    " { \"a\" : [ 1 , -2.50 ] , \"\\u0062\" : true , \"c\":null,\"d\" : { \"e\" : [ ] } } "));
    cr_assert_eq(reader_kind(&reader), VALUE_OBJECT);
    cr_assert(reader_enter_object(&reader));
    cr_assert(reader_next_member(&reader, &arena, &name) && text_is(name, "a"));
    cr_assert_eq(reader_kind(&reader), VALUE_ARRAY);
    cr_assert(reader_enter_array(&reader));
    cr_assert(reader_next_element(&reader));
    cr_assert(reader_take_number(&reader, &value) && text_is(value, "1"));
    cr_assert(reader_next_element(&reader));
    cr_assert(reader_take_number(&reader, &value) && text_is(value, "-2.50"));
    cr_assert_not(reader_next_element(&reader));
    cr_assert(reader_next_member(&reader, &arena, &name) && text_is(name, "b"));
    cr_assert(reader_take_bool(&reader, &truth) && truth);
    cr_assert(reader_next_member(&reader, &arena, &name) && text_is(name, "c"));
    cr_assert_eq(reader_kind(&reader), VALUE_NULL);
    cr_assert(reader_take_null(&reader));
    cr_assert(reader_next_member(&reader, &arena, &name) && text_is(name, "d"));
    cr_assert(reader_skip(&reader, 2, &value) && text_is(value, "{ \"e\" : [ ] }"));
    cr_assert_not(reader_next_member(&reader, &arena, &name));
    cr_assert(reader_finish(&reader));
    arena_fini(&arena);
}

Test(reader, a_wrong_kind_is_a_fault) {
    struct reader reader;
    struct arena arena = ARENA_EMPTY;
    struct text text;
    bool truth;
    reader_init(&reader, TEXT_LITERAL("1"));
    cr_assert_not(reader_take_text(&reader, &arena, &text));
    reader_init(&reader, TEXT_LITERAL("\"1\""));
    cr_assert_not(reader_take_number(&reader, &text));
    reader_init(&reader, TEXT_LITERAL("null"));
    cr_assert_not(reader_take_bool(&reader, &truth));
    reader_init(&reader, TEXT_LITERAL("false"));
    cr_assert_not(reader_take_null(&reader));
    reader_init(&reader, TEXT_LITERAL("[]"));
    cr_assert_not(reader_enter_object(&reader));
    reader_init(&reader, TEXT_LITERAL("{}"));
    cr_assert_not(reader_enter_array(&reader));
    arena_fini(&arena);
}

Test(reader, decodes_every_escape) {
    static const struct {
        const char *json;
        struct text text;
    } rows[] = {
        {"\"\"", {"", 0}},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", {"\"\\/\b\f\n\r\t", 8}},
        {"\"a\\u0000b\"", {"a\0b", 3}},
        {"\"\\u0041\\u00e4\\u20AC\"", {"A\xc3\xa4\xe2\x82\xac", 6}},
        {"\"\\uD83D\\uDD25\"", {"\xf0\x9f\x94\xa5", 4}},
        {"\"\\ud800\\udc00\\udbff\\udfff\"", {"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 8}},
        {"\"\\ud7ff\\ue000\\uffff\"", {"\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf", 9}},
        {"\"\\u007f\\u0080\\u07ff\\u0800\"", {"\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80", 8}},
        {"\"\\\\u0041\"", {"\\u0041", 6}},
        {"\"ü\\n\xf0\x9f\x94\xa5\"", {"\xc3\xbc\n\xf0\x9f\x94\xa5", 7}},
    };
    struct arena arena = ARENA_EMPTY;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct reader reader;
        struct text text = TEXT_NONE;
        reader_init(&reader, text_of(rows[i].json));
        cr_assert(reader_take_text(&reader, &arena, &text) && reader_finish(&reader), "%s", rows[i].json);
        cr_assert_not_null(text.at);
        cr_assert(text_equal(text, rows[i].text), "%s is %.*s", rows[i].json, (int)text.len, text.at);
    }
    arena_fini(&arena);
}

Test(reader, plain_text_borrows_from_the_input) {
    const char *json = "\"plain\"";
    struct reader reader;
    struct text text;
    reader_init(&reader, text_of(json));
    cr_assert(reader_take_text(&reader, NULL, &text));
    cr_assert_eq(text.at, json + 1);
}

static struct text nested(struct buffer *json, int levels, bool objects) {
    buffer_clear(json);
    for (int i = 0; i < levels; i++)
        buffer_append_string(json, !objects ? "[" : i + 1 < levels ? "{\"a\":" : "{");
    for (int i = 0; i < levels; i++)
        buffer_append_char(json, objects ? '}' : ']');
    return buffer_text(json);
}

Test(reader, depth_is_bounded_exactly) {
    struct buffer json = BUFFER_EMPTY;
    for (int objects = 0; objects < 2; objects++) {
        for (int max = 1; max <= READER_DEPTH_MAX; max++)
            for (int levels = max; levels <= max + 1; levels++) {
                struct reader reader;
                reader_init(&reader, nested(&json, levels, objects));
                cr_assert_eq(reader_skip(&reader, max, NULL), levels <= max, "%d levels, %d allowed", levels,
                             max);
                cr_assert_eq(reader.fault, levels <= max ? READER_FINE : READER_TOO_DEEP);
            }
        cr_assert_eq(fault_of(nested(&json, 100000, objects)), READER_TOO_DEEP);
        struct reader reader;
        reader_init(&reader, nested(&json, READER_DEPTH_MAX + 1, objects));
        cr_assert_not(reader_skip(&reader, 1000, NULL), "no caller's bound goes past the reader's own");
        cr_assert_eq(reader.fault, READER_TOO_DEEP);
    }
    struct reader reader;
    reader_init(&reader, TEXT_LITERAL("7"));
    cr_assert(reader_skip(&reader, 0, NULL), "a scalar has no level");
    reader_init(&reader, TEXT_LITERAL("[[],[],[[]],[]]"));
    cr_assert(reader_skip(&reader, 3, NULL), "levels, not brackets");
    buffer_fini(&json);
}

static bool has_repeated_name(const char *json) {
    struct reader reader;
    reader_init(&reader, text_of(json));
    cr_assert(reader_skip(&reader, READER_DEPTH_MAX, NULL) && reader_finish(&reader), "%s", json);
    return reader.repeated_name;
}

Test(reader, repeated_names_are_noticed_in_any_spelling) {
    cr_assert(has_repeated_name("{\"a\":1,\"a\":2}"));
    cr_assert(has_repeated_name("{\"a\":1,\"\\u0061\":2}"));
    cr_assert(has_repeated_name("{\"/\":1,\"\\/\":2}"));
    cr_assert(has_repeated_name("{\"\\uD83D\\uDD25\":1,\"\xf0\x9f\x94\xa5\":2}"));
    cr_assert(has_repeated_name("{\"\":1,\"\":2}"));
    cr_assert(has_repeated_name("{\"a\":{\"b\":[{\"c\":1,\"c\":2}]}}"));
    cr_assert(has_repeated_name("[{\"x\":{}},{\"a\":{\"q\":1},\"b\":[],\"a\":0}]"));
    cr_assert(has_repeated_name("{\"a\\u0000\":1,\"a\\u0000\":2}"));
    cr_assert_not(has_repeated_name("{\"a\":1,\"A\":2,\"a \":3,\"\":4,\"a\\u0000\":5}"));
    cr_assert_not(has_repeated_name("{\"a\":{\"a\":{\"a\":[{\"a\":1},{\"a\":1}]}},\"b\":{\"a\":1}}"));
}

/* Two names alike among `count`, at every place of the second. */
Test(reader, repeated_names_are_noticed_among_many) {
    struct buffer json = BUFFER_EMPTY;
    for (int count = 2; count <= 200; count += count < 20 ? 1 : 45)
        for (int at = 0; at <= count; at++) { /* at == count: nothing repeated */
            buffer_clear(&json);
            for (int i = 0; i <= count; i++)
                buffer_printf(&json, "%s\"name%d\":{\"name1\":[{\"name1\":%d}]}", i == 0 ? "{" : ",",
                              i == count ? at : i, i);
            buffer_append(&json, "}", 2);
            cr_assert_eq(has_repeated_name(json.at), at < count, "%d names, %d", count, at);
        }
    buffer_fini(&json);
}

Test(reader, compacts_only_between_tokens) {
    static const struct {
        const char *json, *compact;
    } rows[] = {
        {"{}", "{}"},
        {" { \"a b\" : [ 1 ,\t2\r\n] } ", "{\"a b\":[1,2]}"},
        {"\" \\\" \\\\ \"", "\" \\\" \\\\ \""},
        {"[ \"\\\\\" , \" \" ]", "[\"\\\\\",\" \"]"},
        {"{ \"\\\"\" : \" : , \" }", "{\"\\\"\":\" : , \"}"},
        {"", ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        size_t room = strlen(rows[i].json);
        char *compact = exact_copy(rows[i].json, room), *json = exact_copy(rows[i].json, room);
        size_t len = reader_compact((struct text){json, room}, compact);
        cr_assert(text_is((struct text){compact, len}, rows[i].compact), "%s", rows[i].json);
        free(compact);
        free(json);
    }
}

Test(reader, numbers_that_are_integers) {
    static const struct {
        const char *digits;
        bool fine;
        int64_t value;
    } rows[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"-0.0", true, 0},
        {"0e999999", true, 0},
        {"0.000e-5", true, 0},
        {"1", true, 1},
        {"-17", true, -17},
        {"3.0", true, 3},
        {"3.000000000000000000000000000", true, 3},
        {"3e2", true, 300},
        {"3E+2", true, 300},
        {"300e-2", true, 3},
        {"1.5e1", true, 15},
        {"1000000000000", true, 1000000000000},
        {"1e12", true, 1000000000000},
        {"9007199254740991", true, 9007199254740991},
        {"-9007199254740991", true, -9007199254740991},
        {"9007199254740992", true, 9007199254740992},
        {"-9007199254740992", true, -9007199254740992},
        {"9007199254740993", false, 0},
        {"-9007199254740993", false, 0},
        {"9007199254740994", false, 0},
        {"9007199254740992.5", false, 0},
        {"9223372036854775807", false, 0},
        {"18446744073709551616", false, 0},
        {"99999999999999999999999999999999999999", false, 0},
        {"1e16", false, 0},
        {"1e400", false, 0},
        {"-1e400", false, 0},
        {"1e99999999999999999999", false, 0},
        {"1e-400", false, 0},
        {"-1e-400", false, 0},
        {"1e-99999999999999999999", false, 0},
        {"0.5", false, 0},
        {"3.5", false, 0},
        {"-1.000001", false, 0},
        {"3e-1", false, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t value = 4711;
        char *exact = exact_copy(rows[i].digits, strlen(rows[i].digits));
        cr_expect_eq(integer_from_number((struct text){exact, strlen(rows[i].digits)}, &value), rows[i].fine,
                     "%s", rows[i].digits);
        cr_expect_eq(value, rows[i].fine ? rows[i].value : 4711, "%s", rows[i].digits);
        free(exact);
    }
}

/* A double cannot tell these from the integers beside them; they are fractions all the same. */
Test(reader, fractions_too_fine_for_a_double_are_no_integers) {
    static const char *const fractions[] = {
        "1.00000000000000000001", "0.99999999999999999999", "9007199254740991.4",
        "4503599627370496.25",    "1000000000000.00001",    "100000000000000000001e-20",
    };
    for (size_t i = 0; i < COUNT_OF(fractions); i++) {
        int64_t value = 4711;
        cr_expect_not(integer_from_number(text_of(fractions[i]), &value), "%s is taken for %lld",
                      fractions[i], (long long)value);
    }
}

Test(reader, numbers_of_any_length_are_judged) {
    struct buffer digits = BUFFER_EMPTY;
    int64_t value;
    for (size_t zeros = 1; zeros < 2000; zeros += 37) {
        buffer_clear(&digits);
        buffer_append_string(&digits, "7");
        buffer_printf(&digits, "%0*d", (int)zeros, 0);
        bool fine = integer_from_number(buffer_text(&digits), &value);
        cr_assert_eq(fine, zeros <= 15, "7 and %zu zeros", zeros);
    }
    buffer_fini(&digits);
}
