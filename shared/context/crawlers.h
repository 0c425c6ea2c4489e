/* Well-known crawlers by the word that their user agents carry. Such a word is a claim, never a proof: only
 * the address, held against the crawler's published ranges, can confirm it. */
#ifndef SOC_CONTEXT_CRAWLERS_H
#define SOC_CONTEXT_CRAWLERS_H

#include "shared/base/text.h"

struct crawler {
    const char *token; /* in lower case; stands in the user agent as a word of its own */
    const char *name;  /* what intel lists call it in `crawler`; several tokens may share one */
    bool publishes_ranges;
};

/* Sorted by token; no token stands, as a word, at the beginning of another. */
extern const struct crawler crawler_table[];
extern const unsigned crawler_count;

/* The first claim in the user agent, case ignored, or NULL; NULL too when there is no user agent. */
const struct crawler *crawler_find_claim(struct text user_agent);

#endif
