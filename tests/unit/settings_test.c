/* Settings: the table itself, defaults, bounds on both sides, complaints that name the variable. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

#include "shared/config/settings.h"

static void clear_environment(void) {
    for (const struct setting_row *row = setting_rows; row->name != NULL; row++)
        unsetenv(row->name);
}

TestSuite(settings, .timeout = 10, .init = clear_environment);

static const enum program programs[] = {PROGRAM_API, PROGRAM_WORKER};

/* What was complained about; the caller frees. */
static char *read_settings(enum program program, struct settings *settings, bool *good) {
    char *complaints;
    size_t len;
    FILE *file = open_memstream(&complaints, &len);
    *good = settings_read(program, settings, file);
    fclose(file);
    return complaints;
}

static bool contains(const char *text, const char *part) {
    return strstr(text, part) != NULL;
}

static bool is_accepted(enum program program) {
    struct settings settings;
    bool good;
    char *complaints = read_settings(program, &settings, &good);
    cr_assert(eq(int, good, complaints[0] == '\0'), "%s", complaints);
    free(complaints);
    return good;
}

static void expect_complaint(enum program program, const char *name, const char *part) {
    struct settings settings;
    bool good;
    char *complaints = read_settings(program, &settings, &good);
    cr_assert(not(good), "%s", name);
    cr_assert(eq(int, strncmp(complaints, name, strlen(name)), 0), "%s: %s", name, complaints);
    cr_assert(strchr(complaints, '\n') == strrchr(complaints, '\n'), "more than one line: %s", complaints);
    cr_assert(contains(complaints, part), "%s is not in: %s", part, complaints);
    free(complaints);
}

static struct settings read_good(enum program program) {
    struct settings settings;
    bool good;
    char *complaints = read_settings(program, &settings, &good);
    cr_assert(good, "%s", complaints);
    free(complaints);
    return settings;
}

Test(settings, table_is_sound) {
    bool used[sizeof(struct settings)] = {false};
    size_t covered = 0;
    for (const struct setting_row *row = setting_rows; row->name != NULL; row++) {
        cr_assert(ne(int, row->programs &(PROGRAM_API | PROGRAM_WORKER), 0), "%s", row->name);
        cr_assert(gt(sz, strlen(row->help), 0), "%s", row->name);
        cr_assert(row->kind == SETTING_WORD || row->max > row->min, "%s", row->name);
        cr_assert(not(used[row->offset]), "%s shares a field", row->name);
        used[row->offset] = true;
        covered += sizeof(int64_t);
        for (const struct setting_row *other = setting_rows; other != row; other++)
            cr_assert(ne(str, (char *)row->name, (char *)other->name));
    }
    cr_assert(eq(sz, covered, sizeof(struct settings)), "a field has no row");
}

Test(settings, defaults_stand_for_themselves) {
    struct settings api = read_good(PROGRAM_API), worker = read_good(PROGRAM_WORKER);
    cr_assert(eq(str, (char *)api.redis_url, "redis://127.0.0.1:6379/0"));
    cr_assert(eq(str, (char *)api.service_name, "soc-api"));
    cr_assert(eq(str, (char *)worker.service_name, "soc-worker"));
    cr_assert(eq(str, (char *)api.http_host, "127.0.0.1"));
    cr_assert(eq(i64, api.http_port, 8000));
    cr_assert(eq(i64, api.publish_events, 1));
    cr_assert(eq(str, (char *)api.allowed_origins, ""));
    cr_assert(eq(i64, worker.admin_port, 9100));
    cr_assert(eq(i64, worker.suspect_ms, 2500));
    cr_assert(eq(i64, worker.drain_deadline_seconds, 20));
    cr_assert(eq(str, (char *)worker.key_prefix, ""));
}

Test(settings, an_empty_variable_counts_as_unset) {
    setenv("SOC_HTTP_PORT", "", 1);
    setenv("REDIS_URL", "", 1);
    struct settings settings = read_good(PROGRAM_API);
    cr_assert(eq(i64, settings.http_port, 8000));
    cr_assert(eq(str, (char *)settings.redis_url, "redis://127.0.0.1:6379/0"));
}

/* The value `row->min - 1` or `row->max + 1` is named as a complaint of exactly this row. */
static void check_number_row(const struct setting_row *row, enum program program) {
    char text[32];
    const int64_t inside[] = {row->min, row->max}, outside[] = {row->min - 1, row->max + 1};
    for (int i = 0; i < 2; i++) {
        snprintf(text, sizeof(text), "%lld", (long long)inside[i]);
        setenv(row->name, text, 1);
        setenv("SOC_HEARTBEAT_MS", strcmp(row->name, "SOC_HEARTBEAT_MS") == 0 ? text : "10", 1);
        setenv("SOC_SUSPECT_MS", strcmp(row->name, "SOC_SUSPECT_MS") == 0 ? text : "600000", 1);
        cr_assert(is_accepted(program), "%s=%s", row->name, text);
        snprintf(text, sizeof(text), "%lld", (long long)outside[i]);
        setenv(row->name, text, 1);
        expect_complaint(program, row->name, text);
    }
    clear_environment();
}

Test(settings, numbers_have_bounds_on_both_sides) {
    unsigned checked = 0;
    for (const struct setting_row *row = setting_rows; row->name != NULL; row++)
        for (int i = 0; i < 2; i++)
            if (row->kind == SETTING_NUMBER && (row->programs & programs[i]) != 0) {
                check_number_row(row, programs[i]);
                checked++;
            }
    cr_assert(gt(uint, checked, 10));
}

Test(settings, numbers_are_nothing_but_digits) {
    static const char *const bad[] = {
        "x", " 1", "1 ", "+1", "1.5", "0x10", "1e3", "-", "99999999999999999999999"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        setenv("SOC_IN_FLIGHT", bad[i], 1);
        expect_complaint(PROGRAM_WORKER, "SOC_IN_FLIGHT", "2 to 65536");
    }
}

Test(settings, texts_have_a_longest_length) {
    static char text[8192];
    for (const struct setting_row *row = setting_rows; row->name != NULL; row++) {
        if (row->kind != SETTING_TEXT || row->secret || row->accepts != NULL)
            continue;
        enum program program = (row->programs & PROGRAM_API) != 0 ? PROGRAM_API : PROGRAM_WORKER;
        memset(text, 'x', sizeof(text));
        text[row->max + 1] = '\0';
        setenv(row->name, text, 1);
        expect_complaint(program, row->name, "bytes");
        clear_environment();
    }
}

Test(settings, key_prefix_is_short_visible_ascii) {
    setenv("SOC_KEY_PREFIX", "{acme}:", 1);
    cr_assert(eq(str, (char *)read_good(PROGRAM_WORKER).key_prefix, "{acme}:"));
    setenv("SOC_KEY_PREFIX", "a b", 1);
    expect_complaint(PROGRAM_WORKER, "SOC_KEY_PREFIX", "\"a b\"");
    setenv("SOC_KEY_PREFIX", "0123456789012345678901234567890123456789012345678901234567890123", 1);
    cr_assert(is_accepted(PROGRAM_API));
    setenv("SOC_KEY_PREFIX", "01234567890123456789012345678901234567890123456789012345678901234", 1);
    expect_complaint(PROGRAM_API, "SOC_KEY_PREFIX", "at most 64 bytes");
}

Test(settings, switches_know_six_words) {
    static const char *const words[][2] = {{"0", "1"}, {"false", "TRUE"}, {"Off", "on"}};
    for (int i = 0; i < 3; i++)
        for (int on = 0; on <= 1; on++) {
            setenv("SOC_PUBLISH_EVENTS", words[i][on], 1);
            cr_assert(eq(i64, read_good(PROGRAM_WORKER).publish_events, on), "%s", words[i][on]);
        }
    setenv("SOC_PUBLISH_EVENTS", "maybe", 1);
    expect_complaint(PROGRAM_WORKER, "SOC_PUBLISH_EVENTS", "\"maybe\"");
}

Test(settings, log_level_is_one_of_its_words) {
    static const char *const good[] = {"debug", "info", "WARNING", "Error"};
    static const char *const bad[] = {"warn", "inf", "infox", "debug info"};
    for (int i = 0; i < 4; i++) {
        setenv("LOG_LEVEL", good[i], 1);
        cr_assert(eq(str, (char *)read_good(PROGRAM_API).log_level, (char *)good[i]));
        setenv("LOG_LEVEL", bad[i], 1);
        expect_complaint(PROGRAM_API, "LOG_LEVEL", "debug info warning error");
    }
}

Test(settings, origins_are_whole_origins) {
    static const char *const good[] = {"*", "https://soc.example",
                                       "https://a.example:8443,http://[::1]:3000"};
    static const char *const bad[] = {"soc.example",          "https://a/", "https://a,", ",https://a",
                                      "https://a, https://b", "https://",   "://a",       "*,https://a"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        setenv("SOC_ALLOWED_ORIGINS", good[i], 1);
        cr_assert(is_accepted(PROGRAM_API), "%s", good[i]);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        setenv("SOC_ALLOWED_ORIGINS", bad[i], 1);
        expect_complaint(PROGRAM_API, "SOC_ALLOWED_ORIGINS", "scheme://host");
    }
}

Test(settings, the_collector_is_a_url_without_a_query) {
    static const char *const good[] = {"http://127.0.0.1:4318", "https://otel.example/base/",
                                       "http://[::1]:4318"};
    static const char *const bad[] = {"127.0.0.1:4318", "grpc://a",        "http://",
                                      "http:///v1",     "http://:1",       "http://a?token=b",
                                      "http://a#",      "http://a b:4318", "HTTP//a"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        setenv("OTEL_EXPORTER_OTLP_ENDPOINT", good[i], 1);
        cr_assert(eq(str, (char *)read_good(PROGRAM_WORKER).trace_endpoint, (char *)good[i]));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        setenv("OTEL_EXPORTER_OTLP_ENDPOINT", bad[i], 1);
        expect_complaint(PROGRAM_API, "OTEL_EXPORTER_OTLP_ENDPOINT", "http://host");
    }
}

Test(settings, shares_are_plain_numbers_from_0_to_1) {
    static const struct {
        const char *text;
        double share;
    } good[] = {{"0", 0}, {"1", 1}, {"0.25", 0.25}, {".5", 0.5}, {"1.0", 1}, {"0.001", 0.001}};
    static const char *const bad[] = {"1.01", "-0.1", "a",    "0.1x",  "0x1", "nan",
                                      "inf",  "0.1 ", "1e-1", "0.0.1", ".",   "2"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        double share = -1;
        setenv("OTEL_TRACES_SAMPLER_ARG", good[i].text, 1);
        cr_assert(share_parse(read_good(PROGRAM_API).trace_share, &share));
        cr_assert(eq(dbl, share, good[i].share));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        setenv("OTEL_TRACES_SAMPLER_ARG", bad[i], 1);
        expect_complaint(PROGRAM_WORKER, "OTEL_TRACES_SAMPLER_ARG", "0 to 1");
    }
}

Test(settings, certificate_and_key_come_together) {
    setenv("SOC_TLS_CERT", "/tls/tls.crt", 1);
    expect_complaint(PROGRAM_API, "SOC_TLS_KEY", "SOC_TLS_CERT");
    cr_assert(is_accepted(PROGRAM_WORKER), "the worker does not read it");
    setenv("SOC_TLS_KEY", "/tls/tls.key", 1);
    cr_assert(eq(str, (char *)read_good(PROGRAM_API).tls_key, "/tls/tls.key"));
    unsetenv("SOC_TLS_CERT");
    expect_complaint(PROGRAM_API, "SOC_TLS_CERT", "SOC_TLS_KEY");
}

Test(settings, suspicion_takes_more_than_a_heartbeat) {
    setenv("SOC_HEARTBEAT_MS", "3000", 1);
    expect_complaint(PROGRAM_WORKER, "SOC_SUSPECT_MS", "SOC_HEARTBEAT_MS");
    setenv("SOC_SUSPECT_MS", "3001", 1);
    cr_assert(is_accepted(PROGRAM_WORKER));
}

Test(settings, sentinels_are_accepted_by_both_programs) {
    setenv("REDIS_URL", "redis+sentinel://soc:hunter2@s1:26379,s2,[::1]:5/soc-master/3", 1);
    cr_assert(is_accepted(PROGRAM_API));
    cr_assert(is_accepted(PROGRAM_WORKER));
    setenv("REDIS_URL", "redis+sentinel://s1", 1);
    expect_complaint(PROGRAM_API, "REDIS_URL", "master");
}

Test(settings, no_wait_for_replicas_unless_asked_for) {
    struct settings settings = read_good(PROGRAM_API);
    cr_assert(eq(i64, settings.wait_replicas, 0));
    cr_assert(eq(i64, settings.wait_timeout_ms, 200));
    setenv("SOC_WAIT_TIMEOUT_MS", "0", 1); /* to Redis: for ever */
    expect_complaint(PROGRAM_API, "SOC_WAIT_TIMEOUT_MS", "10000");
}

Test(settings, a_secret_is_never_printed) {
    setenv("REDIS_URL", "redis://soc:hunter2@h:99999/0", 1);
    expect_complaint(PROGRAM_API, "REDIS_URL", "port");
    struct settings settings;
    bool good;
    char *complaints = read_settings(PROGRAM_API, &settings, &good);
    cr_assert(not(contains(complaints, "hunter2")), "%s", complaints);
    free(complaints);
}

Test(settings, every_fault_is_told_at_once) {
    struct settings settings;
    bool good;
    setenv("SOC_HTTP_PORT", "65536", 1);
    setenv("LOG_LEVEL", "loud", 1);
    setenv("SOC_ADMIN_PORT", "x", 1);
    char *complaints = read_settings(PROGRAM_API, &settings, &good);
    cr_assert(not(good));
    cr_assert(contains(complaints, "SOC_HTTP_PORT: "));
    cr_assert(contains(complaints, "LOG_LEVEL: "));
    cr_assert(not(contains(complaints, "SOC_ADMIN_PORT")), "the API does not read it");
    free(complaints);
}

Test(settings, help_prints_the_rows_of_its_program) {
    for (int i = 0; i < 2; i++) {
        char *out;
        size_t len;
        FILE *file = open_memstream(&out, &len);
        settings_print(programs[i], file);
        fclose(file);
        char *column = strstr(out, "MEANING");
        cr_assert(ne(ptr, column, NULL));
        char *header = strstr(out, "VARIABLE");
        for (const struct setting_row *row = setting_rows; row->name != NULL; row++) {
            char start[64];
            snprintf(start, sizeof(start), "\n%s ", row->name);
            char *line = strstr(out, start);
            cr_assert(eq(int, line != NULL, (row->programs & programs[i]) != 0), "%s", row->name);
            if (line != NULL)
                cr_assert(eq(ptr, strstr(line, row->help), line + 1 + (column - header)), "%s", row->name);
        }
        free(out);
    }
}
