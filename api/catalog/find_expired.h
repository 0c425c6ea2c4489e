/* Which threats may go: finished ones that are too many, or too old for their customer. Found by walking the
 * catalog in the order of ids, which is that of creation. No I/O, no clock. */
#ifndef SOC_API_FIND_EXPIRED_H
#define SOC_API_FIND_EXPIRED_H

#include "api/catalog/catalog.h"

/* A customer's own retention; the hash keeps it from whoever gets the handle next. */
struct own_retention {
    uint64_t hash;
    int64_t ms; /* 0: none of its own */
};

struct retention {
    int64_t ms;                /* of customers without one of their own; 0: for ever */
    struct own_retention *own; /* by the customer's handle */
    uint32_t own_room;
    unsigned own_count; /* with one of their own */
    int64_t longest_ms; /* of all; 0: for ever */
};

/* A walk: begins with `from` all zero, goes on where it was. */
struct expiry_walk {
    struct uuid from; /* the last row looked at */
    int64_t now_ms;
    uint64_t surplus; /* finished rows that go whatever their age */
    bool by_age;      /* and old ones */
    bool to_the_end;  /* else it ends at the first row that is young enough for the common retention */
    bool ended;
};

/* `customer_id` is borrowed until the next catalog_apply. */
struct expired_row {
    struct uuid id;
    struct text customer_id;
    int64_t created_at_ms;
    bool is_surplus; /* it goes by number, else by age */
};

/* Looks at `rows_max` rows at most; returns how many finished rows were found that go, at most `found_max`.
 */
unsigned catalog_find_expired(const struct catalog *catalog, const struct retention *retention,
                              struct expiry_walk *walk, unsigned rows_max, struct expired_row *found,
                              unsigned found_max);

/* The next customer at or behind `*handle`: its id, borrowed. False when there is none. */
bool catalog_next_customer(const struct catalog *catalog, uint32_t *handle, struct text *id);

/* What a customer has of its own; 0 days: nothing. */
void retention_set(struct retention *retention, const struct catalog *catalog, uint32_t handle, int64_t days);

/* The catalog was cleared: handles are given anew, nobody's own retention is known. */
void retention_forget(struct retention *retention);
void retention_fini(struct retention *retention);

#endif
