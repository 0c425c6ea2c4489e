/* A row of threats:log with its texts, kept until its body is there. */
#ifndef SOC_API_LOGGED_ROW_H
#define SOC_API_LOGGED_ROW_H

#include "shared/model/log_row.h"
#include "shared/redis/stream_id.h"

struct logged_row {
    struct logged_row *next; /* the owner's */
    struct stream_id position;
    int64_t arrived_ns; /* monotonic; 0 when traces are off */
    struct log_row row; /* its texts lie behind */
    char texts[];
};

/* The caller frees it. */
struct logged_row *logged_row_copy(struct stream_id position, const struct log_row *row);

#endif
