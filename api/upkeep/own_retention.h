/* The retention that customers have of their own, read from their records once a minute, some at a time. What
 * is known here finds what may go; expire_threats.lua looks at the record itself. */
#ifndef SOC_API_OWN_RETENTION_H
#define SOC_API_OWN_RETENTION_H

#include "api/catalog/find_expired.h"
#include "shared/redis/keys.h"
#include "shared/redis/link.h"

struct own_retention_reader;

struct own_retention_reader *own_retention_reader_new(struct link *const *link,
                                                      const struct keyspace *keyspace,
                                                      const struct catalog *catalog);
void own_retention_reader_free(struct own_retention_reader *reader);

/* The next few customers of the catalog, when it is time. Answers go into `retention`, which outlives them.
 */
void own_retention_read_on(struct own_retention_reader *reader, struct retention *retention, int64_t now_ms);

/* All customers were read since the start or the last call of own_retention_begin. */
bool own_retention_is_known(const struct own_retention_reader *reader);

/* The catalog was cleared: all are read anew. */
void own_retention_begin(struct own_retention_reader *reader);

/* A record says another thing than we know: they are read again soon. */
void own_retention_hurry(struct own_retention_reader *reader, int64_t now_ms);

#endif
