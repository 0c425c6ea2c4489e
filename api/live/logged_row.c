#include "api/live/logged_row.h"

#include <stdlib.h>

struct logged_row *logged_row_copy(struct stream_id position, const struct log_row *row) {
    struct logged_row *copy = malloc(sizeof(*copy) + row->customer_id.len + row->customer_name.len);
    if (copy == NULL)
        abort();
    *copy = (struct logged_row){.position = position, .row = *row};
    if (row->customer_id.len > 0)
        memcpy(copy->texts, row->customer_id.at, row->customer_id.len);
    if (row->customer_name.len > 0)
        memcpy(copy->texts + row->customer_id.len, row->customer_name.at, row->customer_name.len);
    copy->row.customer_id.at = copy->texts;
    copy->row.customer_name.at = copy->texts + row->customer_id.len;
    return copy;
}
