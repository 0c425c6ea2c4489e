#include "shared/context/intel_lists.h"
#include "shared/context/special_ranges.h"

static unsigned score_of(const struct intel_hit *hit) {
    return hit->entry->score == INTEL_SCORE_OF_LIST ? hit->list->score : hit->entry->score;
}

/* Both hold the same address, so one length means one prefix. */
static bool comes_before(const struct intel_hit *a, const struct intel_hit *b) {
    if (a->entry->length != b->entry->length)
        return a->entry->length > b->entry->length;
    if (score_of(a) != score_of(b))
        return score_of(a) > score_of(b);
    size_t len = a->list->name.len < b->list->name.len ? a->list->name.len : b->list->name.len;
    int order = memcmp(a->list->name.at, b->list->name.at, len);
    return order != 0 ? order < 0 : a->list->name.len < b->list->name.len;
}

static unsigned find_as_it_stands(const struct intel_lists *lists, const struct address *address,
                                  struct intel_hit *hits, unsigned max) {
    unsigned count = 0;
    const struct prefix_entry *entry = prefix_matcher_find(&lists->matcher, address);
    for (; entry != NULL && count < max; entry = prefix_matcher_next(&lists->matcher, address, entry)) {
        struct intel_hit hit = {entry, &lists->lists[entry->owner]};
        unsigned at = count++;
        for (; at > 0 && comes_before(&hit, &hits[at - 1]); at--)
            hits[at] = hits[at - 1];
        hits[at] = hit;
    }
    return count;
}

unsigned intel_lists_find(const struct intel_lists *lists, const struct address *address,
                          struct intel_hit hits[INTEL_HITS_MAX]) {
    struct address embedded;
    unsigned count = 0;
    if (special_range_unwrap(address, &embedded))
        count = find_as_it_stands(lists, &embedded, hits, INTEL_HITS_MAX);
    return count + find_as_it_stands(lists, address, hits + count, INTEL_HITS_MAX - count);
}

static bool forbids_blocking(enum intel_category category) {
    return category == INTEL_SHARED_EGRESS || category == INTEL_TOR || category == INTEL_VPN;
}

/* 0: the first of a category that forbids blocking, 1: the first of another, 2: the rest. */
static unsigned rank_of(const struct intel_hit *hits, unsigned at) {
    for (unsigned i = 0; i < at; i++)
        if (hits[i].list->category == hits[at].list->category)
            return 2;
    return forbids_blocking(hits[at].list->category) ? 0 : 1;
}

unsigned intel_hits_choose(struct intel_hit *hits, unsigned count, unsigned max) {
    bool chosen[INTEL_HITS_MAX] = {false};
    unsigned kept = 0;
    if (count <= max)
        return count;
    for (unsigned rank = 0, taken = 0; rank <= 2; rank++)
        for (unsigned i = 0; i < count && taken < max; i++)
            if (!chosen[i] && rank_of(hits, i) == rank) {
                chosen[i] = true;
                taken++;
            }
    for (unsigned i = 0; i < count; i++)
        if (chosen[i])
            hits[kept++] = hits[i];
    return kept;
}

struct intel_fact intel_hit_fact(const struct intel_hit *hit, struct arena *arena) {
    char written[PREFIX_TEXT_MAX];
    struct prefix prefix = prefix_entry_prefix(hit->entry);
    struct text cidr = {written, prefix_write(&prefix, written)};
    return (struct intel_fact){
        .list = arena_copy(arena, hit->list->name),
        .entry = arena_copy(arena, cidr),
        .category = hit->list->category,
        .score = score_of(hit),
        .as_of = arena_copy(arena, hit->list->as_of),
        .source = arena_copy(arena, hit->list->source),
    };
}

static bool names(const struct intel_list *list, const char *crawler) {
    return list->category == INTEL_CRAWLER && list->crawler.at != NULL && list->entries > 0 &&
           text_equal_ignoring_case(list->crawler, text_of(crawler));
}

static const struct intel_list *find_holder(const struct intel_lists *lists, const char *crawler,
                                            const struct address *address) {
    const struct prefix_entry *entry = prefix_matcher_find(&lists->matcher, address);
    while (entry != NULL && !names(&lists->lists[entry->owner], crawler))
        entry = prefix_matcher_next(&lists->matcher, address, entry);
    return entry == NULL ? NULL : &lists->lists[entry->owner];
}

static const struct intel_list *find_published(const struct intel_lists *lists, const char *crawler) {
    for (unsigned i = 0; i < lists->count; i++)
        if (names(&lists->lists[i], crawler))
            return &lists->lists[i];
    return NULL;
}

struct crawler_fact intel_lists_judge(const struct intel_lists *lists, const struct crawler_claim *claim,
                                      const struct address *address, struct arena *arena) {
    struct crawler_fact fact = {
        .verdict = CRAWLER_CANNOT_TELL, .name = arena_copy(arena, text_of(claim->name)), .kind = claim->kind};
    if (claim->ranges == NULL)
        return fact;
    const struct intel_list *asked = lists == NULL ? NULL : find_published(lists, claim->ranges);
    fact.provable = asked == NULL;
    if (asked == NULL)
        return fact;
    struct address judged = *address;
    special_range_unwrap(address, &judged);
    const struct intel_list *holder = find_holder(lists, claim->ranges, &judged);
    fact.verdict = holder == NULL ? CRAWLER_PRETENDED : CRAWLER_VERIFIED;
    if (holder != NULL)
        asked = holder;
    fact.list = arena_copy(arena, asked->name);
    fact.as_of = arena_copy(arena, asked->as_of);
    return fact;
}
