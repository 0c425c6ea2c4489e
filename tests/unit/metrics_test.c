/* Metrics: a small reader of the text exposition format 0.0.4 checks the whole of it, then single series. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "shared/base/clock.h"
#include "shared/base/status.h"
#include "shared/model/vocabulary.h"
#include "shared/telemetry/metric_rows.h"
#include "shared/telemetry/metrics.h"

enum { SAMPLES_MAX = 4000, ID_MAX = 256 };

static struct sample {
    char id[ID_MAX]; /* name and labels as they stand */
    double value;
} samples[SAMPLES_MAX];
static int sample_count;

static struct buffer text;

static void fini_text(void) {
    buffer_fini(&text);
}

TestSuite(metrics, .timeout = 20, .fini = fini_text);

static const char *skip_name(const char *at) {
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    size_t len = strspn(at, allowed);
    cr_assert(len > 0 && (at[0] < '0' || at[0] > '9'), "not a name: %.20s", at);
    return at + len;
}

/* Behind the closing quote of a label's value. */
static const char *skip_quoted(const char *at) {
    cr_assert(eq(chr, *at, '"'), "%.40s", at);
    for (at++; *at != '"'; at++) {
        cr_assert(at[0] != '\0' && at[0] != '\n');
        if (*at == '\\') {
            at++;
            cr_assert(at[0] == '\\' || *at == '"' || *at == 'n', "escape \\%c", *at);
        }
    }
    return at + 1;
}

static const char *skip_labels(const char *at) {
    if (*at != '{')
        return at;
    do {
        at = skip_name(at + 1);
        cr_assert(eq(chr, *at, '='));
        at = skip_quoted(at + 1);
    } while (*at == ',');
    cr_assert(eq(chr, *at, '}'));
    return at + 1;
}

/* The family of the sample's name must be the one whose TYPE came last. */
static void check_family(const char *name, size_t len, const char *family, const char *type) {
    static const char *const suffixes[] = {"_bucket", "_sum", "_count"};
    size_t family_len = strlen(family);
    cr_assert(len >= family_len && memcmp(name, family, family_len) == 0, "%.*s in %s", (int)len, name,
              family);
    bool suffixed = false;
    for (int i = 0; i < 3; i++)
        suffixed |= len - family_len == strlen(suffixes[i]) &&
                    memcmp(name + family_len, suffixes[i], len - family_len) == 0;
    cr_assert(strcmp(type, "histogram") == 0 ? suffixed : len == family_len, "%.*s is a %s", (int)len, name,
              type);
    bool total = family_len > 6 && strcmp(family + family_len - 6, "_total") == 0;
    cr_assert(eq(int, total, strcmp(type, "counter") == 0), "%s", family);
}

static const char *read_sample(const char *line, const char *family, const char *type) {
    const char *name_end = skip_name(line), *end = skip_labels(name_end);
    char *behind;
    check_family(line, (size_t)(name_end - line), family, type);
    cr_assert(eq(chr, *end, ' '));
    cr_assert(lt(sz, (size_t)(end - line), ID_MAX));
    cr_assert(lt(int, sample_count, SAMPLES_MAX));
    struct sample *sample = &samples[sample_count++];
    memcpy(sample->id, line, (size_t)(end - line));
    sample->id[end - line] = '\0';
    sample->value = strtod(end + 1, &behind);
    cr_assert(behind > end + 1 && *behind == '\n', "%.60s", line);
    for (int i = 0; i < sample_count - 1; i++)
        cr_assert(ne(str, samples[i].id, sample->id));
    return behind + 1;
}

/* `# WORD name rest`: the name goes to `name`, the rest to `rest`; returns the next line. */
static const char *read_comment(const char *line, const char *word, char *name, char *rest) {
    char start[16];
    int len = snprintf(start, sizeof(start), "# %s ", word);
    cr_assert(eq(int, strncmp(line, start, (size_t)len), 0), "%.60s", line);
    const char *name_end = skip_name(line + len), *end = strchr(line, '\n');
    cr_assert(name_end[0] == ' ' && end - name_end > 1 && end - line < ID_MAX, "%.60s", line);
    snprintf(name, ID_MAX, "%.*s", (int)(name_end - line - len), line + len);
    snprintf(rest, ID_MAX, "%.*s", (int)(end - name_end - 1), name_end + 1);
    return end + 1;
}

/* Reads what metrics_write says into `samples`, strictly. */
static void scrape(void) {
    char family[ID_MAX] = "", helped[ID_MAX], type[ID_MAX] = "", rest[ID_MAX];
    buffer_clear(&text);
    metrics_write(&text);
    buffer_append_char(&text, '\0');
    sample_count = 0;
    const char *at = text.at;
    while (*at != '\0') {
        if (*at == '#') {
            at = read_comment(at, "HELP", helped, rest);
            at = read_comment(at, "TYPE", family, type);
            cr_assert(eq(str, helped, family));
            cr_assert(at[0] != '#' && *at != '\0', "%s has no sample", family);
        } else {
            at = read_sample(at, family, type);
        }
    }
}

/* NaN when there is no such series. */
static double value_of(const char *id) {
    for (int i = 0; i < sample_count; i++)
        if (strcmp(samples[i].id, id) == 0)
            return samples[i].value;
    return NAN;
}

static void expect(const char *id, double value) {
    cr_assert(epsilon_eq(dbl, value_of(id), value, 1e-9), "%s is %g, not %g", id, value_of(id), value);
}

static void expect_absent(const char *id) {
    cr_assert(isnan(value_of(id)), "%s is there", id);
}

static int count_starting(const char *start) {
    int count = 0;
    for (int i = 0; i < sample_count; i++)
        count += strncmp(samples[i].id, start, strlen(start)) == 0;
    return count;
}

static bool has_family(const struct metric_row *row) {
    char start[ID_MAX];
    snprintf(start, sizeof(start), "# TYPE %s ", row->name);
    return strstr(text.at, start) != NULL;
}

Test(metrics, untouched_exposition_is_valid_for_both_programs) {
    static const enum program programs[] = {PROGRAM_API, PROGRAM_WORKER};
    for (int i = 0; i < 2; i++) {
        metrics_init(programs[i]);
        scrape();
        cr_assert(gt(int, sample_count, 30));
        expect("soc_redis_up", 0);
        expect("soc_log_lines_dropped_total", 0);
        cr_assert(eq(int, isnan(value_of("soc_fenced_total")), programs[i] == PROGRAM_API));
        cr_assert(eq(int, isnan(value_of("http_requests_in_progress")), programs[i] == PROGRAM_WORKER));
    }
    expect("soc_build_info{version=\"" SOC_VERSION "\",program=\"soc-worker\"}", 1);
}

Test(metrics, a_full_exposition_is_valid) {
    static const char *const routes[] = {"/api/threats", "/api/threats/{id}"};
    metrics_name_routes(routes, 2);
    for (int program = PROGRAM_API; program <= PROGRAM_WORKER; program++) {
        metrics_init((enum program)program);
        for (int i = 0; i < METRIC_COUNT; i++) {
            const struct metric_row *row = &metric_rows[i];
            for (int a = 0; a < row->counts[0]; a++)
                for (int b = 0; b < row->counts[1]; b++)
                    if (row->kind == METRIC_COUNTER)
                        metrics_add((enum metric)i, a, b, UINT64_C(1) << 40);
                    else if (row->kind == METRIC_HISTOGRAM)
                        metrics_observe((enum metric)i, a, 0.3);
                    else
                        metrics_set_labelled((enum metric)i, a, 1e15 + 0.25);
        }
        scrape();
        for (int i = 0; i < METRIC_COUNT; i++)
            cr_assert(
                eq(int, has_family(&metric_rows[i]), (metric_rows[i].programs & (unsigned)program) != 0),
                "%s", metric_rows[i].name);
    }
    expect("soc_threats_in_flight", 1e15 + 0.25);
    expect("soc_threats_processed_total{severity=\"critical\",threat_type=\"geo_anomaly\"}",
           (double)(UINT64_C(1) << 40));
}

Test(metrics, counters_add_up_in_their_own_series) {
    metrics_init(PROGRAM_WORKER);
    metrics_add(METRIC_PROCESSED, SEVERITY_HIGH, THREAT_BRUTE_FORCE, 2);
    metrics_add(METRIC_PROCESSED, SEVERITY_HIGH, THREAT_BRUTE_FORCE, 3);
    metrics_add(METRIC_PROCESSED, SEVERITY_LOW, THREAT_ANOMALY_DETECTION, 1);
    metrics_add(METRIC_FENCED, 0, 0, 7);
    metrics_add(METRIC_AGENT_UNAVAILABLE, AGENT_DEVOPS, 0, 4);
    scrape();
    expect("soc_threats_processed_total{severity=\"high\",threat_type=\"brute_force\"}", 5);
    expect("soc_threats_processed_total{severity=\"low\",threat_type=\"anomaly_detection\"}", 1);
    cr_assert(eq(int, count_starting("soc_threats_processed_total"), 2));
    expect("soc_fenced_total", 7);
    expect("soc_agent_unavailable_total{agent_name=\"devops\"}", 4);
    expect("soc_agent_unavailable_total{agent_name=\"priority\"}", 0);
    cr_assert(eq(int, count_starting("soc_agent_unavailable_total"), AGENT_COUNT));
}

Test(metrics, label_words_stand_in_the_order_of_their_enums) {
    metrics_init(PROGRAM_API);
    metrics_add(METRIC_SIGNALS_REJECTED, STATUS_OVERLOADED, 0, 1);
    metrics_add(METRIC_WS_DROPPED, METRIC_DROP_SHUTDOWN, 0, 2);
    scrape();
    expect("soc_signals_rejected_total{reason=\"overloaded\"}", 1);
    expect_absent("soc_signals_rejected_total{reason=\"ok\"}");
    cr_assert(eq(int, count_starting("soc_signals_rejected_total"), STATUS_COUNT - 1));
    expect("soc_websocket_dropped_total{reason=\"shutdown\"}", 2);
    expect("soc_websocket_dropped_total{reason=\"slow\"}", 0);
    metrics_init(PROGRAM_WORKER);
    metrics_add(METRIC_REDELIVERIES, METRIC_REDELIVERY_VANISHED, 0, 3);
    metrics_set_labelled(METRIC_CONTEXT_RECORDS, METRIC_CONTEXT_INTEL_ENTRIES, 1e6);
    metrics_observe(METRIC_PROCESSING_SECONDS, METRIC_PHASE_TOTAL, 1);
    scrape();
    expect("soc_redeliveries_total{reason=\"vanished\"}", 3);
    expect("soc_context_records{kind=\"intel_entries\"}", 1e6);
    expect("soc_context_records{kind=\"customers\"}", 0);
    expect("soc_threat_processing_duration_seconds_count{phase=\"total\"}", 1);
    expect("soc_threat_processing_duration_seconds_count{phase=\"commit\"}", 0);
}

Test(metrics, histograms_cumulate) {
    metrics_init(PROGRAM_WORKER);
    static const double values[] = {0.00001, 0.000011, 0.004, 0.005, 9.99, 10, 11};
    double sum = 0;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        metrics_observe(METRIC_AGENT_SECONDS, AGENT_CONTEXT, values[i]);
        sum += values[i];
    }
    scrape();
    expect("soc_agent_duration_seconds_bucket{agent_name=\"context\",le=\"1e-05\"}", 1);
    expect("soc_agent_duration_seconds_bucket{agent_name=\"context\",le=\"2.5e-05\"}", 2);
    expect("soc_agent_duration_seconds_bucket{agent_name=\"context\",le=\"0.0025\"}", 2);
    expect("soc_agent_duration_seconds_bucket{agent_name=\"context\",le=\"0.005\"}", 4);
    expect("soc_agent_duration_seconds_bucket{agent_name=\"context\",le=\"5\"}", 4);
    expect("soc_agent_duration_seconds_bucket{agent_name=\"context\",le=\"10\"}", 6);
    expect("soc_agent_duration_seconds_bucket{agent_name=\"context\",le=\"+Inf\"}", 7);
    expect("soc_agent_duration_seconds_count{agent_name=\"context\"}", 7);
    expect("soc_agent_duration_seconds_sum{agent_name=\"context\"}", sum);
    expect("soc_agent_duration_seconds_count{agent_name=\"config\"}", 0);
}

Test(metrics, buckets_rise_and_suit_what_they_count) {
    for (int i = 0; i < METRIC_COUNT; i++)
        for (int j = 1; metric_rows[i].buckets != NULL && j < metric_rows[i].buckets->count; j++)
            cr_assert(gt(dbl, metric_rows[i].buckets->bounds[j], metric_rows[i].buckets->bounds[j - 1]));
    metrics_init(PROGRAM_WORKER);
    metrics_observe(METRIC_FP_SCORE, 0, 0.3);
    metrics_observe(METRIC_FP_SCORE, 0, 1);
    metrics_observe(METRIC_COMMIT_BATCH, 0, 64);
    metrics_observe(METRIC_COMMIT_BATCH, 0, 2000);
    scrape();
    expect("soc_fp_score_bucket{le=\"0.2\"}", 0);
    expect("soc_fp_score_bucket{le=\"0.3\"}", 1);
    expect("soc_fp_score_bucket{le=\"1\"}", 2);
    expect("soc_commit_batch_size_bucket{le=\"32\"}", 0);
    expect("soc_commit_batch_size_bucket{le=\"64\"}", 1);
    expect("soc_commit_batch_size_bucket{le=\"1024\"}", 1);
    expect("soc_commit_batch_size_bucket{le=\"+Inf\"}", 2);
}

Test(metrics, observing_nonsense_counts_as_zero) {
    metrics_init(PROGRAM_WORKER);
    metrics_observe(METRIC_FP_SCORE, 0, -5);
    metrics_observe(METRIC_FP_SCORE, 0, NAN);
    scrape();
    expect("soc_fp_score_bucket{le=\"0.1\"}", 2);
    expect("soc_fp_score_sum", 0);
}

Test(metrics, a_reading_is_absent_until_it_is_known) {
    metrics_init(PROGRAM_API);
    scrape();
    expect_absent("soc_stream_lag");
    expect("http_requests_in_progress", 0);
    metrics_set(METRIC_STREAM_LAG, 12);
    scrape();
    expect("soc_stream_lag", 12);
    metrics_hide(METRIC_STREAM_LAG);
    scrape();
    expect_absent("soc_stream_lag");
    cr_assert(eq(ptr, strstr(text.at, "soc_stream_lag "), NULL), "not even its help");
    metrics_set(METRIC_STREAM_LAG, 0);
    scrape();
    expect("soc_stream_lag", 0);
}

Test(metrics, routes_are_named_escaped_and_shown_when_used) {
    static const char *const routes[] = {"/a", "/b\"\\\n", "/c"};
    metrics_init(PROGRAM_API);
    metrics_name_routes(routes, 3);
    metrics_add(METRIC_HTTP_REQUESTS, 1, metric_status_class(202), 1);
    metrics_add(METRIC_HTTP_REQUESTS, 2, metric_status_class(404), 2);
    metrics_add(METRIC_HTTP_REQUESTS, 3, metric_status_class(200), 9);
    metrics_observe(METRIC_HTTP_SECONDS, 2, 0.01);
    scrape();
    expect("http_requests_total{route=\"/b\\\"\\\\\\n\",status_class=\"2xx\"}", 1);
    expect("http_requests_total{route=\"/c\",status_class=\"4xx\"}", 2);
    cr_assert(eq(int, count_starting("http_requests_total"), 2), "the fourth route has no name");
    cr_assert(eq(int, count_starting("http_request_duration_seconds_count"), 1));
    expect("http_request_duration_seconds_count{route=\"/c\"}", 1);
}

Test(metrics, status_classes) {
    static const struct {
        int status;
        enum metric_status_class class;
    } rows[] = {{101, METRIC_1XX}, {200, METRIC_2XX}, {299, METRIC_2XX}, {304, METRIC_3XX}, {404, METRIC_4XX},
                {503, METRIC_5XX}, {0, METRIC_5XX},   {600, METRIC_5XX}, {-1, METRIC_5XX}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_assert(eq(int, metric_status_class(rows[i].status), rows[i].class), "%d", rows[i].status);
}

Test(metrics, init_clears_everything) {
    metrics_init(PROGRAM_WORKER);
    metrics_add(METRIC_FENCED, 0, 0, 7);
    metrics_observe(METRIC_FP_SCORE, 0, 0.5);
    metrics_set(METRIC_IN_FLIGHT, 3);
    metrics_init(PROGRAM_WORKER);
    scrape();
    expect("soc_fenced_total", 0);
    expect("soc_fp_score_count", 0);
    expect("soc_threats_in_flight", 0);
}

Test(metrics, the_process_is_described) {
    metrics_init(PROGRAM_API);
    scrape();
    double fds = value_of("process_open_fds"), cpu = value_of("process_cpu_seconds_total");
    double now = (double)clock_wall_ms() / 1000;
    cr_assert(gt(dbl, value_of("process_resident_memory_bytes"), 1e5));
    cr_assert(gt(dbl, value_of("process_virtual_memory_bytes"), value_of("process_resident_memory_bytes")));
    cr_assert(epsilon_eq(dbl, value_of("process_start_time_seconds"), now, 60));
    cr_assert(ge(dbl, value_of("process_max_fds"), fds));
    int copies[5];
    for (int i = 0; i < 5; i++)
        copies[i] = dup(STDERR_FILENO);
    for (int64_t limit_ns = clock_monotonic_ns() + 5000000000;
         value_of("process_cpu_seconds_total") <= cpu;) {
        cr_assert(lt(i64, clock_monotonic_ns(), limit_ns), "the CPU time stands still");
        scrape();
    }
    expect("process_open_fds", fds + 5);
    for (int i = 0; i < 5; i++)
        close(copies[i]);
}

Test(metrics, an_index_outside_its_label_aborts, .signal = SIGABRT) {
    metrics_init(PROGRAM_WORKER);
    metrics_add(METRIC_PROCESSED, SEVERITY_NONE, 0, 1);
}

Test(metrics, a_negative_index_aborts, .signal = SIGABRT) {
    metrics_init(PROGRAM_WORKER);
    metrics_observe(METRIC_AGENT_SECONDS, -1, 1);
}

Test(metrics, a_gauge_is_not_added_to, .signal = SIGABRT) {
    metrics_init(PROGRAM_WORKER);
    metrics_add(METRIC_IN_FLIGHT, 0, 0, 1);
}
