#include "shared/context/customer_table.h"

#include <stdlib.h>

#include "shared/base/hash.h"

enum { ROOM_AT_FIRST = 16 };

static struct customer_record **slots_new(size_t room) {
    struct customer_record **slots = calloc(room, sizeof(struct customer_record *));
    if (slots == NULL)
        abort();
    return slots;
}

/* The slot of the id, or the empty one where it belongs. */
static size_t slot_of(const struct customer_table *table, struct text id) {
    size_t at = hash_text(id) & (table->room - 1);
    while (table->slots[at] != NULL && !text_equal(table->slots[at]->id, id))
        at = (at + 1) & (table->room - 1);
    return at;
}

static void grow(struct customer_table *table) {
    struct customer_table larger = *table;
    larger.room = table->room == 0 ? ROOM_AT_FIRST : table->room * 2;
    larger.slots = slots_new(larger.room);
    for (size_t i = 0; i < table->room; i++)
        if (table->slots[i] != NULL)
            larger.slots[slot_of(&larger, table->slots[i]->id)] = table->slots[i];
    free(table->slots);
    *table = larger;
}

void customer_table_fini(struct customer_table *table) {
    for (size_t i = 0; i < table->room; i++)
        customer_record_unref(table->slots[i]);
    free(table->slots);
    *table = CUSTOMER_TABLE_EMPTY;
}

void customer_table_give(struct customer_table *table, struct customer_record *record) {
    customer_table_remove(table, record->id);
    if ((table->count + 1) * 2 > table->room)
        grow(table);
    table->slots[slot_of(table, record->id)] = record;
    table->count++;
    table->record_bytes += customer_record_bytes(record);
}

/* Those behind the hole in the same run are put again, so that no search ends early at it. */
static void close_hole(struct customer_table *table, size_t hole) {
    for (size_t at = (hole + 1) & (table->room - 1); table->slots[at] != NULL;
         at = (at + 1) & (table->room - 1)) {
        struct customer_record *record = table->slots[at];
        table->slots[at] = NULL;
        table->slots[slot_of(table, record->id)] = record;
    }
}

void customer_table_remove(struct customer_table *table, struct text id) {
    size_t at = table->room == 0 ? 0 : slot_of(table, id);
    if (table->room == 0 || table->slots[at] == NULL)
        return;
    table->count--;
    table->record_bytes -= customer_record_bytes(table->slots[at]);
    customer_record_unref(table->slots[at]);
    table->slots[at] = NULL;
    close_hole(table, at);
}

struct customer_record *customer_table_find(const struct customer_table *table, struct text id) {
    return table->room == 0 ? NULL : table->slots[slot_of(table, id)];
}

struct customer_table customer_table_copy(const struct customer_table *table) {
    struct customer_table copy = *table;
    if (table->room == 0)
        return copy;
    copy.slots = slots_new(table->room);
    for (size_t i = 0; i < table->room; i++)
        if (table->slots[i] != NULL)
            copy.slots[i] = customer_record_ref(table->slots[i]);
    return copy;
}
