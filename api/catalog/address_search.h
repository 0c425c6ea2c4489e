/* Which addresses have a given text in theirs ("0.113.", "2001:db8"), without spelling each: the needle is
 * cut into what must stand in neighbouring octets or hextets. IPv4 is decided by a table look-up for each
 * octet; of IPv6 nearly all that do not match are told apart by number, and only the rest is spelt. */
#ifndef SOC_API_ADDRESS_SEARCH_H
#define SOC_API_ADDRESS_SEARCH_H

#include "shared/base/address.h"

enum { HEXTETS = 8, HEXTET_RUNS = 2 };

struct hextet_piece {
    uint16_t value;
    uint8_t digits;
    bool from_start, to_end; /* it must be the hextet's first digits, its last ones, or both */
};

/* Pieces of neighbouring hextets. */
struct hextet_run {
    struct hextet_piece pieces[HEXTETS];
    unsigned count;
};

struct address_search {
    struct text needle;
    bool possible;                       /* false: no address matches */
    uint8_t octets[256];                 /* bit n: piece n fits this octet */
    unsigned octet_pieces;               /* 0: no IPv4 address matches */
    struct hextet_run runs[HEXTET_RUNS]; /* what stands before and after "::", or the one run */
    unsigned run_count;                  /* 0: no IPv6 address matches */
};

/* `needle` is in lower case, not empty, and must outlive the search. */
void address_search_init(struct address_search *search, struct text needle);
bool address_search_matches(const struct address_search *search, const struct address *address);

#endif
