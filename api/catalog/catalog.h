/* The catalog: one compact row (≤ 96 bytes) for each stored threat, kept by following threats:log. Lists,
 * filters, search, cursors and statistics come from here and never from Redis. No I/O, no clock. */
#ifndef SOC_API_CATALOG_H
#define SOC_API_CATALOG_H

#include "shared/model/log_row.h"

struct catalog;

struct catalog *catalog_new(void);
void catalog_free(struct catalog *catalog);

/* Takes one row over: created adds, completed/failed/updated replace (or add, when the creation was trimmed),
 * expired removes. Rows of one threat may arrive again or late; a `created` row never overwrites a later one.
 */
void catalog_apply(struct catalog *catalog, const struct log_row *row);

/* Forgets everything: before a rebuild from the log's start. */
void catalog_clear(struct catalog *catalog);

/* Borrowed texts live until the next catalog_apply, which may be handed them. `kind` is the one that
 * announces the row's status: created, completed or failed. */
bool catalog_find(const struct catalog *catalog, const struct uuid *id, struct log_row *row);

struct catalog_size {
    size_t rows, customers, bytes;
};
struct catalog_size catalog_size(const struct catalog *catalog);

#endif
