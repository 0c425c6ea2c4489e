#include "api/catalog/catalog_rows.h"

#include <stdlib.h>
#include <sys/random.h>

enum { FIRST_CHUNKS = 16 };

struct catalog *catalog_new(void) {
    struct catalog *catalog = calloc(1, sizeof(*catalog));
    uint64_t seed;
    if (catalog == NULL || getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
        abort();
    names_init(&catalog->names, seed);
    return catalog;
}

void catalog_clear(struct catalog *catalog) {
    for (uint32_t i = 0; i < catalog->chunk_count; i++)
        free(catalog->chunks[i]);
    free(catalog->chunks);
    order_fini(&catalog->order);
    names_fini(&catalog->names);
    stats_fini(&catalog->stats);
    *catalog = (struct catalog){.names = catalog->names};
}

void catalog_free(struct catalog *catalog) {
    if (catalog == NULL)
        return;
    catalog_clear(catalog);
    free(catalog);
}

static void add_chunk(struct catalog *catalog) {
    if (catalog->chunk_count == catalog->chunk_room) {
        uint32_t room = catalog->chunk_room == 0 ? FIRST_CHUNKS : catalog->chunk_room * 2;
        struct row_chunk **chunks = realloc(catalog->chunks, room * sizeof(struct row_chunk *));
        if (chunks == NULL)
            abort();
        catalog->chunks = chunks;
        catalog->chunk_room = room;
    }
    struct row_chunk *chunk = malloc(sizeof(*chunk));
    if (chunk == NULL)
        abort();
    catalog->chunks[catalog->chunk_count++] = chunk;
}

static uint32_t take_slot(struct catalog *catalog) {
    if (catalog->rows == catalog->chunk_count * ROWS_PER_CHUNK)
        add_chunk(catalog);
    return catalog->rows++;
}

/* One empty chunk is kept, so that a row that comes and goes at a chunk's edge costs nothing. */
static void give_last_slot(struct catalog *catalog) {
    catalog->rows--;
    uint32_t needed = (catalog->rows + ROWS_PER_CHUNK - 1) / ROWS_PER_CHUNK;
    while (catalog->chunk_count > needed + 1)
        free(catalog->chunks[--catalog->chunk_count]);
}

static unsigned at_most(unsigned value, unsigned max) {
    return value < max ? value : max;
}

static uint32_t marks_of(const struct log_row *row) {
    return (uint32_t)row->threat_type << MARK_TYPE | (uint32_t)row->severity << MARK_SEVERITY |
           (uint32_t)row->status << MARK_STATUS | (uint32_t)row->requires_review << MARK_REVIEW |
           (uint32_t)row->verdict << MARK_VERDICT | at_most(row->risk_score, LOG_ROW_RISK_MAX) << MARK_RISK |
           at_most(row->fp_milli, LOG_ROW_FP_MILLI_MAX) << MARK_FP_MILLI;
}

static void fill_slot(struct catalog *catalog, uint32_t slot, const struct log_row *row, uint32_t customer) {
    *catalog_face(catalog, slot) = (struct row_face){row->created_at_ms, customer, marks_of(row)};
    *catalog_source_ip(catalog, slot) = row->source_ip;
    *catalog_rest(catalog, slot) =
        (struct row_rest){row_id_of(&row->id), row->completed_at_ms, row->agent_hash};
    stats_count(&catalog->stats, catalog_face(catalog, slot), +1);
}

static void add_row(struct catalog *catalog, struct order_place place, const struct log_row *row) {
    uint32_t customer = names_take(&catalog->names, row->customer_id, row->customer_name);
    uint32_t slot = take_slot(catalog);
    fill_slot(catalog, slot, row, customer);
    order_insert(catalog, place, slot);
}

static void replace_row(struct catalog *catalog, struct order_place place, const struct log_row *row) {
    uint32_t slot = order_slot(&catalog->order, place);
    uint32_t before = catalog_face(catalog, slot)->customer, customer = before;
    bool same = text_equal(names_id(&catalog->names, before), row->customer_id) &&
                text_equal(names_name(&catalog->names, before), row->customer_name);
    if (!same)
        customer = names_take(&catalog->names, row->customer_id, row->customer_name);
    stats_count(&catalog->stats, catalog_face(catalog, slot), -1);
    fill_slot(catalog, slot, row, customer);
    order_widen(&catalog->order, place, row->created_at_ms);
    if (!same)
        names_give(&catalog->names, before);
}

static void remove_row(struct catalog *catalog, struct order_place place) {
    uint32_t slot = order_slot(&catalog->order, place), last = catalog->rows - 1;
    stats_count(&catalog->stats, catalog_face(catalog, slot), -1);
    names_give(&catalog->names, catalog_face(catalog, slot)->customer);
    if (slot != last) {
        struct order_place moved;
        order_find(catalog, catalog_rest(catalog, last)->id, &moved);
        order_move_slot(&catalog->order, moved, slot);
        *catalog_face(catalog, slot) = *catalog_face(catalog, last);
        *catalog_source_ip(catalog, slot) = *catalog_source_ip(catalog, last);
        *catalog_rest(catalog, slot) = *catalog_rest(catalog, last);
    }
    order_remove(&catalog->order, place);
    give_last_slot(catalog);
}

void catalog_apply(struct catalog *catalog, const struct log_row *row) {
    struct order_place place;
    bool found = order_find(catalog, row_id_of(&row->id), &place);
    if (row->kind == EVENT_EXPIRED) {
        if (found)
            remove_row(catalog, place);
    } else if (!found) {
        add_row(catalog, place, row);
    } else if (row->kind != EVENT_CREATED) {
        replace_row(catalog, place, row);
    }
}

static enum event_kind kind_of(enum threat_status status) {
    return status == THREAT_COMPLETED ? EVENT_COMPLETED
           : status == THREAT_FAILED  ? EVENT_FAILED
                                      : EVENT_CREATED;
}

bool catalog_find(const struct catalog *catalog, const struct uuid *id, struct log_row *row) {
    struct order_place place;
    if (!order_find(catalog, row_id_of(id), &place))
        return false;
    uint32_t slot = order_slot(&catalog->order, place);
    const struct row_face *face = catalog_face(catalog, slot);
    const struct row_rest *rest = catalog_rest(catalog, slot);
    *row = (struct log_row){
        .kind = kind_of(mark_status(face->marks)),
        .id = *id,
        .created_at_ms = face->created_at_ms,
        .completed_at_ms = rest->completed_at_ms,
        .threat_type = mark_type(face->marks),
        .severity = mark_severity(face->marks),
        .status = mark_status(face->marks),
        .requires_review = mark_review(face->marks),
        .risk_score = face->marks >> MARK_RISK & 127,
        .fp_milli = face->marks >> MARK_FP_MILLI & 1023,
        .verdict = mark_verdict(face->marks),
        .source_ip = *catalog_source_ip(catalog, slot),
        .agent_hash = rest->agent_hash,
        .customer_id = names_id(&catalog->names, face->customer),
        .customer_name = names_name(&catalog->names, face->customer),
    };
    return true;
}

struct catalog_size catalog_size(const struct catalog *catalog) {
    size_t chunks =
        catalog->chunk_count * sizeof(struct row_chunk) + catalog->chunk_room * sizeof(struct row_chunk *);
    return (struct catalog_size){
        .rows = catalog->rows,
        .customers = catalog->names.count,
        .bytes = sizeof(*catalog) + chunks + order_bytes(&catalog->order) + names_bytes(&catalog->names) +
                 stats_bytes(&catalog->stats),
    };
}
