#include "shared/context/prefix_matcher.h"

#include <endian.h>
#include <stdlib.h>

/* 32 entries are 12 cache lines; their sample for a million entries (500 KB) stays in the L2 cache. */
enum { SAMPLE_STEP = 32, ROOM_AT_FIRST = 16 };

static const uint32_t NO_ENTRY = UINT32_MAX;

struct prefix_key {
    uint64_t high, low;
};

static struct prefix_key key_of(const struct address *address) {
    struct prefix_key key;
    memcpy(&key, address->bytes, sizeof(key));
    return (struct prefix_key){be64toh(key.high), be64toh(key.low)};
}

static void *resize(void *at, size_t count, size_t size) {
    void *moved = reallocarray(at, count == 0 ? 1 : count, size);
    if (moved == NULL)
        abort();
    return moved;
}

void prefix_matcher_fini(struct prefix_matcher *matcher) {
    free(matcher->entries);
    free(matcher->sample);
    *matcher = PREFIX_MATCHER_EMPTY;
}

void prefix_matcher_add(struct prefix_matcher *matcher, const struct prefix *prefix, unsigned owner,
                        unsigned score) {
    if (owner > PREFIX_OWNER_MAX || score > PREFIX_SCORE_MAX || matcher->count == NO_ENTRY / 2)
        abort();
    if (matcher->count == matcher->room) {
        matcher->room = matcher->room == 0 ? ROOM_AT_FIRST : matcher->room * 2;
        matcher->entries = resize(matcher->entries, matcher->room, sizeof(*matcher->entries));
    }
    struct prefix_key key = key_of(&prefix->address);
    matcher->entries[matcher->count++] = (struct prefix_entry){
        .high = key.high,
        .low = key.low,
        .container = NO_ENTRY,
        .length = prefix->length,
        .owner = owner & PREFIX_OWNER_MAX,
        .score = score & PREFIX_SCORE_MAX,
    };
}

static int compare_entries(const void *left, const void *right) {
    const struct prefix_entry *a = left, *b = right;
    if (a->high != b->high)
        return a->high < b->high ? -1 : 1;
    if (a->low != b->low)
        return a->low < b->low ? -1 : 1;
    if (a->length != b->length)
        return a->length < b->length ? -1 : 1;
    if (a->owner != b->owner)
        return a->owner < b->owner ? -1 : 1;
    return (a->score > b->score) - (a->score < b->score);
}

static void drop_duplicates(struct prefix_matcher *matcher) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < matcher->count; i++) {
        const struct prefix_entry *entry = &matcher->entries[i];
        struct prefix_entry *last = kept == 0 ? NULL : &matcher->entries[kept - 1];
        if (last == NULL || last->high != entry->high || last->low != entry->low ||
            last->length != entry->length || last->owner != entry->owner)
            last = &matcher->entries[kept++];
        *last = *entry;
    }
    matcher->count = kept;
}

static bool entry_holds(const struct prefix_entry *entry, struct prefix_key key) {
    uint64_t high = entry->high ^ key.high, low = entry->low ^ key.low;
    if (entry->length == 0)
        return true;
    if (entry->length <= 64)
        return high >> (64 - entry->length) == 0;
    return high == 0 && low >> (128 - entry->length) == 0;
}

static void link_containers(struct prefix_matcher *matcher) {
    struct prefix_entry *entries = matcher->entries;
    for (uint32_t i = 0; i < matcher->count; i++) {
        struct prefix_key key = {entries[i].high, entries[i].low};
        uint32_t above = i == 0 ? NO_ENTRY : i - 1;
        while (above != NO_ENTRY && !entry_holds(&entries[above], key))
            above = entries[above].container;
        entries[i].container = above;
    }
}

static void take_sample(struct prefix_matcher *matcher) {
    matcher->sample_count = (matcher->count + SAMPLE_STEP - 1) / SAMPLE_STEP;
    matcher->sample = resize(matcher->sample, matcher->sample_count, sizeof(*matcher->sample));
    for (uint32_t i = 0; i < matcher->sample_count; i++) {
        const struct prefix_entry *entry = &matcher->entries[i * SAMPLE_STEP];
        matcher->sample[i] = (struct prefix_key){entry->high, entry->low};
    }
}

void prefix_matcher_seal(struct prefix_matcher *matcher) {
    if (matcher->count > 1)
        qsort(matcher->entries, matcher->count, sizeof(*matcher->entries), compare_entries);
    drop_duplicates(matcher);
    matcher->room = matcher->count;
    matcher->entries = resize(matcher->entries, matcher->room, sizeof(*matcher->entries));
    link_containers(matcher);
    take_sample(matcher);
}

static bool not_after(uint64_t high, uint64_t low, struct prefix_key key) {
    return (high < key.high) | ((high == key.high) & (low <= key.low));
}

/* How many sampled addresses lie at or before the key. */
static uint32_t search_sample(const struct prefix_matcher *matcher, struct prefix_key key) {
    const struct prefix_key *base = matcher->sample;
    uint32_t left = matcher->sample_count;
    while (left > 1) {
        uint32_t half = left / 2;
        base += not_after(base[half - 1].high, base[half - 1].low, key) ? half : 0;
        left -= half;
    }
    return (uint32_t)(base - matcher->sample) + (left == 1 && not_after(base->high, base->low, key));
}

/* The last entry whose address lies at or before the key. */
static uint32_t search_entries(const struct prefix_matcher *matcher, struct prefix_key key) {
    uint32_t before = search_sample(matcher, key);
    if (before == 0)
        return NO_ENTRY;
    uint32_t first = (before - 1) * SAMPLE_STEP;
    uint32_t left = matcher->count - first < SAMPLE_STEP ? matcher->count - first : SAMPLE_STEP;
    while (left > 1) {
        uint32_t half = left / 2;
        const struct prefix_entry *middle = &matcher->entries[first + half];
        first += not_after(middle->high, middle->low, key) ? half : 0;
        left -= half;
    }
    return first;
}

static const struct prefix_entry *first_holding(const struct prefix_matcher *matcher,
                                                const struct address *address, uint32_t at) {
    struct prefix_key key = key_of(address);
    unsigned shortest = address_is_ipv4(address) ? PREFIX_LENGTH_IPV4 : 0;
    while (at != NO_ENTRY && !entry_holds(&matcher->entries[at], key))
        at = matcher->entries[at].container;
    return at == NO_ENTRY || matcher->entries[at].length < shortest ? NULL : &matcher->entries[at];
}

const struct prefix_entry *prefix_matcher_find(const struct prefix_matcher *matcher,
                                               const struct address *address) {
    return first_holding(matcher, address, search_entries(matcher, key_of(address)));
}

const struct prefix_entry *prefix_matcher_next(const struct prefix_matcher *matcher,
                                               const struct address *address,
                                               const struct prefix_entry *entry) {
    return first_holding(matcher, address, entry->container);
}

struct prefix prefix_entry_prefix(const struct prefix_entry *entry) {
    struct prefix prefix = {.length = (uint8_t)entry->length};
    struct prefix_key key = {htobe64(entry->high), htobe64(entry->low)};
    memcpy(prefix.address.bytes, &key, sizeof(key));
    return prefix;
}

size_t prefix_matcher_bytes(const struct prefix_matcher *matcher) {
    return matcher->room * sizeof(*matcher->entries) + matcher->sample_count * sizeof(*matcher->sample);
}
