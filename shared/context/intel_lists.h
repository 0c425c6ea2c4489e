/* Threat-intel lists and their entries: filled, sealed once, then read by many snapshots. */
#ifndef SOC_CONTEXT_INTEL_LISTS_H
#define SOC_CONTEXT_INTEL_LISTS_H

#include <stdatomic.h>

#include "shared/context/context_record.h"
#include "shared/context/crawlers.h"
#include "shared/context/prefix_matcher.h"

enum {
    INTEL_NAME_MAX = 128, /* bytes of a list's or crawler's name */
    INTEL_TEXT_MAX = 256,
    INTEL_SCORE_MAX = 100,
    INTEL_SCORE_DEFAULT = 50 /* of a list that names none */
};

/* The score of an entry that has none of its own. */
enum { INTEL_SCORE_OF_LIST = PREFIX_SCORE_MAX };

struct intel_list {
    struct text name;
    struct text source, as_of;
    struct text crawler; /* of a crawler list; at == NULL: not told */
    enum intel_category category;
    unsigned score;
    uint32_t entries;
    uint32_t rejected; /* entries that were left out */
    bool same;         /* has the entries that an earlier one of its name had */
};

struct intel_lists {
    atomic_uint refs;
    struct arena texts;
    size_t text_bytes;
    struct intel_list *lists;
    unsigned count, room;
    unsigned loaded;  /* sealed: lists that have entries */
    unsigned current; /* the list that was filled last */
    uint32_t strays;  /* entries of lists that were not told */
    struct prefix_matcher matcher;
};

struct intel_lists *intel_lists_new(void);
struct intel_lists *intel_lists_ref(struct intel_lists *lists);
void intel_lists_unref(struct intel_lists *lists);

void intel_lists_read(struct intel_lists *lists, const struct complainer *to, struct text name,
                      struct text json);
void intel_lists_read_entry(struct intel_lists *lists, const struct complainer *to, struct text name,
                            struct text cidr, struct text score);
/* The list's entries are those that `earlier` has under its name; false when there is no such list on both
 * sides. They come with the next intel_lists_copy, one pass for all. */
bool intel_lists_mark_same(struct intel_lists *lists, const struct intel_lists *earlier, struct text name);
void intel_lists_copy(struct intel_lists *lists, const struct intel_lists *earlier);
bool intel_lists_has(const struct intel_lists *lists, struct text name);

void intel_lists_seal(struct intel_lists *lists, const struct complainer *to);
size_t intel_lists_bytes(const struct intel_lists *lists);

enum { INTEL_HITS_MAX = 64 };

/* One entry that holds an address. */
struct intel_hit {
    const struct prefix_entry *entry;
    const struct intel_list *list;
};

/* Longest prefix first, then higher score, then list name; those of the IPv4 address in a NAT64 address
 * before those of the address as it stands. */
unsigned intel_lists_find(const struct intel_lists *lists, const struct address *address,
                          struct intel_hit hits[INTEL_HITS_MAX]);

/* Picks at most `max` of the hits into their front, in the same order: the first of each category that
 * forbids blocking (shared egress, Tor, VPN) before all, then the first of each other, then the rest. */
unsigned intel_hits_choose(struct intel_hit *hits, unsigned count, unsigned max);

struct intel_fact intel_hit_fact(const struct intel_hit *hit, struct arena *arena);

/* Judges the claim and names the list that was asked. Only ranges that the operator publishes can tell;
 * `lists` may be NULL. */
struct crawler_fact intel_lists_judge(const struct intel_lists *lists, const struct crawler_claim *claim,
                                      const struct address *address, struct arena *arena);

#endif
