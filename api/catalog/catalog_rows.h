/* How the catalog keeps its rows; for the files of this folder alone.
 *
 * Rows stand in dense slots 0 … rows - 1 (a removed row's slot is filled by the last one), in chunks, each
 * chunk by column, so that a scan reads only the columns it asks about: 64 bytes a row. The order by id is a
 * list of sorted blocks of (first half of the id, slot): 12 bytes a row in blocks that are full, which they
 * are when rows arrive in order, and no two neighbours fit into 15/16 of one. Finding by id is a search in
 * the order: no second index. */
#ifndef SOC_API_CATALOG_ROWS_H
#define SOC_API_CATALOG_ROWS_H

#include "api/catalog/names.h"
#include "api/catalog/stats.h"

enum { ROWS_PER_CHUNK = 1024, KEYS_PER_BLOCK = 512 };

/* A UUID as two big-endian numbers: compares as its bytes do. */
struct row_id {
    uint64_t high, low;
};

/* What nearly every question asks for. `marks` packs the small fields, see enum mark. */
struct row_face {
    int64_t created_at_ms;
    uint32_t customer;
    uint32_t marks;
};

struct row_rest {
    struct row_id id;
    int64_t completed_at_ms;
    uint64_t agent_hash;
};

struct row_chunk {
    struct row_face faces[ROWS_PER_CHUNK];
    struct address source_ips[ROWS_PER_CHUNK];
    struct row_rest rests[ROWS_PER_CHUNK];
};

/* Bit positions in `marks`; the fields that queries filter by come first. */
enum mark {
    MARK_TYPE = 0,
    MARK_SEVERITY = 4,
    MARK_STATUS = 7,
    MARK_REVIEW = 9,
    MARK_VERDICT = 10,
    MARK_RISK = 12,
    MARK_FP_MILLI = 19,
    MARK_FILTER_VALUES = 1 << MARK_VERDICT
};

_Static_assert(THREAT_TYPE_COUNT <= 16 && SEVERITY_COUNT <= 8 && THREAT_STATUS_COUNT <= 4 &&
                   VERDICT_COUNT <= 4 && LOG_ROW_RISK_MAX < 128 && LOG_ROW_FP_MILLI_MAX < 1024,
               "the words must fit into their marks");

static inline enum threat_type mark_type(uint32_t marks) {
    return (enum threat_type)(marks >> MARK_TYPE & 15);
}
static inline enum severity mark_severity(uint32_t marks) {
    return (enum severity)(marks >> MARK_SEVERITY & 7);
}
static inline enum threat_status mark_status(uint32_t marks) {
    return (enum threat_status)(marks >> MARK_STATUS & 3);
}
static inline bool mark_review(uint32_t marks) {
    return marks >> MARK_REVIEW & 1;
}
static inline enum verdict mark_verdict(uint32_t marks) {
    return (enum verdict)(marks >> MARK_VERDICT & 3);
}

struct key_block {
    uint32_t count;
    uint64_t high[KEYS_PER_BLOCK];
    uint32_t slot[KEYS_PER_BLOCK];
};

/* Every key of the block is at least `first` and less than the next entry's. The times enclose those of the
 * block's rows, not always tightly. */
struct order_entry {
    struct row_id first;
    int64_t created_min_ms, created_max_ms;
    struct key_block *block;
};

struct row_order {
    struct order_entry *entries;
    uint32_t count, room;
};

/* Where a key stands, or would be put. */
struct order_place {
    uint32_t entry, at;
};

struct catalog {
    struct row_chunk **chunks;
    uint32_t chunk_count, chunk_room;
    uint32_t rows;
    struct row_order order;
    struct names names;
    struct stats stats;
};

static inline struct row_face *catalog_face(const struct catalog *catalog, uint32_t slot) {
    return &catalog->chunks[slot / ROWS_PER_CHUNK]->faces[slot % ROWS_PER_CHUNK];
}
static inline struct address *catalog_source_ip(const struct catalog *catalog, uint32_t slot) {
    return &catalog->chunks[slot / ROWS_PER_CHUNK]->source_ips[slot % ROWS_PER_CHUNK];
}
static inline struct row_rest *catalog_rest(const struct catalog *catalog, uint32_t slot) {
    return &catalog->chunks[slot / ROWS_PER_CHUNK]->rests[slot % ROWS_PER_CHUNK];
}

static inline bool row_id_less(struct row_id a, struct row_id b) {
    return a.high != b.high ? a.high < b.high : a.low < b.low;
}

struct row_id row_id_of(const struct uuid *uuid);
struct uuid row_id_uuid(struct row_id id);

/* row_order.c: the first place whose key is not less than `id`, and whether it is `id`. */
bool order_find(const struct catalog *catalog, struct row_id id, struct order_place *place);
uint32_t order_slot(const struct row_order *order, struct order_place place);
void order_move_slot(struct row_order *order, struct order_place place, uint32_t slot);

/* `place` is what order_find said of the id; the row's columns are filled already. */
void order_insert(struct catalog *catalog, struct order_place place, uint32_t slot);
void order_remove(struct row_order *order, struct order_place place);

/* The row at `place` has a new created_at. */
void order_widen(struct row_order *order, struct order_place place, int64_t created_at_ms);
size_t order_bytes(const struct row_order *order);
void order_fini(struct row_order *order);

/* stats.c: counts one row in (+1) or out (-1). */
void stats_count(struct stats *stats, const struct row_face *face, int by);
size_t stats_bytes(const struct stats *stats);
void stats_fini(struct stats *stats);

#endif
