/* What keeps the store bounded: finished threats expire by number and age, the log is cut to what lives, old
 * histories end. One API at a time does it, who holds a lease in Redis; each step is one bounded script that
 * is right whoever else runs it. Ages are by Redis' clock: an API whose own clock is off must not delete the
 * world. */
#ifndef SOC_API_UPKEEP_H
#define SOC_API_UPKEEP_H

#include "api/catalog/catalog.h"
#include "shared/redis/keys.h"
#include "shared/redis/link.h"

struct upkeep;

enum { UPKEEP_SCRIPTS = 4 };

/* For link_open. */
const struct script *const *upkeep_scripts(void);

struct upkeep_options {
    struct link *const *link;
    const struct keyspace *keyspace;
    const struct catalog *catalog;
    uint64_t threats_max;   /* 0: any number */
    int64_t retention_days; /* 0: for ever */
};

struct upkeep *upkeep_new(const struct upkeep_options *options);
void upkeep_free(struct upkeep *upkeep);

/* In every turn of the loop: the next step, when it is time. `whole`: the catalog knows all that is stored.
 */
void upkeep_turn(struct upkeep *upkeep, int64_t now_ms, bool whole);

/* The catalog was cleared. */
void upkeep_forget(struct upkeep *upkeep);

#endif
