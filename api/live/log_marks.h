/* Where every 128th row of threats:log stands, as far back as clients may resume. Between two marks lies one
 * page of the log, the same for all who come by. */
#ifndef SOC_API_LOG_MARKS_H
#define SOC_API_LOG_MARKS_H

#include "shared/redis/stream_id.h"

enum { PAGE_ROWS = 128 };

struct log_marks {
    struct stream_id *at; /* rising; the number-th mark is in slot number % room */
    unsigned room;
    uint64_t first, count; /* number of the oldest mark kept, and of the next */
    uint64_t rows;         /* that have passed */
};

/* Marks reach back over `rows_kept` rows at least, and about a page more at most. */
void log_marks_init(struct log_marks *marks, unsigned rows_kept);
void log_marks_fini(struct log_marks *marks);

/* A log that nothing is known of: its beginning is the only mark. */
void log_marks_clear(struct log_marks *marks);

/* The next row went by. */
void log_marks_pass(struct log_marks *marks, struct stream_id position);

struct log_span {
    struct stream_id start, end;
    bool open; /* there is no mark behind: `end` is not set */
};

static inline bool log_span_equal(const struct log_span *a, const struct log_span *b) {
    return stream_id_equal(a->start, b->start) && a->open == b->open &&
           (a->open || stream_id_equal(a->end, b->end));
}

/* The span that holds a position; false when it lies before the oldest mark. */
bool log_marks_find(const struct log_marks *marks, struct stream_id position, struct log_span *span);

#endif
