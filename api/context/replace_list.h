/* Imports on their way: parsed in slices, one at a time, then sent to a key of their own in chunks that each
 * await Redis' reply, at last put in the list's place by one script. Until then the old list is whole. */
#ifndef SOC_API_REPLACE_LIST_H
#define SOC_API_REPLACE_LIST_H

#include "api/context/indicator_import.h"
#include "api/http/exchange.h"
#include "shared/redis/keys.h"
#include "shared/redis/link.h"

struct imports;

struct imports *imports_new(struct link *const *link, const struct keyspace *keyspace,
                            struct uuid_source *ids);
void imports_free(struct imports *imports);

/* Holds the exchange and answers it when the list is replaced, or is not. The body is the exchange's. */
void replace_list(struct imports *imports, struct exchange *exchange, const struct import_options *options);

/* One slice of work, once a turn of the loop; true when more waits, so that the turn should not. */
bool imports_step(struct imports *imports);

const struct script *replace_list_script(void);
const struct script *gather_entries_script(void);

#endif
