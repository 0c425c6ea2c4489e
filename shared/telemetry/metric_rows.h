/* Between metrics.c, which counts, and exposition.c, which shows: the table of metrics. */
#ifndef SOC_TELEMETRY_METRIC_ROWS_H
#define SOC_TELEMETRY_METRIC_ROWS_H

#include "shared/model/vocabulary.h"
#include "shared/telemetry/metrics.h"

enum metric_kind {
    METRIC_COUNTER,
    METRIC_GAUGE,   /* known from the start: 0 */
    METRIC_READING, /* a gauge that is hidden until it is set */
    METRIC_HISTOGRAM
};

/* A counter is one cell with `count`, a gauge one with `number` (NaN: hidden), a histogram one with `count`
 * for each bound and for +Inf, not cumulated, and then the sum in `number`. */
union metric_cell {
    uint64_t count;
    double number;
};

struct metric_label {
    const char *name;
    const struct vocabulary *values; /* a NULL word is not shown */
    bool from_first_use;             /* series appear when touched, not from the start */
};

struct metric_buckets {
    int count;
    const double *bounds; /* upper, inclusive, rising; +Inf follows by itself */
};

struct metric_row {
    const char *name;
    const char *help;
    enum metric_kind kind;
    unsigned programs;
    int counts[2];                        /* of the labels' values; 1 where there is none */
    const struct metric_label *labels[2]; /* NULL where there is none */
    const struct metric_buckets *buckets;
    union metric_cell *cells; /* counts[0] × counts[1] × metric_row_width */
};

extern const struct metric_row metric_rows[METRIC_COUNT];

static inline int metric_row_width(const struct metric_row *row) {
    return row->kind == METRIC_HISTOGRAM ? row->buckets->count + 2 : 1;
}

/* As given to metrics_init; 0 before. */
unsigned metrics_program(void);

#endif
