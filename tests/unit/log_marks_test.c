#include "api/live/log_marks.h"

#include <criterion/criterion.h>

enum { LIMIT_SECONDS = 10, KEPT = 1000 };

TestSuite(log_marks, .timeout = LIMIT_SECONDS);

static struct stream_id at(uint64_t ms) {
    return (struct stream_id){ms, 1};
}

/* The rows 10-1, 20-1, … */
static void pass_rows(struct log_marks *marks, unsigned from, unsigned count) {
    for (unsigned i = 0; i < count; i++)
        log_marks_pass(marks, at((from + i) * 10));
}

Test(log_marks, an_empty_log_is_one_open_span_from_the_beginning) {
    struct log_marks marks;
    struct log_span span;
    log_marks_init(&marks, KEPT);
    cr_assert(log_marks_find(&marks, (struct stream_id){0, 0}, &span));
    cr_assert(span.open && stream_id_equal(span.start, (struct stream_id){0, 0}));
    cr_assert(log_marks_find(&marks, at(7), &span));
    cr_assert(span.open);
    log_marks_fini(&marks);
}

Test(log_marks, spans_meet_at_marks_and_the_mark_belongs_to_the_later_one) {
    struct log_marks marks;
    struct log_span span;
    log_marks_init(&marks, KEPT);
    pass_rows(&marks, 1, 3 * PAGE_ROWS - 1);
    cr_assert(log_marks_find(&marks, at(PAGE_ROWS * 10 - 1), &span));
    cr_assert(stream_id_equal(span.start, (struct stream_id){0, 0}) && !span.open);
    cr_assert(stream_id_equal(span.end, at(PAGE_ROWS * 10)));
    cr_assert(log_marks_find(&marks, at(PAGE_ROWS * 10), &span));
    cr_assert(stream_id_equal(span.start, at(PAGE_ROWS * 10)) &&
              stream_id_equal(span.end, at(2 * PAGE_ROWS * 10)));
    cr_assert(log_marks_find(&marks, at(1000000), &span));
    cr_assert(stream_id_equal(span.start, at(2 * PAGE_ROWS * 10)) && span.open);
    log_marks_fini(&marks);
}

Test(log_marks, reach_back_over_the_rows_kept_and_little_more) {
    for (unsigned rows = KEPT; rows < KEPT + 3 * PAGE_ROWS; rows++) {
        struct log_marks marks;
        struct log_span span;
        log_marks_init(&marks, KEPT);
        pass_rows(&marks, 1, 5000 + rows);
        cr_assert(log_marks_find(&marks, at((5000 + rows - KEPT) * 10), &span), "%u rows", rows);
        cr_assert_not(log_marks_find(&marks, at((5000 + rows - KEPT - 2 * PAGE_ROWS) * 10), &span));
        log_marks_fini(&marks);
    }
}

Test(log_marks, every_position_lies_in_its_span) {
    struct log_marks marks;
    struct log_span span;
    log_marks_init(&marks, KEPT);
    pass_rows(&marks, 1, 4321);
    for (uint64_t ms = 43210 - KEPT * 10; ms < 43300; ms++) {
        cr_assert(log_marks_find(&marks, at(ms), &span));
        cr_assert_not(stream_id_is_before(at(ms), span.start));
        cr_assert(span.open || stream_id_is_before(at(ms), span.end));
    }
    log_marks_clear(&marks);
    cr_assert(log_marks_find(&marks, at(5), &span));
    cr_assert(span.open && marks.rows == 0);
    log_marks_fini(&marks);
}
