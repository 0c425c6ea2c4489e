#include <stdlib.h>

#include "api/catalog/address_search.h"
#include "api/catalog/catalog_rows.h"
#include "api/catalog/query.h"

/* What is known of a row's marks, and of a customer once a row of it was met. */
enum { FITS = 1, SEARCHED = 2, KNOWN = 4 };

struct plan {
    const struct query *query;
    const struct catalog *catalog;
    struct text search;
    uint64_t search_pairs;
    uint8_t marks[MARK_FILTER_VALUES];
    bool asks_customer;
    uint8_t *customers; /* by handle; 0: not met yet */
    struct address_search address;
};

static bool one_of(uint32_t bits, unsigned index) {
    return bits == 0 || (bits >> index & 1);
}

static uint8_t judge_marks(const struct plan *plan, uint32_t marks, uint32_t searched_types) {
    const struct query *query = plan->query;
    if (!one_of(query->threat_types, mark_type(marks)) || !one_of(query->severities, mark_severity(marks)) ||
        !one_of(query->statuses, mark_status(marks)) ||
        (query->requires_review >= 0 && query->requires_review != mark_review(marks)))
        return 0;
    return searched_types >> mark_type(marks) & 1 ? FITS | SEARCHED : FITS;
}

static void plan_init(struct plan *plan, const struct query *query, const struct catalog *catalog) {
    *plan = (struct plan){.query = query, .catalog = catalog, .search = {query->search, query->search_len}};
    plan->search_pairs = names_pairs(plan->search);
    uint32_t searched_types = 0;
    for (int i = 0; i < vocabulary_threat_type.count; i++)
        if (text_contains_lowered(text_of(vocabulary_threat_type.words[i]), plan->search))
            searched_types |= UINT32_C(1) << i;
    for (uint32_t marks = 0; marks < MARK_FILTER_VALUES; marks++)
        plan->marks[marks] = judge_marks(plan, marks, searched_types);
    plan->asks_customer = query->customer_id.at != NULL || plan->search.len > 0;
    if (plan->asks_customer && (plan->customers = calloc(catalog->names.top + 1, 1)) == NULL)
        abort();
    if (plan->search.len > 0)
        address_search_init(&plan->address, plan->search);
}

static bool customer_is_searched(const struct plan *plan, uint32_t customer) {
    const struct names *names = &plan->catalog->names;
    return (plan->search_pairs & ~names->at[customer]->pairs) == 0 &&
           (text_contains_lowered(names_id(names, customer), plan->search) ||
            text_contains_lowered(names_name(names, customer), plan->search));
}

static uint8_t judge_customer(struct plan *plan, uint32_t customer) {
    struct text wanted = plan->query->customer_id;
    uint8_t judged = KNOWN;
    if (wanted.at == NULL || text_equal(names_id(&plan->catalog->names, customer), wanted))
        judged |= FITS;
    if (customer_is_searched(plan, customer))
        judged |= SEARCHED;
    return plan->customers[customer] = judged;
}

static bool customer_fits(struct plan *plan, const struct row_face *face, uint32_t slot, uint8_t marks) {
    uint8_t customer = plan->customers[face->customer];
    if (customer == 0)
        customer = judge_customer(plan, face->customer);
    if (!(customer & FITS))
        return false;
    return ((customer | marks) & SEARCHED) ||
           (plan->address.possible &&
            address_search_matches(&plan->address, catalog_source_ip(plan->catalog, slot)));
}

static inline bool row_fits(struct plan *plan, uint32_t slot) {
    const struct row_face *face = catalog_face(plan->catalog, slot);
    uint8_t marks = plan->marks[face->marks % MARK_FILTER_VALUES];
    if (marks == 0 || face->created_at_ms < plan->query->since_ms ||
        face->created_at_ms >= plan->query->until_ms)
        return false;
    return !plan->asks_customer || customer_fits(plan, face, slot, marks);
}

/* How many of the order's keys stand before the cursor: entries, and keys of the last of them. */
static struct order_place scan_start(const struct query *query, const struct catalog *catalog) {
    const struct row_order *order = &catalog->order;
    struct order_place start = {0, 0};
    if (order->count == 0)
        return start;
    if (query->has_cursor)
        order_find(catalog, row_id_of(&query->cursor), &start);
    else
        start = (struct order_place){order->count - 1, order->entries[order->count - 1].block->count};
    start.entry++;
    return start;
}

static bool entry_may_fit(const struct query *query, const struct order_entry *entry) {
    return entry->created_max_ms >= query->since_ms && entry->created_min_ms < query->until_ms;
}

unsigned query_run(const struct query *query, const struct catalog *catalog, struct uuid *ids, bool *more) {
    struct plan plan;
    plan_init(&plan, query, catalog);
    struct order_place start = scan_start(query, catalog);
    unsigned count = 0;
    *more = false;
    for (uint32_t e = start.entry; e-- > 0 && !*more;) {
        const struct order_entry *entry = &catalog->order.entries[e];
        if (!entry_may_fit(query, entry))
            continue;
        for (uint32_t i = e + 1 == start.entry ? start.at : entry->block->count; i-- > 0 && !*more;) {
            uint32_t slot = entry->block->slot[i];
            if (!row_fits(&plan, slot))
                continue;
            *more = count == query->limit;
            if (!*more)
                ids[count++] = row_id_uuid(catalog_rest(catalog, slot)->id);
        }
    }
    free(plan.customers);
    return count;
}
