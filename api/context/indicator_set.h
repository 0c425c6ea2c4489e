/* The entries of a list on its way in, in their order, each prefix once. */
#ifndef SOC_API_INDICATOR_SET_H
#define SOC_API_INDICATOR_SET_H

#include "shared/context/prefix.h"

enum { INDICATOR_SCORE_OF_LIST = 255 };

struct indicator {
    struct prefix prefix;
    uint8_t score;  /* 0 to 100, or INDICATOR_SCORE_OF_LIST */
    uint32_t place; /* the line, or the index of the item, it came from */
};

struct indicator_set {
    struct indicator *rows;
    uint32_t count, room;
    uint32_t *slots; /* hash table of index + 1; 0: free */
    uint32_t mask;
};

/* `body_bytes` bounds how many there can be: an entry has at least four bytes, but one. */
void indicator_set_init(struct indicator_set *set, size_t body_bytes);
void indicator_set_fini(struct indicator_set *set);

/* False when the prefix is there already; then `earlier` is its place. */
bool indicator_set_add(struct indicator_set *set, const struct indicator *indicator, uint32_t *earlier);

/* The name of its field in intel:list:{name}: an address when it is one, else a CIDR. At most
 * PREFIX_TEXT_MAX bytes, no NUL; returns the length. */
size_t indicator_write(const struct prefix *prefix, char *out);

static inline bool prefix_is_ipv4(const struct prefix *prefix) {
    return prefix->length >= PREFIX_LENGTH_IPV4 && address_is_ipv4(&prefix->address);
}

#endif
