/* Customer records by id: open addressing over borrowed-by-reference records. */
#ifndef SOC_CONTEXT_CUSTOMER_TABLE_H
#define SOC_CONTEXT_CUSTOMER_TABLE_H

#include "shared/context/customer_records.h"

struct customer_table {
    struct customer_record **slots;
    size_t room; /* a power of two, at least twice the count; 0: empty */
    size_t count;
    size_t record_bytes;
};

#define CUSTOMER_TABLE_EMPTY ((struct customer_table){NULL})

void customer_table_fini(struct customer_table *table);

/* Takes over the caller's reference; a record of the same id is let go. */
void customer_table_give(struct customer_table *table, struct customer_record *record);
void customer_table_remove(struct customer_table *table, struct text id);
struct customer_record *customer_table_find(const struct customer_table *table, struct text id);

/* The records are shared, not copied. */
struct customer_table customer_table_copy(const struct customer_table *table);

#endif
