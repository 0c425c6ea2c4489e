/* The query part of GET /api/threats, and of the link to its next page. */
#ifndef SOC_API_LIST_QUERY_H
#define SOC_API_LIST_QUERY_H

#include "api/catalog/query.h"

/* `encoded` is what stands behind the '?'. Every fault is told, its pointer being the parameter's name. Texts
 * of the query live in the arena. */
void list_query_read(struct text encoded, struct arena *arena, struct query *query, struct faults *faults);

/* The Link header's value (RFC 8288): the same question with the cursor behind the last id shown. `encoded`
 * was read without a fault. */
void list_query_write_next(struct text encoded, struct arena *arena, const struct uuid *last,
                           struct buffer *link);

#endif
