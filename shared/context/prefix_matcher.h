/* Longest-prefix match over a million prefixes. The entries stand in one array sorted by first address; each
 * knows the nearest entry that contains it, so that the last entry at or before an address, followed through
 * its containers, passes every entry that holds the address, longest first. */
#ifndef SOC_CONTEXT_PREFIX_MATCHER_H
#define SOC_CONTEXT_PREFIX_MATCHER_H

#include "shared/context/prefix.h"

enum { PREFIX_OWNER_MAX = (1 << 17) - 1, PREFIX_SCORE_MAX = 127 };

/* Owner and score are the caller's. */
struct prefix_entry {
    uint64_t high, low; /* the address in host order */
    uint32_t container; /* index of the nearest containing entry */
    uint32_t length : 8;
    uint32_t owner : 17;
    uint32_t score : 7;
};

struct prefix_matcher {
    struct prefix_entry *entries;
    uint32_t count, room;
    struct prefix_key *sample; /* the address of every 32nd entry */
    uint32_t sample_count;
};

#define PREFIX_MATCHER_EMPTY ((struct prefix_matcher){NULL})

void prefix_matcher_fini(struct prefix_matcher *matcher);

/* Found only after the next seal. A prefix may belong to many owners. */
void prefix_matcher_add(struct prefix_matcher *matcher, const struct prefix *prefix, unsigned owner,
                        unsigned score);

/* Sorts and links; one owner's same prefix, added twice, keeps the higher score. */
void prefix_matcher_seal(struct prefix_matcher *matcher);

/* The longest entry that holds the address, or NULL. Entries of the same prefix follow each other. */
const struct prefix_entry *prefix_matcher_find(const struct prefix_matcher *matcher,
                                               const struct address *address);

/* The next one that holds the same address. */
const struct prefix_entry *prefix_matcher_next(const struct prefix_matcher *matcher,
                                               const struct address *address,
                                               const struct prefix_entry *entry);

struct prefix prefix_entry_prefix(const struct prefix_entry *entry);
size_t prefix_matcher_bytes(const struct prefix_matcher *matcher);

#endif
