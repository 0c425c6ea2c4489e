#include "shared/context/snapshot.h"

#include <stdlib.h>

#include "shared/context/crawlers.h"
#include "shared/context/customer_table.h"
#include "shared/context/infra_events.h"
#include "shared/context/intel_lists.h"
#include "shared/context/special_ranges.h"

struct snapshot {
    struct customer_table customers;
    struct infra_events *infra;
    struct intel_lists *intel;
};

struct snapshot_builder {
    struct complainer to;
    struct snapshot content;
    bool infra_kept, intel_kept; /* shared with an earlier snapshot: sealed */
};

static void *zeroed(size_t size) {
    void *at = calloc(1, size);
    if (at == NULL)
        abort();
    return at;
}

static struct snapshot content_new(void) {
    return (struct snapshot){CUSTOMER_TABLE_EMPTY, infra_events_new(), intel_lists_new()};
}

static void content_fini(struct snapshot *content) {
    customer_table_fini(&content->customers);
    infra_events_unref(content->infra);
    intel_lists_unref(content->intel);
}

struct snapshot_builder *snapshot_builder_new(context_complaint complain, void *arg) {
    struct snapshot_builder *builder = zeroed(sizeof(*builder));
    builder->to = (struct complainer){complain, arg};
    builder->content = content_new();
    return builder;
}

void snapshot_builder_free(struct snapshot_builder *builder) {
    if (builder == NULL)
        return;
    content_fini(&builder->content);
    free(builder);
}

void snapshot_builder_keep(struct snapshot_builder *builder, const struct snapshot *earlier, unsigned parts) {
    struct snapshot *content = &builder->content;
    if (parts & CONTEXT_CUSTOMERS) {
        customer_table_fini(&content->customers);
        content->customers = customer_table_copy(&earlier->customers);
    }
    if (parts & CONTEXT_INFRA) {
        infra_events_unref(content->infra);
        content->infra = infra_events_ref(earlier->infra);
        builder->infra_kept = true;
    }
    if (parts & CONTEXT_INTEL) {
        intel_lists_unref(content->intel);
        content->intel = intel_lists_ref(earlier->intel);
        builder->intel_kept = true;
    }
}

void snapshot_builder_customer(struct snapshot_builder *builder, struct text customer_id,
                               const struct context_field *fields, unsigned count) {
    struct customer_table *customers = &builder->content.customers;
    if (count == 0) {
        customer_table_remove(customers, customer_id);
        return;
    }
    struct customer_record *record = customer_record_read(&builder->to, customer_id, fields, count);
    if (record != NULL)
        customer_table_give(customers, record);
}

void snapshot_builder_infra(struct snapshot_builder *builder, struct text id, struct text json) {
    if (builder->infra_kept) {
        infra_events_unref(builder->content.infra);
        builder->content.infra = infra_events_new();
        builder->infra_kept = false;
    }
    infra_events_read(builder->content.infra, &builder->to, id, json);
}

static void begin_intel(struct snapshot_builder *builder) {
    if (!builder->intel_kept)
        return;
    intel_lists_unref(builder->content.intel);
    builder->content.intel = intel_lists_new();
    builder->intel_kept = false;
}

void snapshot_builder_intel_list(struct snapshot_builder *builder, struct text name, struct text json) {
    begin_intel(builder);
    intel_lists_read(builder->content.intel, &builder->to, name, json);
}

void snapshot_builder_intel_entry(struct snapshot_builder *builder, struct text list, struct text cidr,
                                  struct text score) {
    begin_intel(builder);
    intel_lists_read_entry(builder->content.intel, &builder->to, list, cidr, score);
}

bool snapshot_has_intel_list(const struct snapshot *snapshot, struct text name) {
    return intel_lists_has(snapshot->intel, name);
}

bool snapshot_builder_intel_same(struct snapshot_builder *builder, const struct snapshot *earlier,
                                 struct text name) {
    return !builder->intel_kept && intel_lists_mark_same(builder->content.intel, earlier->intel, name);
}

void snapshot_builder_intel_copy(struct snapshot_builder *builder, const struct snapshot *earlier) {
    if (!builder->intel_kept)
        intel_lists_copy(builder->content.intel, earlier->intel);
}

struct snapshot *snapshot_build(struct snapshot_builder *builder) {
    struct snapshot *snapshot = zeroed(sizeof(*snapshot));
    if (!builder->infra_kept)
        infra_events_seal(builder->content.infra);
    if (!builder->intel_kept)
        intel_lists_seal(builder->content.intel, &builder->to);
    *snapshot = builder->content;
    builder->content = content_new();
    builder->infra_kept = builder->intel_kept = false;
    return snapshot;
}

void snapshot_free(struct snapshot *snapshot) {
    if (snapshot == NULL)
        return;
    content_fini(snapshot);
    free(snapshot);
}

struct snapshot_size snapshot_size(const struct snapshot *snapshot) {
    const struct customer_table *customers = &snapshot->customers;
    return (struct snapshot_size){
        .customers = customers->count,
        .infra_events = snapshot->infra->count,
        .intel_lists = snapshot->intel->count,
        .intel_entries = snapshot->intel->matcher.count,
        .bytes = sizeof(*snapshot) + customers->room * sizeof(customers->slots[0]) + customers->record_bytes +
                 infra_events_bytes(snapshot->infra) + intel_lists_bytes(snapshot->intel),
    };
}

/* The range that proves a crawler is told with the crawler. */
static unsigned drop_told(struct intel_hit *hits, unsigned count, const struct crawler_fact *crawler) {
    unsigned kept = 0;
    for (unsigned i = 0; i < count; i++)
        if (hits[i].list->category != INTEL_CRAWLER || !text_equal(hits[i].list->name, crawler->list))
            hits[kept++] = hits[i];
    return kept;
}

static void gather_intel(const struct intel_lists *lists, const struct signal *signal, struct arena *arena,
                         struct facts *facts) {
    struct intel_hit hits[INTEL_HITS_MAX];
    unsigned found = intel_lists_find(lists, &signal->source_ip, hits);
    unsigned count = drop_told(hits, found, &facts->crawler);
    facts->intel_lists = lists->loaded;
    facts->intel_count = intel_hits_choose(hits, count, INTEL_FACTS_MAX);
    for (unsigned i = 0; i < facts->intel_count; i++)
        facts->intel[i] = intel_hit_fact(&hits[i], arena);
}

static struct crawler_fact judge_crawler(const struct snapshot *snapshot, const struct signal *signal,
                                         struct arena *arena) {
    const struct crawler_claim *claim = crawler_find_claim(signal->user_agent);
    if (claim == NULL)
        return (struct crawler_fact){.verdict = CRAWLER_NO_CLAIM};
    return intel_lists_judge(snapshot == NULL ? NULL : snapshot->intel, claim, &signal->source_ip, arena);
}

void snapshot_gather(const struct snapshot *snapshot, const struct signal *signal, struct arena *arena,
                     struct facts *facts) {
    facts->context_available = snapshot != NULL;
    facts->customer = (struct customer_facts){.known = false};
    facts->infra_count = facts->intel_count = facts->intel_lists = 0;
    facts->range = special_range_find(&signal->source_ip);
    facts->crawler = judge_crawler(snapshot, signal, arena);
    if (snapshot == NULL)
        return;
    const struct customer_record *record = customer_table_find(&snapshot->customers, signal->customer_id);
    customer_record_fill(record, signal, arena, &facts->customer);
    facts->infra_count =
        infra_events_find(snapshot->infra, signal->customer_id, signal->detected_at_ms, arena, facts->infra);
    gather_intel(snapshot->intel, signal, arena, facts);
}

unsigned snapshot_lookup(const struct snapshot *snapshot, const struct address *address, struct arena *arena,
                         struct intel_fact *found, unsigned max) {
    struct intel_hit hits[INTEL_HITS_MAX];
    unsigned count = intel_lists_find(snapshot->intel, address, hits);
    if (count > max)
        count = max;
    for (unsigned i = 0; i < count; i++)
        found[i] = intel_hit_fact(&hits[i], arena);
    return count;
}
