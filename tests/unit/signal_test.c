#include "shared/model/signal.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>

#include "shared/base/rfc3339.h"
#include "shared/base/utf8.h"
#include "shared/json/reader.h"
#include "tests/unit/random_bytes.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const int64_t NOW_MS = 1763696000123;   /* 2025-11-21T03:33:20.123Z */
static const int64_t LATER_MS = 1800000000000; /* 2027-01-15, behind all recorded signals */

static struct arena arena;
static struct faults faults;
static struct signal result;
static struct buffer body;
static char *input; /* of the last reading, not a byte longer: the signal may borrow from it */

static void init(void) {
    memset(&result, 0x5a, sizeof(result));
}

static void fini(void) {
    arena_fini(&arena);
    buffer_fini(&body);
    free(input);
}

TestSuite(signal, .timeout = 60, .init = init, .fini = fini);

static enum status read_text_at(struct text json, int64_t now_ms) {
    free(input);
    input = exact_copy(json.at, json.len);
    arena_reset(&arena);
    faults_init(&faults, &arena);
    return signal_read((struct text){input, json.len}, now_ms, &arena, &result, &faults);
}

static enum status read_text(struct text json) {
    return read_text_at(json, NOW_MS);
}

/* The pointers of all faults, in order, joined by blanks; the whole document's is "(all)". */
static const char *pointers(void) {
    static char line[4096];
    size_t len = 0;
    line[0] = '\0';
    for (unsigned i = 0; i < faults.count; i++) {
        struct text pointer = faults.rows[i].pointer;
        cr_assert_gt(faults.rows[i].detail.len, 0);
        cr_assert(utf8_valid(pointer) && utf8_valid(faults.rows[i].detail));
        if (pointer.len == 0)
            pointer = TEXT_LITERAL("(all)");
        len += (size_t)snprintf(line + len, sizeof(line) - len, "%s%.*s", i == 0 ? "" : " ", (int)pointer.len,
                                pointer.at);
    }
    return line;
}

static void expect_faults_of(struct text json, const char *expected) {
    struct signal before = result;
    cr_assert_eq(read_text(json), STATUS_INVALID, "%.*s", (int)json.len, json.at);
    cr_assert_str_eq(pointers(), expected, "%.*s", (int)json.len, json.at);
    cr_assert_eq(memcmp(&before, &result, sizeof(before)), 0, "a refused signal must leave the result alone");
}

static void expect_faults(const char *json, const char *expected) {
    expect_faults_of(text_of(json), expected);
}

/* A good signal in which the one field has the given value; NULL leaves it out. */
static struct text with(const char *field, const char *value) {
    static const char *const good[][2] = {
        {"threat_type", "\"bot_traffic\""},
        {"customer_id", "\"acme\""},
        {"customer_name", "\"Acme Inc\""},
        {"source_ip", "\"203.0.113.7\""},
        {"user_agent", "\"curl/8.5.0\""},
        {"request_count", "100"},
        {"time_window_minutes", "5"},
        {"detected_at", "\"2025-11-21T03:33:20Z\""},
        {"raw_data", "{}"},
    };
    const char *separator = "{";
    buffer_clear(&body);
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        bool changed = strcmp(good[i][0], field) == 0;
        if (changed && value == NULL)
            continue;
        buffer_printf(&body, "%s\"%s\":", separator, good[i][0]);
        buffer_append_string(&body, changed ? value : good[i][1]);
        separator = ",";
    }
    buffer_append_char(&body, '}');
    return buffer_text(&body);
}

static void expect_good(const char *field, const char *value) {
    struct text json = with(field, value);
    cr_assert_eq(read_text(json), STATUS_OK, "%.*s: %s", (int)json.len, json.at, pointers());
}

static void expect_bad(const char *field, const char *value) {
    char pointer[64];
    snprintf(pointer, sizeof(pointer), "/%s", field);
    expect_faults_of(with(field, value), pointer);
}

static struct text repeated(struct buffer *out, const char *piece, size_t count) {
    buffer_clear(out);
    buffer_append_char(out, '"');
    for (size_t i = 0; i < count; i++)
        buffer_append_string(out, piece);
    buffer_append(out, "\"", 2);
    return buffer_text(out);
}

/* --- fields --- */

Test(signal, every_field_is_taken) {
    cr_assert_eq(read_text(with("raw_data", "{ \"a b\" : [ 1 , { } ] }")), STATUS_OK);
    cr_assert_eq(result.threat_type, THREAT_BOT_TRAFFIC);
    cr_assert(text_is(result.customer_id, "acme"));
    cr_assert(text_is(result.customer_name, "Acme Inc"));
    char ip[ADDRESS_TEXT_MAX];
    cr_assert(text_is((struct text){ip, address_write(&result.source_ip, ip)}, "203.0.113.7"));
    cr_assert(text_is(result.user_agent, "curl/8.5.0"));
    cr_assert_eq(result.request_count, 100);
    cr_assert_eq(result.time_window_minutes, 5);
    cr_assert_eq(result.detected_at_ms, NOW_MS - 123);
    cr_assert(text_is(result.raw_data, "{\"a b\":[1,{}]}"));
}

Test(signal, every_field_in_every_wrong_way) {
    static const struct {
        const char *field, *values[24];
    } rows[] = {
        {"threat_type",
         {"null", "1", "true", "[]", "{}", "[\"bot_traffic\"]", "\"\"", "\"BOT_TRAFFIC\"", "\"bot traffic\"",
          "\"bot_traffic \"", "\"bot_traffik\"", "\"bot\"", "\"bot_traffic\\u0000\"", "\"none\"", "0"}},
        {"customer_id",
         {"null", "17", "false", "[]", "{}", "\"\"", "\" \"", "\"a b\"", "\"a/b\"", "\"a:b\"", "\"ä\"",
          "\"a\\u0000\"", "\"\\u0000\"", "\"a\\nb\"", "\"a*\"", "\"{acme}\"", "\"a@b\"", "\"a\\u00df\""}},
        {"customer_name", {"null", "1", "true", "[]", "{}", "\"\"", "\"Ac\\u0000me\"", "\"\\u0000\""}},
        {"source_ip",
         {"null", "1", "3405803783", "true", "[]", "{}", "\"\"", "\"203.0.113\"", "\"203.0.113.256\"",
          "\"203.0.113.7/24\"", "\"203.0.113.7:80\"", "\" 203.0.113.7\"", "\"203.0.113.07\"", "\"::g\"",
          "\"fe80::1%eth0\"", "\"[::1]\"", "\"localhost\"", "\"203.0.113.7\\u0000\""}},
        {"user_agent", {"1", "true", "[]", "{}", "[null]", "\"a\\u0000b\""}},
        {"request_count",
         {"null", "\"100\"", "true", "[]", "{}", "-1", "-0.5", "0.5", "1.5", "1e-400", "1000000000001",
          "1e13", "1e400", "-1e400", "1e15", "9007199254740993", "99999999999999999999", "1e-1"}},
        {"time_window_minutes",
         {"null", "\"5\"", "true", "[]", "{}", "0", "-0", "-1", "0.5", "1.5", "10081", "10080.5", "1e5",
          "1e400", "1e-400", "0.0"}},
        {"detected_at",
         {"null", "1763696000", "true", "[]", "{}", "\"\"", "\"now\"", "\"2025-11-21\"",
          "\"2025-11-21T03:33:20\"", "\"2025-13-21T03:33:20Z\"", "\"2025-02-29T03:33:20Z\"",
          "\"2025-11-21T24:00:00Z\"", "\"2025-11-21T03:33:20Z\\u0000\"", "\"Fri, 21 Nov 2025 03:33:20 GMT\"",
          "\"2025-11-21T03:40:00Z\"", "\"9999-12-31T23:59:59Z\""}},
        {"raw_data",
         {"null", "1", "true", "\"\"", "\"{}\"", "[]", "[{}]", "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}",
          "{\"x\":[{\"a\":{\"b\":1,\"c\":2,\"b\":3}}]}"}},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        for (size_t k = 0; k < COUNT_OF(rows[i].values) && rows[i].values[k] != NULL; k++)
            expect_bad(rows[i].field, rows[i].values[k]);
}

Test(signal, what_is_good_is_good) {
    static const struct {
        const char *field, *values[16];
    } rows[] = {
        {"threat_type", {"\"bot_traffic\"", "\"anomaly_detection\"", "\"bot\\u005ftraffic\""}},
        {"customer_id", {"\"a\"", "\"A.b_c-9\"", "\"...\"", "\"-\"", "\"\\u0061cme\""}},
        {"customer_name",
         {"\"A\"", "\" \"", "\"Zürich · 東京\"", "\"\\\"quoted\\\"\"", "\"line\\nend\"",
          "\"\\ud83d\\udd25\""}},
        {"source_ip",
         {"\"0.0.0.0\"", "\"255.255.255.255\"", "\"::\"", "\"2001:db8::1\"", "\"::ffff:1.2.3.4\""}},
        {"user_agent", {NULL}},
        {"request_count", {"0", "-0", "3.0", "3e2", "1e12", "1000000000000", "1000000000000.0", "1E+2"}},
        {"time_window_minutes", {"1", "1.0", "10080", "1.008e4", "100e-2"}},
        {"detected_at",
         {"\"1970-01-01T00:00:00Z\"", "\"1969-12-31T23:59:59Z\"", "\"0000-01-01T00:00:00Z\"",
          "\"2025-11-21t05:03:20.9+01:30\"", "\"2016-12-31T23:59:60Z\""}},
        {"raw_data",
         {"{}", " { } ", "{\"\":null}", "{\"a\":{\"a\":{\"a\":1}},\"b\":[{\"a\":1},{\"a\":2}]}",
          "{\"z\":\"\\u0000\"}"}},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        for (size_t k = 0; k < COUNT_OF(rows[i].values) && rows[i].values[k] != NULL; k++)
            expect_good(rows[i].field, rows[i].values[k]);
    for (int type = 0; type < THREAT_TYPE_COUNT; type++) {
        char value[64];
        snprintf(value, sizeof(value), "\"%s\"", vocabulary_word(&vocabulary_threat_type, type));
        expect_good("threat_type", value);
        cr_assert_eq((int)result.threat_type, type);
    }
}

Test(signal, required_fields_are_required_and_the_others_have_defaults) {
    static const char *const required[] = {"threat_type", "customer_id",   "customer_name",
                                           "source_ip",   "request_count", "time_window_minutes"};
    for (size_t i = 0; i < COUNT_OF(required); i++)
        expect_bad(required[i], NULL);
    expect_good("user_agent", NULL);
    cr_assert_null(result.user_agent.at);
    expect_good("user_agent", "null");
    cr_assert_null(result.user_agent.at);
    expect_good("user_agent", "\"\"");
    cr_assert_not_null(result.user_agent.at, "an empty user agent is one");
    cr_assert_eq(result.user_agent.len, 0);
    expect_good("detected_at", NULL);
    cr_assert_eq(result.detected_at_ms, NOW_MS);
    expect_good("raw_data", NULL);
    cr_assert_null(result.raw_data.at);
}

/* --- limits, exactly at and one over --- */

Test(signal, limits_of_texts) {
    static const struct {
        const char *field, *piece;
        size_t most;
    } rows[] = {
        {"customer_id", "x", 64},
        {"customer_name", "x", 200},
        {"customer_name", "ä", 200},
        {"customer_name", "\xf0\x9f\x94\xa5", 200},
        {"customer_name", "\\ud83d\\udd25", 200},
        {"user_agent", "x", 1024},
        {"user_agent", "ä", 512},
        {"user_agent", "\xf0\x9f\x94\xa5", 256},
        {"user_agent", "\\\\", 1024},
        {"user_agent", "\\u20ac", 341},
    };
    struct buffer value = BUFFER_EMPTY;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        expect_good(rows[i].field, repeated(&value, rows[i].piece, rows[i].most).at);
        expect_bad(rows[i].field, repeated(&value, rows[i].piece, rows[i].most + 1).at);
    }
    buffer_fini(&value);
    cr_assert_eq(SIGNAL_CUSTOMER_ID_MAX, 64);
    cr_assert_eq(SIGNAL_CUSTOMER_NAME_MAX, 200);
    cr_assert_eq(SIGNAL_USER_AGENT_MAX, 1024);
}

Test(signal, limits_of_numbers) {
    expect_good("request_count", "1000000000000");
    cr_assert_eq(result.request_count, INT64_C(1000000000000));
    expect_bad("request_count", "1000000000001");
    expect_good("request_count", "0");
    expect_bad("request_count", "-1");
    expect_good("time_window_minutes", "10080");
    cr_assert_eq(result.time_window_minutes, 10080);
    expect_bad("time_window_minutes", "10081");
    expect_good("time_window_minutes", "1");
    expect_bad("time_window_minutes", "0");
}

/* Fractions that a double rounds away are fractions. */
Test(signal, limits_are_not_rounded) {
    expect_bad("request_count", "1000000000000.00001");
    expect_bad("request_count", "0.99999999999999999999");
    expect_bad("time_window_minutes", "10080.0000000000001");
}

Test(signal, limit_of_the_future) {
    static const struct {
        int64_t ms;
        bool fine;
    } rows[] = {{0, true}, {5 * 60 * 1000, true}, {5 * 60 * 1000 + 1, false}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char value[RFC3339_LENGTH + 3] = "\"";
        rfc3339_write(NOW_MS + rows[i].ms, value + 1);
        value[RFC3339_LENGTH + 1] = '"';
        if (rows[i].fine)
            expect_good("detected_at", value);
        else
            expect_bad("detected_at", value);
    }
}

/* {"x":"…"} of `bytes` bytes, blanks inside counted as sent. */
static const char *raw_data_of(struct buffer *out, size_t bytes, bool blanks) {
    static const char head[] = "{\"x\":\"", tail[] = "\"}";
    size_t fill = bytes - (sizeof(head) - 1) - (sizeof(tail) - 1);
    buffer_clear(out);
    buffer_append_string(out, blanks ? "{" : head);
    for (size_t i = 0; i < fill; i++)
        buffer_append_char(out, blanks ? ' ' : 'x');
    buffer_append_string(out, blanks ? "\"x\":\"" : "");
    buffer_append(out, tail, sizeof(tail));
    return out->at;
}

Test(signal, limit_of_raw_data_in_bytes) {
    struct buffer value = BUFFER_EMPTY;
    for (int blanks = 0; blanks < 2; blanks++) {
        expect_good("raw_data", raw_data_of(&value, 16 * 1024, blanks));
        cr_assert_eq(result.raw_data.len, blanks ? strlen("{\"x\":\"\"}") : 16 * 1024);
        expect_bad("raw_data", raw_data_of(&value, 16 * 1024 + 1, blanks));
    }
    buffer_fini(&value);
}

static const char *levels_of(struct buffer *out, int levels) {
    buffer_clear(out);
    buffer_append_string(out, "{\"a\":");
    for (int i = 1; i < levels; i++)
        buffer_append_char(out, '[');
    if (levels == 1)
        buffer_append_char(out, '1');
    for (int i = 1; i < levels; i++)
        buffer_append_char(out, ']');
    buffer_append(out, "}", 2);
    return out->at;
}

Test(signal, limit_of_raw_data_in_levels) {
    struct buffer value = BUFFER_EMPTY;
    expect_good("raw_data", levels_of(&value, 1));
    expect_good("raw_data", levels_of(&value, 16));
    expect_bad("raw_data", levels_of(&value, 17));
    expect_bad("raw_data", levels_of(&value, 30));
    buffer_fini(&value);
}

Test(signal, raw_data_with_two_faults_is_told_both) {
    struct buffer value = BUFFER_EMPTY;
    raw_data_of(&value, 16 * 1024 + 1, false);
    value.at[value.len - 2] = ',';
    value.len--;
    buffer_append(&value, "\"x\":1}", 7);
    expect_faults_of(with("raw_data", value.at), "/raw_data /raw_data");
    buffer_fini(&value);
}

/* --- several faults --- */

Test(signal, all_faults_at_once) {
    expect_faults(
        "{\"threat_type\":\"x\",\"customer_id\":\"\",\"customer_name\":1,\"source_ip\":\"y\",\"user_agent\":["
        "],"
        "\"request_count\":-1,\"time_window_minutes\":0,\"detected_at\":\"z\",\"raw_data\":[],\"extra\":{}}",
        "/threat_type /customer_id /customer_name /source_ip /user_agent /request_count /time_window_minutes "
        "/detected_at /raw_data /extra");
    expect_faults("{}",
                  "/threat_type /customer_id /customer_name /source_ip /request_count /time_window_minutes");
    expect_faults("{\"source_ip\":1,\"sauce_ip\":\"1.2.3.4\",\"threat_type\":\"brute_force\"}",
                  "/source_ip /sauce_ip /customer_id /customer_name /request_count /time_window_minutes");
}

Test(signal, what_stands_behind_a_too_deep_raw_data_is_judged_too) {
    struct buffer value = BUFFER_EMPTY;
    buffer_printf(&body, "{\"threat_type\":\"x\",\"raw_data\":%s,", levels_of(&value, 17));
    buffer_append_string(&body, "\"source_ip\":\"y\",\"extra\":1}");
    expect_faults_of(buffer_text(&body),
                     "/threat_type /raw_data /source_ip /extra /customer_id /customer_name "
                     "/request_count /time_window_minutes");
    buffer_fini(&value);
}

Test(signal, a_field_twice_is_told_even_when_both_are_good) {
    expect_faults_of(with("raw_data", "{},\"customer_id\":\"acme\""), "/customer_id");
    expect_faults_of(with("raw_data", "{},\"customer\\u005fid\":\"acme\""), "/customer_id");
    expect_faults_of(with("raw_data", "{},\"raw_data\":{},\"raw_data\":7"), "/raw_data /raw_data");
    expect_faults_of(with("user_agent", "null,\"user_agent\":null"), "/user_agent");
}

Test(signal, unknown_fields_are_pointed_at_by_rfc_6901) {
    expect_faults_of(with("raw_data", "{},\"a/b~c\":[{\"x\":[]}]"), "/a~1b~0c");
    expect_faults_of(with("raw_data", "{},\"\":0"), "/");
    expect_faults_of(with("raw_data", "{},\"Threat_Type\":\"bot_traffic\""), "/Threat_Type");
    expect_faults_of(with("raw_data", "{},\"id\":1,\"status\":\"completed\""), "/id /status");
    expect_faults_of(with("raw_data", "{},\"t\\u00e9\":null"), "/té");
}

/* A pointer shows at most 64 bytes of a name and never half a character. */
Test(signal, long_names_are_cut_in_pointers) {
    for (int lead = 0; lead < 5; lead++) {
        buffer_clear(&body);
        buffer_append_string(&body, "{\"");
        for (int i = 0; i < lead; i++)
            buffer_append_char(&body, '~');
        for (int i = 0; i < 1000; i++)
            buffer_append_string(&body, "\xf0\x9f\x94\xa5");
        buffer_append_string(&body, "\":1}");
        cr_assert_eq(read_text(buffer_text(&body)), STATUS_INVALID);
        pointers();
        struct text pointer = faults.rows[0].pointer;
        cr_assert_gt(pointer.len, 60);
        cr_assert_leq(pointer.len, 1 + 64 + (size_t)lead);
    }
}

Test(signal, faults_past_the_bound_are_counted) {
    buffer_append_char(&body, '{');
    for (int i = 0; i < 100; i++)
        buffer_printf(&body, "%s\"extra%d\":0", i == 0 ? "" : ",", i);
    buffer_append_char(&body, '}');
    cr_assert_eq(read_text(buffer_text(&body)), STATUS_INVALID);
    cr_assert_eq(faults.count, FAULTS_MAX);
    cr_assert_eq(faults.count + faults.dropped, 100 + 6);
}

/* --- the document --- */

Test(signal, what_is_no_json_object) {
    static const char *const bad[] = {"null",
                                      "true",
                                      "1",
                                      "\"x\"",
                                      "[]",
                                      "[{}]",
                                      "",
                                      " ",
                                      "{",
                                      "}",
                                      "{}}",
                                      "{} {}",
                                      "{},",
                                      "{\"a\"}",
                                      "{'a':1}",
                                      "threat_type=bot_traffic",
                                      "\xef\xbb\xbf{}",
                                      "<xml/>"};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        expect_faults(bad[i], "(all)");
    expect_faults_of(TEXT_LITERAL("{}\0"), "(all)");
    expect_faults_of(TEXT_NONE, "(all)");
}

Test(signal, bytes_behind_a_good_signal) {
    static const char *const behind[] = {"x", "{}", ",", "}", "\x01", "\xff", "//"};
    for (size_t i = 0; i < COUNT_OF(behind); i++) {
        with("raw_data", "{}");
        buffer_append_string(&body, behind[i]);
        expect_faults_of(buffer_text(&body), "(all)");
    }
    with("raw_data", "{}");
    buffer_append_string(&body, " \r\n\t");
    cr_assert_eq(read_text(buffer_text(&body)), STATUS_OK);
}

Test(signal, broken_strings_anywhere) {
    static const char *const fields[] = {"threat_type", "customer_id", "customer_name",
                                         "source_ip",   "user_agent",  "detected_at"};
    static const char *const broken[] = {"\"\xff\"", "\"\xc3\"", "\"\xed\xa0\x80\"", "\"\\ud83d\"",
                                         "\"\\q\"",  "\"a\nb\"", "\"\\u12\""};
    for (size_t i = 0; i < COUNT_OF(fields); i++)
        for (size_t k = 0; k < COUNT_OF(broken); k++)
            expect_faults_of(with(fields[i], broken[k]), "(all)");
    for (size_t k = 0; k < COUNT_OF(broken); k++) {
        buffer_clear(&body);
        buffer_printf(&body, "{\"raw_data\":{\"a\":[%s]}}", broken[k]);
        struct buffer copy = BUFFER_EMPTY;
        buffer_append_text(&copy, buffer_text(&body));
        expect_faults_of(buffer_text(&copy), "(all)");
        buffer_clear(&copy);
        buffer_printf(&copy, "{\"raw_data\":{%s:1}}", broken[k]);
        expect_faults_of(buffer_text(&copy), "(all)");
        buffer_fini(&copy);
    }
}

Test(signal, every_cut_of_a_signal_is_refused) {
    struct buffer whole = BUFFER_EMPTY;
    buffer_append_text(&whole, with("raw_data", "{\"a\":[1,\"\\u00e4ä\",true,null,-2.5e3]}"));
    for (size_t len = 0; len < whole.len; len++)
        cr_assert_eq(read_text((struct text){whole.at, len}), STATUS_INVALID, "%zu bytes", len);
    cr_assert_eq(read_text(buffer_text(&whole)), STATUS_OK);
    buffer_fini(&whole);
}

/* --- canonical output --- */

static struct text canonical(struct buffer *out) {
    struct writer writer;
    buffer_clear(out);
    writer_init(&writer, out);
    signal_write(&writer, &result);
    return buffer_text(out);
}

Test(signal, the_canonical_text) {
    struct buffer out = BUFFER_EMPTY;
    cr_assert_eq(read_text(TEXT_LITERAL(" { \"raw_data\" : { \"b\" : 1.50 , \"a\" : \" x \" } , "
                                        "\"detected_at\" : \"2025-11-21T05:03:20+01:30\" ,"
                                        "\"time_window_minutes\":1.0e1,\"request_count\":3e2,\"user_agent\":"
                                        "\"\\u0022q\\/\\u00e4\",\"source_ip\":"
                                        "\"2001:DB8:0:0:0:0:0:1\",\"customer_name\":\"\\u0041cme\","
                                        "\"customer_id\":\"acme\",\"threat_type\":"
                                        "\"brute_force\"}")),
                 STATUS_OK);
    cr_assert(
        text_is(canonical(&out),
                "{\"threat_type\":\"brute_force\",\"customer_id\":\"acme\",\"customer_name\":\"Acme\","
                "\"source_ip\":"
                "\"2001:db8::1\",\"user_agent\":\"\\\"q/ä\",\"request_count\":300,\"time_window_minutes\":10,"
                "\"detected_at\":\"2025-11-21T03:33:20.000Z\",\"raw_data\":{\"b\":1.50,\"a\":\" x \"}}"),
        "%.*s", (int)out.len, out.at);
    cr_assert_eq(read_text(TEXT_LITERAL(
                     "{\"threat_type\":\"brute_force\",\"customer_id\":\"a\",\"customer_name\":\"A\","
                     "\"source_ip\":\"::ffff:1.2.3.4\",\"user_agent\":null,\"request_count\":0,"
                     "\"time_window_minutes\":1}")),
                 STATUS_OK);
    cr_assert(
        text_is(
            canonical(&out),
            "{\"threat_type\":\"brute_force\",\"customer_id\":\"a\",\"customer_name\":\"A\",\"source_ip\":"
            "\"1.2.3.4\",\"request_count\":0,\"time_window_minutes\":1,"
            "\"detected_at\":\"2025-11-21T03:33:20.123Z\"}"),
        "%.*s", (int)out.len, out.at);
    buffer_fini(&out);
}

static void expect_stored_alike(struct text json) {
    struct signal stored = {0};
    struct arena own = ARENA_EMPTY;
    struct faults own_faults;
    struct buffer again = BUFFER_EMPTY;
    struct writer writer;
    faults_init(&own_faults, &own);
    cr_assert_eq(signal_read_stored(json, &own, &stored, &own_faults), STATUS_OK, "%.*s", (int)json.len,
                 json.at);
    writer_init(&writer, &again);
    signal_write(&writer, &stored);
    cr_assert(text_equal(buffer_text(&again), json), "%.*s\n%.*s", (int)json.len, json.at, (int)again.len,
              again.at);
    buffer_fini(&again);
    arena_fini(&own);
}

static void expect_member(const json_t *sent, const json_t *kept, const char *name) {
    const json_t *value = json_object_get(sent, name), *other = json_object_get(kept, name);
    cr_assert(json_is_null(value) || value == NULL ? other == NULL : json_equal(value, other), "%s", name);
}

static void expect_same_content(struct text sent_text, struct text kept_text) {
    static const char *const names[] = {"threat_type", "customer_id",   "customer_name",       "source_ip",
                                        "user_agent",  "request_count", "time_window_minutes", "raw_data"};
    json_t *sent = json_loadb(sent_text.at, sent_text.len, 0, NULL),
           *kept = json_loadb(kept_text.at, kept_text.len, 0, NULL);
    cr_assert(sent != NULL && kept != NULL);
    for (size_t i = 0; i < COUNT_OF(names); i++)
        expect_member(sent, kept, names[i]);
    int64_t sent_ms, kept_ms;
    cr_assert(rfc3339_parse(text_of(json_string_value(json_object_get(sent, "detected_at"))), &sent_ms));
    cr_assert(rfc3339_parse(text_of(json_string_value(json_object_get(kept, "detected_at"))), &kept_ms));
    cr_assert_eq(sent_ms, kept_ms);
    json_decref(sent);
    json_decref(kept);
}

Test(signal, real_signals_come_back) {
    FILE *file = fopen(TESTS_DIR "/data/signals.ndjson", "r");
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    unsigned count = 0;
    struct buffer out = BUFFER_EMPTY;
    cr_assert_not_null(file);
    while ((len = getline(&line, &room, file)) > 0) {
        struct text json = {line, (size_t)len};
        cr_assert_eq(read_text_at(json, LATER_MS), STATUS_OK, "%s: %s", pointers(), line);
        expect_stored_alike(canonical(&out));
        expect_same_content(json, buffer_text(&out));
        count++;
    }
    cr_assert_eq(count, 103);
    free(line);
    fclose(file);
    buffer_fini(&out);
}

Test(signal, the_longest_signal_comes_back) {
    struct buffer value = BUFFER_EMPTY, out = BUFFER_EMPTY;
    expect_good("raw_data", raw_data_of(&value, 16 * 1024, false));
    expect_stored_alike(canonical(&out));
    expect_good("raw_data", levels_of(&value, 16));
    expect_stored_alike(canonical(&out));
    expect_good("user_agent", repeated(&value, "\\u0001", 1024).at);
    expect_stored_alike(canonical(&out));
    expect_good("detected_at", "\"0000-01-01T00:00:00Z\"");
    expect_stored_alike(canonical(&out));
    buffer_fini(&value);
    buffer_fini(&out);
}

Test(signal, a_stored_signal_may_lie_in_the_future_and_keeps_all_other_rules) {
    struct text future = with("detected_at", "\"2999-01-01T00:00:00Z\"");
    faults_init(&faults, &arena);
    cr_assert_eq(signal_read_stored(future, &arena, &result, &faults), STATUS_OK);
    cr_assert_eq(result.detected_at_ms, 32472144000000);
    faults_init(&faults, &arena);
    cr_assert_eq(signal_read_stored(with("request_count", "-1"), &arena, &result, &faults), STATUS_INVALID);
    cr_assert_str_eq(pointers(), "/request_count");
}

Test(signal, damaged_signals_never_crash_and_what_is_taken_comes_back) {
    struct buffer whole = BUFFER_EMPTY, damaged = BUFFER_EMPTY, out = BUFFER_EMPTY;
    buffer_append_text(&whole, with("raw_data", "{\"a\": [1, \"\\u00e4ä\", true], \"b\": {\"c\": null}}"));
    unsigned taken = 0;
    for (int i = 0; i < 200000; i++) {
        buffer_clear(&damaged);
        buffer_append_text(&damaged, buffer_text(&whole));
        for (uint64_t k = 1 + random_below(2); k > 0; k--)
            damaged.at[random_below(damaged.len)] =
                random_below(2) ? (char)random_below(256) : whole.at[random_below(whole.len)];
        if (read_text(buffer_text(&damaged)) == STATUS_OK) {
            expect_stored_alike(canonical(&out));
            taken++;
        } else {
            cr_assert_gt(faults.count, 0);
        }
    }
    cr_assert_gt(taken, 1000);
    buffer_fini(&whole);
    buffer_fini(&damaged);
    buffer_fini(&out);
}
