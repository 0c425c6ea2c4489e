/* Log lines: what stands in them, what cannot break them, and that they never hold the program up. */
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>

#include "shared/base/clock.h"
#include "shared/base/rfc3339.h"
#include "shared/telemetry/log_events.h"
#include "tests/support/catch_stdout.h"

static int lines_fd;

/* Stands before libc's: another writer may take the room that it has just promised. */
static bool room_is_promised;

int poll(struct pollfd *fds, nfds_t count, int timeout_ms) {
    struct timespec timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000000L};
    if (!room_is_promised)
        return ppoll(fds, count, timeout_ms < 0 ? NULL : &timeout, NULL);
    fds[0].revents = POLLOUT;
    return 1;
}

static void begin(void) {
    lines_fd = catch_stdout();
    cr_assert(log_init("soc-test", "debug"));
}

TestSuite(log, .timeout = 10, .init = begin);

/* All that was written since the last call, with a NUL behind. */
static char *read_bytes(size_t *len) {
    static char bytes[256 * 1024];
    *len = 0;
    for (ssize_t got; (got = read(lines_fd, bytes + *len, sizeof(bytes) - 1 - *len)) > 0;)
        *len += (size_t)got;
    bytes[*len] = '\0';
    return bytes;
}

/* The one line that was written, as JSON; the caller decrefs. */
static json_t *read_line(void) {
    size_t len;
    json_error_t error;
    char *bytes = read_bytes(&len);
    cr_assert(gt(sz, len, 0), "no line");
    cr_assert(le(sz, len, PIPE_BUF));
    cr_assert(eq(ptr, strchr(bytes, '\n'), bytes + len - 1), "not one line: %s", bytes);
    json_t *line = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, &error);
    cr_assert(ne(ptr, line, NULL), "%s: %s", error.text, bytes);
    return line;
}

static char *member(json_t *line, const char *key) {
    char *value = (char *)json_string_value(json_object_get(line, key));
    return value == NULL ? "" : value;
}

Test(log, carries_the_fields_in_order) {
    int64_t before_ms = clock_wall_ms(), ms;
    log_write(LOG_REDIS_DOWN, LOG_STRING("connection", "reader"), LOG_NUMBER("attempt", -3),
              LOG_DECIMAL("wait_ms", 12.3456), LOG_STRING("reason", NULL));
    json_t *line = read_line();
    static const char *const keys[] = {"timestamp",  "level",   "message", "component",
                                       "connection", "attempt", "wait_ms", "reason"};
    size_t i = 0;
    const char *key;
    json_t *value;
    json_object_foreach(line, key, value) {
        cr_assert(lt(sz, i, sizeof(keys) / sizeof(keys[0])));
        cr_assert(eq(str, (char *)key, (char *)keys[i++]));
    }
    cr_assert(eq(sz, i, 8));
    cr_assert(eq(str, member(line, "level"), "warning"));
    cr_assert(eq(str, member(line, "component"), "soc-test"));
    cr_assert(eq(str, member(line, "connection"), "reader"));
    cr_assert(eq(i64, json_integer_value(json_object_get(line, "attempt")), -3));
    cr_assert(epsilon_eq(dbl, json_real_value(json_object_get(line, "wait_ms")), 12.346, 1e-9));
    cr_assert(eq(int, json_typeof(json_object_get(line, "reason")), JSON_NULL));
    cr_assert(eq(sz, strlen(member(line, "timestamp")), RFC3339_LENGTH));
    cr_assert(rfc3339_parse(text_of(member(line, "timestamp")), &ms));
    cr_assert(ge(i64, ms, before_ms));
    cr_assert(le(i64, ms, clock_wall_ms()));
    json_decref(line);
}

Test(log, every_event_has_a_level_and_a_message_of_its_own) {
    char *seen[LOG_EVENT_COUNT];
    for (int i = 0; i < LOG_EVENT_COUNT; i++) {
        log_write((enum log_event)i);
        json_t *line = read_line();
        cr_assert(eq(sz, json_object_size(line), 4));
        cr_assert(ne(ptr, strstr(" debug info warning error ", member(line, "level")), NULL));
        seen[i] = strdup(member(line, "message"));
        cr_assert(gt(sz, strlen(seen[i]), 0), "event %d", i);
        for (int j = 0; j < i; j++)
            cr_assert(ne(str, seen[i], seen[j]));
        json_decref(line);
    }
    for (int i = 0; i < LOG_EVENT_COUNT; i++)
        free(seen[i]);
}

static const char *const common[] = {"timestamp", "level", "message", "component"};
enum { FIELDS_MAX = 8, COMMON = 4 };

/* Words with blanks between, each ended by NUL in `copy`. */
static unsigned split(const char *words, char *copy, const char **found) {
    unsigned count = 0;
    strcpy(copy, words);
    for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " ")) {
        cr_assert(lt(u32, count, FIELDS_MAX));
        found[count++] = word;
    }
    return count;
}

static bool is_among(const char *word, const char *const *words, unsigned count) {
    for (unsigned i = 0; i < count; i++)
        if (strcmp(word, words[i]) == 0)
            return true;
    return false;
}

Test(log, every_row_is_sound) {
    for (int i = 0; i < LOG_EVENT_COUNT; i++) {
        const struct log_event_row *row = &log_events[i];
        const char *fields[FIELDS_MAX], *once_by[FIELDS_MAX];
        char copy[256], other[256];
        unsigned count = split(row->fields, copy, fields);
        unsigned repeats = row->once_by == NULL ? 0 : split(row->once_by, other, once_by);
        cr_assert(lt(int, (int)row->level, LOG_LEVEL_COUNT));
        cr_assert(ne(u32, row->programs & (PROGRAM_API | PROGRAM_WORKER), 0), "%s", row->message);
        cr_assert(gt(sz, strlen(row->action), 0), "%s", row->message);
        for (unsigned j = 0; j < repeats; j++)
            cr_assert(is_among(once_by[j], fields, count), "%s repeats by %s", row->message, once_by[j]);
        for (unsigned j = 0; j < count; j++)
            cr_assert(not(is_among(fields[j], common, COMMON)), "%s", row->message);
        bool about_threat = is_among("threat_id", fields, count);
        cr_assert(eq(int, is_among("customer_name", fields, count), about_threat), "%s", row->message);
        bool first = strncmp(row->fields, "threat_id trace_id span_id customer_name", 40) == 0;
        cr_assert(eq(int, first, about_threat), "%s", row->message);
        bool may_flood = row->once_by == NULL && row->level >= LOG_LEVEL_WARNING;
        bool is_rare = i == LOG_LEVEL_CHANGED || i == LOG_ENTRIES_REGAINED; /* a hand, a round of trimming */
        cr_assert(eq(int, may_flood, is_rare), "%s", row->message);
    }
}

Test(log, every_event_carries_its_fields) {
    for (int i = 0; i < LOG_EVENT_COUNT; i++) {
        const char *names[FIELDS_MAX];
        char copy[256];
        struct log_field fields[FIELDS_MAX];
        unsigned count = split(log_events[i].fields, copy, names);
        for (unsigned j = 0; j < count; j++)
            fields[j] = LOG_STRING(names[j], "v\"al\nue");
        log_write_fields((enum log_event)i, fields, count);
        json_t *line = read_line();
        cr_assert(eq(sz, json_object_size(line), COMMON + count));
        for (unsigned j = 0; j < COMMON; j++)
            cr_assert(eq(int, json_typeof(json_object_get(line, common[j])), JSON_STRING));
        for (unsigned j = 0; j < count; j++)
            cr_assert(eq(str, member(line, names[j]), "v\"al\nue"));
        cr_assert(eq(str, member(line, "message"), (char *)log_events[i].message));
        cr_assert(eq(str, member(line, "level"), (char *)log_level_word(log_events[i].level)));
        json_decref(line);
    }
}

/* --- what repeats --- */

static void fail_request(const char *route, int status) {
    log_write(LOG_REQUEST_FAILED, LOG_STRING("route", route), LOG_NUMBER("status", status),
              LOG_DECIMAL("duration_ms", 1.5));
}

Test(log, what_repeats_is_written_once_and_counted) {
    for (int i = 0; i < 10000; i++)
        fail_request("GET /x", 503);
    json_t *line = read_line();
    cr_assert(eq(ptr, json_object_get(line, "left_out"), NULL));
    json_decref(line);
    log_tick(clock_monotonic_ms() + 1500);
    size_t len;
    read_bytes(&len);
    cr_assert(eq(sz, len, 0), "the next one of its kind may tell it still");
    log_tick(clock_monotonic_ms() + 2500);
    line = read_line();
    cr_assert(eq(i64, json_integer_value(json_object_get(line, "left_out")), 9999));
    cr_assert(eq(str, member(line, "message"), "request failed"));
    cr_assert(eq(str, member(line, "level"), "warning"));
    cr_assert(eq(str, member(line, "route"), "GET /x"));
    cr_assert(eq(i64, json_integer_value(json_object_get(line, "status")), 503));
    cr_assert(eq(ptr, json_object_get(line, "duration_ms"), NULL));
    cr_assert(eq(sz, json_object_size(line), COMMON + 3));
    json_decref(line);
    log_tick(INT64_MAX);
    read_bytes(&len);
    cr_assert(eq(sz, len, 0), "told once");
}

Test(log, what_is_not_the_same_is_written) {
    fail_request("GET /x", 503);
    json_decref(read_line());
    fail_request("GET /x", 500);
    json_decref(read_line());
    fail_request("GET /y", 503);
    json_decref(read_line());
}

Test(log, what_no_level_wants_is_not_counted) {
    cr_assert(log_init("soc-test", "error"));
    for (int i = 0; i < 10; i++)
        fail_request("GET /x", 503);
    log_set_level(LOG_LEVEL_INFO);
    fail_request("GET /x", 503);
    json_t *line = read_line();
    cr_assert(eq(ptr, json_object_get(line, "left_out"), NULL));
    json_decref(line);
}

Test(log, levels_hold_back_what_is_below) {
    static const struct {
        const char *level;
        bool debug, info, warning, error;
    } rows[] = {
        {"debug", true, true, true, true},
        {"INFO", false, true, true, true},
        {"Warning", false, false, true, true},
        {"error", false, false, false, true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cr_assert(log_init("soc-test", rows[i].level));
        cr_assert(eq(int, log_wants(LOG_THREAT_COMPLETED), rows[i].debug));
        cr_assert(eq(int, log_wants(LOG_STARTED), rows[i].info));
        cr_assert(eq(int, log_wants(LOG_REDIS_DOWN), rows[i].warning));
        cr_assert(eq(int, log_wants(LOG_ENTRY_BURIED), rows[i].error));
    }
    size_t len;
    log_write(LOG_REDIS_DOWN);
    read_bytes(&len);
    cr_assert(eq(sz, len, 0));
    cr_assert(eq(u64, log_dropped(), 0));
}

Test(log, unknown_levels_are_refused_and_change_nothing) {
    static const char *const bad[] = {"", "warn", "verbose", "debug "};
    cr_assert(log_init("soc-test", "error"));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_assert(not(log_init("soc-test", bad[i])), "%s", bad[i]);
    cr_assert(not(log_wants(LOG_REDIS_DOWN)));
    cr_assert(log_wants(LOG_ENTRY_BURIED));
}

Test(log, hostile_text_stays_inside_its_string) {
    static const char text[] = "a\"b\\c\nd\te\x01\x7f</script>\xc3\xa9";
    log_write(LOG_STOPPING, LOG_TEXT("reason", ((struct text){text, sizeof(text) - 1})));
    json_t *line = read_line();
    cr_assert(eq(str, member(line, "reason"), (char *)text));
    json_decref(line);
}

Test(log, what_is_not_utf8_is_replaced) {
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"\xff", "\xEF\xBF\xBD"},
        {"a\xc3", "a\xEF\xBF\xBD"},
        {"\xed\xa0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"\xc0\xaf"
         "b",
         "\xEF\xBF\xBD\xEF\xBF\xBD"
         "b"},
        {"\xe2\x82\xac\x80", "\xe2\x82\xac\xEF\xBF\xBD"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        log_write(LOG_STOPPING, LOG_STRING("reason", rows[i].in));
        json_t *line = read_line();
        cr_assert(eq(int, json_typeof(json_object_get(line, "reason")), JSON_STRING));
        cr_assert(eq(str, member(line, "reason"), (char *)rows[i].out));
        json_decref(line);
    }
}

Test(log, long_text_is_cut_between_characters) {
    static char text[5000];
    for (size_t i = 0; i + 3 <= sizeof(text); i += 3)
        memcpy(text + i, "\xe2\x82\xac", 3);
    log_write(LOG_STOPPING, LOG_TEXT("reason", ((struct text){text, 4998})));
    json_t *line = read_line();
    cr_assert(eq(sz, strlen(member(line, "reason")), 1023));
    json_decref(line);
    memset(text, 'x', sizeof(text));
    log_write(LOG_STOPPING, LOG_TEXT("reason", ((struct text){text, sizeof(text)})));
    line = read_line();
    cr_assert(eq(sz, strlen(member(line, "reason")), 1024));
    json_decref(line);
}

Test(log, a_line_that_grows_too_long_leaves_fields_out) {
    static char text[1024];
    memset(text, 1, sizeof(text)); /* six bytes each as \u0001 */
    struct text long_text = {text, 600};
    log_write(LOG_STOPPING, LOG_NUMBER("first", 1), LOG_TEXT("second", long_text), LOG_NUMBER("third", 3),
              LOG_TEXT("fourth", long_text), LOG_NUMBER("fifth", 5));
    json_t *line = read_line();
    cr_assert(eq(i64, json_integer_value(json_object_get(line, "third")), 3));
    cr_assert(eq(ptr, json_object_get(line, "fourth"), NULL));
    cr_assert(eq(ptr, json_object_get(line, "fifth"), NULL));
    cr_assert(eq(int, json_typeof(json_object_get(line, "truncated")), JSON_TRUE));
    json_decref(line);
    log_write(LOG_STOPPING, LOG_TEXT("only", ((struct text){text, sizeof(text)})));
    line = read_line();
    cr_assert(eq(sz, json_object_size(line), 5));
    cr_assert(eq(int, json_typeof(json_object_get(line, "truncated")), JSON_TRUE));
    json_decref(line);
}

static void fill_pipe(void) {
    static const char blanks[4096];
    int flags = fcntl(STDOUT_FILENO, F_GETFL);
    fcntl(STDOUT_FILENO, F_SETFL, flags | O_NONBLOCK);
    while (write(STDOUT_FILENO, blanks, sizeof(blanks)) > 0)
        ;
    cr_assert(eq(int, errno, EAGAIN));
    fcntl(STDOUT_FILENO, F_SETFL, flags);
}

Test(log, a_full_pipe_drops_lines_and_holds_nobody_up) {
    size_t len;
    fill_pipe();
    errno = ENOENT;
    for (int i = 0; i < 3; i++)
        log_write(LOG_STOPPING, LOG_NUMBER("n", i));
    cr_assert(eq(int, errno, ENOENT), "errno is the caller's");
    cr_assert(eq(u64, log_dropped(), 3));
    read_bytes(&len);
    log_write(LOG_REDIS_UP, LOG_STRING("connection", "reader"));
    json_t *line = read_line();
    cr_assert(eq(str, member(line, "connection"), "reader"));
    json_decref(line);
    cr_assert(eq(u64, log_dropped(), 3));
}

Test(log, a_non_blocking_full_pipe_drops_lines_too) {
    fill_pipe();
    fcntl(STDOUT_FILENO, F_SETFL, fcntl(STDOUT_FILENO, F_GETFL) | O_NONBLOCK);
    log_write(LOG_REDIS_DOWN);
    cr_assert(eq(u64, log_dropped(), 1));
}

Test(log, a_stdout_that_nobody_can_read_any_more_is_counted) {
    signal(SIGPIPE, SIG_IGN);
    close(lines_fd);
    log_write(LOG_STOPPED);
    cr_assert(eq(u64, log_dropped(), 1));
}

Test(log, a_closed_stdout_is_counted) {
    close(STDOUT_FILENO);
    cr_assert(log_init("soc-test", "debug"));
    log_write(LOG_STOPPED);
    cr_assert(eq(u64, log_dropped(), 1));
}

Test(log, stdout_is_not_changed_for_others) {
    cr_assert(eq(int, fcntl(STDOUT_FILENO, F_GETFL) & O_NONBLOCK, 0));
}

Test(log, a_pipe_that_another_fills_between_question_and_write_holds_nobody_up) {
    fill_pipe();
    room_is_promised = true;
    log_write(LOG_STOPPED);
    room_is_promised = false; /* Criterion asks too */
    cr_assert(eq(u64, log_dropped(), 1));
}
