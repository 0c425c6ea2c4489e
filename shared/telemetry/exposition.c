#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "shared/telemetry/log.h"
#include "shared/telemetry/metric_rows.h"
#include "shared/telemetry/process_stats.h"

enum { NUMBER_MAX = 32 };

/* The shortest of 15 or 17 digits that reads back as the same double. */
static void write_number(struct buffer *out, double value) {
    char text[NUMBER_MAX];
    if (isinf(value)) {
        buffer_append_string(out, value > 0 ? "+Inf" : "-Inf");
        return;
    }
    snprintf(text, sizeof(text), "%.15g", value);
    if (strtod(text, NULL) != value)
        snprintf(text, sizeof(text), "%.17g", value);
    buffer_append_string(out, text);
}

static void write_header(struct buffer *out, const char *name, const char *help, const char *type) {
    buffer_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* Opens the braces or goes on inside them. */
static void write_label(struct buffer *out, bool *open, const char *name, const char *value) {
    buffer_printf(out, "%c%s=\"", *open ? ',' : '{', name);
    *open = true;
    for (const char *at = value; *at != '\0'; at++) {
        if (*at == '\\' || *at == '"' || *at == '\n')
            buffer_append_char(out, '\\');
        buffer_append_char(out, *at == '\n' ? 'n' : *at);
    }
    buffer_append_char(out, '"');
}

struct series {
    const struct metric_row *row;
    const char *words[2]; /* of its labels */
    const union metric_cell *cells;
};

/* Name, suffix and labels with the blank behind; `bound` is le's value or NULL. */
static void write_identity(struct buffer *out, const struct series *series, const char *suffix,
                           const char *bound) {
    bool open = false;
    buffer_printf(out, "%s%s", series->row->name, suffix);
    for (int i = 0; i < 2; i++)
        if (series->row->labels[i] != NULL)
            write_label(out, &open, series->row->labels[i]->name, series->words[i]);
    if (bound != NULL)
        write_label(out, &open, "le", bound);
    buffer_append_string(out, open ? "} " : " ");
}

static void write_count(struct buffer *out, const struct series *series, const char *suffix,
                        const char *bound, uint64_t count) {
    write_identity(out, series, suffix, bound);
    buffer_append_unsigned(out, count);
    buffer_append_char(out, '\n');
}

static void write_value(struct buffer *out, const struct series *series, const char *suffix, double value) {
    write_identity(out, series, suffix, NULL);
    write_number(out, value);
    buffer_append_char(out, '\n');
}

static void write_histogram(struct buffer *out, const struct series *series) {
    const struct metric_buckets *buckets = series->row->buckets;
    uint64_t total = 0;
    for (int i = 0; i <= buckets->count; i++) {
        char bound[NUMBER_MAX] = "+Inf";
        if (i < buckets->count)
            snprintf(bound, sizeof(bound), "%g", buckets->bounds[i]);
        total += series->cells[i].count;
        write_count(out, series, "_bucket", bound, total);
    }
    write_value(out, series, "_sum", series->cells[buckets->count + 1].number);
    write_count(out, series, "_count", NULL, total);
}

static bool is_touched(const struct series *series) {
    int counts = metric_row_width(series->row) - (series->row->kind == METRIC_HISTOGRAM);
    for (int i = 0; i < counts; i++)
        if (series->cells[i].count != 0)
            return true;
    return false;
}

static bool is_shown(const struct series *series) {
    const struct metric_row *row = series->row;
    for (int i = 0; i < 2; i++)
        if (row->labels[i] != NULL && series->words[i] == NULL)
            return false;
    if (row->kind == METRIC_GAUGE || row->kind == METRIC_READING)
        return !isnan(series->cells[0].number);
    bool from_first_use =
        row->labels[1] != NULL || (row->labels[0] != NULL && row->labels[0]->from_first_use);
    return !from_first_use || is_touched(series);
}

static void write_series(struct buffer *out, const struct series *series) {
    switch (series->row->kind) {
    case METRIC_COUNTER: write_count(out, series, "", NULL, series->cells[0].count); break;
    case METRIC_GAUGE:
    case METRIC_READING: write_value(out, series, "", series->cells[0].number); break;
    case METRIC_HISTOGRAM: write_histogram(out, series); break;
    }
}

static const char *find_word(const struct metric_label *label, int index) {
    return label == NULL ? NULL : label->values->words[index];
}

static void write_row(struct buffer *out, const struct metric_row *row) {
    static const char *const types[] = {"counter", "gauge", "gauge", "histogram"};
    size_t start = out->len;
    write_header(out, row->name, row->help, types[row->kind]);
    size_t header_end = out->len;
    struct series series = {.row = row, .cells = row->cells};
    for (int a = 0; a < row->counts[0]; a++)
        for (int b = 0; b < row->counts[1]; b++) {
            series.words[0] = find_word(row->labels[0], a);
            series.words[1] = find_word(row->labels[1], b);
            if (is_shown(&series))
                write_series(out, &series);
            series.cells += metric_row_width(row);
        }
    if (out->len == header_end)
        out->len = start;
}

static void write_single(struct buffer *out, const char *name, const char *help, const char *type,
                         double value) {
    if (isnan(value))
        return;
    write_header(out, name, help, type);
    buffer_printf(out, "%s ", name);
    write_number(out, value);
    buffer_append_char(out, '\n');
}

static void write_process(struct buffer *out) {
    struct process_stats stats;
    process_stats_read(&stats);
    write_single(out, "process_cpu_seconds_total", "User and system CPU time.", "counter", stats.cpu_seconds);
    write_single(out, "process_resident_memory_bytes", "Resident memory.", "gauge", stats.resident_bytes);
    write_single(out, "process_virtual_memory_bytes", "Virtual memory.", "gauge", stats.virtual_bytes);
    write_single(out, "process_open_fds", "Open file descriptors.", "gauge", stats.open_fds);
    write_single(out, "process_max_fds", "Most file descriptors that may be open.", "gauge", stats.max_fds);
    write_single(out, "process_start_time_seconds", "Start of the process, in seconds since 1970.", "gauge",
                 stats.start_time_seconds);
}

void metrics_write(struct buffer *out) {
    unsigned program = metrics_program();
    for (int i = 0; i < METRIC_COUNT; i++)
        if ((metric_rows[i].programs & program) != 0)
            write_row(out, &metric_rows[i]);
    write_single(out, "soc_log_lines_dropped_total", "Log lines that stdout did not take.", "counter",
                 (double)log_dropped());
    write_process(out);
    write_header(out, "soc_build_info", "Always 1; version and program are in the labels.", "gauge");
    buffer_printf(out, "soc_build_info{version=\"%s\",program=\"%s\"} 1\n", SOC_VERSION,
                  program_name((enum program)program));
}
