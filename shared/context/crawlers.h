/* Well-known crawlers and tools by what their user agents say, from the patterns of the npm package
 * crawler-user-agents. Such a word is a claim, never a proof: only the address, held against the ranges that
 * the crawler's operator publishes, can confirm it. */
#ifndef SOC_CONTEXT_CRAWLERS_H
#define SOC_CONTEXT_CRAWLERS_H

#include "shared/base/text.h"
#include "shared/model/vocabulary.h"

struct crawler_claim {
    const char *name;    /* for people; several claims may share one */
    const char *pattern; /* as the package has it */
    const char
        *ranges; /* `crawler` of the intel lists that can prove it; NULL: its operator publishes none */
    enum crawler_kind kind;
};

/* The claim that the user agent makes, or NULL; NULL too when there is no user agent. Case counts. Of
 * several, one that can be proved wins, so that a further name does not hide a pretence; then the longer
 * pattern (by the least bytes that it matches), then the earlier in the package. */
const struct crawler_claim *crawler_find_claim(struct text user_agent);

#endif
