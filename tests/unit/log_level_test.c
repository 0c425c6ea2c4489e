/* The level while the program runs: bodies, lifetimes, signals, and the lines that tell of it. */
#include <jansson.h>
#include <signal.h>

#include "shared/base/clock.h"
#include "shared/base/rfc3339.h"
#include "shared/telemetry/log_level.h"
#include "tests/support/catch_stdout.h"

static int lines_fd;

static void begin_at(const char *level) {
    cr_assert(log_init("soc-test", level));
    log_level_init();
}

static void begin(void) {
    lines_fd = catch_stdout();
    begin_at("info");
}

TestSuite(log_level, .timeout = 10, .init = begin);

static void cr_assert_told(const char *from, const char *to, int64_t for_seconds, const char *by) {
    char bytes[4096], *told_from, *told_to, *told_by;
    json_int_t seconds;
    ssize_t len = read(lines_fd, bytes, sizeof(bytes));
    cr_assert(gt(long, len, 0), "no line");
    json_t *line = json_loadb(bytes, (size_t)len, JSON_REJECT_DUPLICATES, NULL);
    cr_assert(ne(ptr, line, NULL), "%.*s", (int)len, bytes);
    cr_assert(eq(int,
                 json_unpack(line, "{s:s,s:s,s:I,s:s}", "from", &told_from, "to", &told_to, "for_seconds",
                             &seconds, "by", &told_by),
                 0));
    cr_assert(eq(str, told_from, (char *)from));
    cr_assert(eq(str, told_to, (char *)to));
    cr_assert(eq(i64, (int64_t)seconds, for_seconds));
    cr_assert(eq(str, told_by, (char *)by));
    json_decref(line);
}

static void cr_assert_silent(void) {
    char byte;
    cr_assert(eq(long, read(lines_fd, &byte, 1), -1));
}

static void apply(enum log_level level, int64_t for_seconds, int64_t now_ms) {
    struct log_level_change change = {level, for_seconds};
    log_level_apply(&change, "http", now_ms);
}

/* level, until, then, configured: "-" for null, "time" for any time. */
static void cr_assert_shown(int64_t now_ms, const char *level, const char *until, const char *then,
                            const char *configured) {
    const char *const names[] = {"level", "until", "then", "configured"},
                      *expected[] = {level, until, then, configured};
    struct buffer out = BUFFER_EMPTY;
    int64_t ms;
    log_level_write(&out, now_ms);
    json_t *shown = json_loadb(out.at, out.len, JSON_REJECT_DUPLICATES, NULL);
    cr_assert(eq(sz, json_object_size(shown), 4));
    for (int i = 0; i < 4; i++) {
        json_t *value = json_object_get(shown, names[i]);
        const char *text = json_is_null(value) ? "-" : json_string_value(value);
        cr_assert(ne(ptr, (void *)text, NULL));
        if (strcmp(expected[i], "time") == 0)
            cr_assert(rfc3339_parse(text_of(text), &ms));
        else
            cr_assert(eq(str, (char *)text, (char *)expected[i]), "%s", names[i]);
    }
    json_decref(shown);
    buffer_fini(&out);
}

Test(log_level, a_change_for_good) {
    cr_assert_shown(0, "info", "-", "-", "info");
    apply(LOG_LEVEL_WARNING, 0, 1000);
    cr_assert_told("info", "warning", 0, "http");
    cr_assert_shown(1000, "warning", "-", "-", "info");
    cr_assert(not(log_wants(LOG_STARTED)));
    log_level_tick(INT64_MAX);
    cr_assert_silent();
    cr_assert(eq(int, (int)log_level(), LOG_LEVEL_WARNING));
}

Test(log_level, a_change_with_an_end_goes_back_to_what_was_set_before) {
    apply(LOG_LEVEL_WARNING, 0, 1000);
    cr_assert_told("info", "warning", 0, "http");
    apply(LOG_LEVEL_DEBUG, 600, 1000);
    cr_assert_told("warning", "debug", 600, "http");
    cr_assert_shown(2000, "debug", "time", "warning", "info");
    log_level_tick(600999);
    cr_assert_silent();
    cr_assert(log_wants(LOG_THREAT_COMPLETED));
    log_level_tick(601000);
    cr_assert_told("debug", "warning", 0, "expiry");
    cr_assert_shown(601000, "warning", "-", "-", "info");
}

Test(log_level, the_end_is_told_right) {
    struct buffer out = BUFFER_EMPTY;
    int64_t until_ms = 0, before_ms = clock_wall_ms();
    apply(LOG_LEVEL_DEBUG, 86400, 5000);
    log_level_write(&out, 10000);
    json_t *shown = json_loadb(out.at, out.len, 0, NULL);
    cr_assert(rfc3339_parse(text_of(json_string_value(json_object_get(shown, "until"))), &until_ms));
    cr_assert(ge(i64, until_ms, before_ms + 86395000));
    cr_assert(le(i64, until_ms, clock_wall_ms() + 86395000));
    json_decref(shown);
    buffer_fini(&out);
}

Test(log_level, a_new_end_replaces_the_old_one) {
    apply(LOG_LEVEL_DEBUG, 10, 0);
    cr_assert_told("info", "debug", 10, "http");
    apply(LOG_LEVEL_DEBUG, 100, 5000);
    cr_assert_told("debug", "debug", 100, "http");
    log_level_tick(10000);
    cr_assert_silent();
    log_level_tick(105000);
    cr_assert_told("debug", "info", 0, "expiry");
}

Test(log_level, a_change_is_told_whatever_the_level) {
    apply(LOG_LEVEL_ERROR, 0, 0);
    cr_assert_told("info", "error", 0, "http");
    cr_assert(not(log_wants(LOG_REDIS_DOWN)));
    apply(LOG_LEVEL_WARNING, 0, 0);
    cr_assert_told("error", "warning", 0, "http");
}

Test(log_level, signals_go_step_by_step) {
    static const struct {
        int number;
        const char *from, *to;
    } rows[] = {
        {SIGUSR2, "info", "warning"}, {SIGUSR2, "warning", "error"}, {SIGUSR1, "error", "warning"},
        {SIGUSR1, "warning", "info"}, {SIGUSR1, "info", "debug"},    {SIGUSR1, "debug", "debug"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cr_assert(eq(int, raise(rows[i].number), 0));
        cr_assert_silent();
        log_level_tick(1);
        cr_assert_told(rows[i].from, rows[i].to, 0, "signal");
    }
}

Test(log_level, a_signal_ends_a_lifetime) {
    apply(LOG_LEVEL_WARNING, 10, 0);
    cr_assert_told("info", "warning", 10, "http");
    raise(SIGUSR2);
    log_level_tick(1);
    cr_assert_told("warning", "error", 0, "signal");
    log_level_tick(20000);
    cr_assert_silent();
    cr_assert_shown(20000, "error", "-", "-", "info");
}

Test(log_level, bodies) {
    static const struct {
        const char *json;
        int level; /* -1: refused */
        int64_t for_seconds;
        const char *pointer;
    } rows[] = {
        {"{\"level\":\"debug\"}", LOG_LEVEL_DEBUG, 0, NULL},
        {"{\"level\":\"error\",\"for_seconds\":null}", LOG_LEVEL_ERROR, 0, NULL},
        {"{\"for_seconds\":1,\"level\":\"warning\"}", LOG_LEVEL_WARNING, 1, NULL},
        {"{\"level\":\"info\",\"for_seconds\":86400}", LOG_LEVEL_INFO, 86400, NULL},
        {"{\"level\":\"info\",\"for_seconds\":86401}", -1, 0, "/for_seconds"},
        {"{\"level\":\"info\",\"for_seconds\":0}", -1, 0, "/for_seconds"},
        {"{\"level\":\"info\",\"for_seconds\":\"60\"}", -1, 0, "/for_seconds"},
        {"{\"level\":\"Debug\"}", -1, 0, "/level"},
        {"{\"level\":null}", -1, 0, "/level"},
        {"{}", -1, 0, "/level"},
        {"{\"level\":\"info\",\"seconds\":1}", -1, 0, "/seconds"},
        {"\"debug\"", -1, 0, ""},
        {"", -1, 0, ""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct arena arena = ARENA_EMPTY;
        struct faults faults;
        struct log_level_change change;
        faults_init(&faults, &arena);
        bool good = log_level_read(text_of(rows[i].json), &arena, &change, &faults);
        cr_assert(eq(int, good, rows[i].level >= 0), "%s", rows[i].json);
        if (good) {
            cr_assert(eq(int, (int)change.level, rows[i].level));
            cr_assert(eq(i64, change.for_seconds, rows[i].for_seconds));
        } else {
            cr_assert(text_is(faults.rows[0].pointer, rows[i].pointer), "%s", rows[i].json);
        }
        arena_fini(&arena);
    }
}
