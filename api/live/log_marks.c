#include "api/live/log_marks.h"

#include <stdlib.h>

void log_marks_init(struct log_marks *marks, unsigned rows_kept) {
    *marks = (struct log_marks){.room = rows_kept / PAGE_ROWS + 2};
    marks->at = calloc(marks->room, sizeof(*marks->at));
    if (marks->at == NULL)
        abort();
    log_marks_clear(marks);
}

void log_marks_fini(struct log_marks *marks) {
    free(marks->at);
    marks->at = NULL;
}

void log_marks_clear(struct log_marks *marks) {
    marks->at[0] = (struct stream_id){0, 0};
    marks->first = 0;
    marks->count = 1;
    marks->rows = 0;
}

static struct stream_id mark_at(const struct log_marks *marks, uint64_t number) {
    return marks->at[number % marks->room];
}

void log_marks_pass(struct log_marks *marks, struct stream_id position) {
    if (++marks->rows % PAGE_ROWS != 0)
        return;
    marks->at[marks->count++ % marks->room] = position;
    if (marks->count - marks->first > marks->room)
        marks->first++;
}

bool log_marks_find(const struct log_marks *marks, struct stream_id position, struct log_span *span) {
    uint64_t low = marks->first, high = marks->count;
    if (stream_id_is_before(position, mark_at(marks, low)))
        return false;
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        if (stream_id_is_before(position, mark_at(marks, middle)))
            high = middle;
        else
            low = middle;
    }
    *span = (struct log_span){.start = mark_at(marks, low), .open = low + 1 == marks->count};
    if (!span->open)
        span->end = mark_at(marks, low + 1);
    return true;
}
