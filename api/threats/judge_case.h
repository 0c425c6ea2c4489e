/* Tells Redis an analyst's word about a case, a threat or a past incident: one script call that stores it,
 * moves the counts of the case's histories, and announces a threat's. The same word twice changes nothing. */
#ifndef SOC_API_JUDGE_CASE_H
#define SOC_API_JUDGE_CASE_H

#include "shared/model/history.h"
#include "shared/model/log_row.h"
#include "shared/redis/keys.h"
#include "shared/redis/link.h"

struct case_word {
    const struct history_case *judged; /* with its new verdict */
    struct text customer_id;
    struct address source_ip;
    uint64_t agent_hash; /* 0: no user agent */
    struct text head; /* what is stored: of a verdict all but its time, of an incident what never changes */
    struct text rest;
};

enum judge_outcome {
    JUDGE_CHANGED,
    JUDGE_SAME,
    JUDGE_HUMAN,  /* automation may not change a human's word */
    JUDGE_ABSENT, /* nothing analysed is stored */
    JUDGE_OTHER,  /* an incident with this id is known with other facts */
    JUDGE_THREAT, /* the id is a threat's */
    JUDGE_OUTCOME_COUNT
};

/* `outcome` and `stored` only with STATUS_OK; `stored` is borrowed until the callback returns. After
 * STATUS_UNAVAILABLE with `sent` nobody knows whether it was done; doing it again is safe. */
struct judge_result {
    enum status status;
    bool sent;
    enum judge_outcome outcome;
    struct text stored;
};
typedef void (*judge_done)(void *arg, const struct judge_result *result);

/* The script, for link_open. */
const struct script *judge_script(void);

/* Everything is copied. `done` may be called at once. `row` is the threat's `updated` row. */
void judge_threat_case(struct link *link, const struct keyspace *keyspace, const struct case_word *word,
                       const struct log_row *row, bool automated, judge_done done, void *arg);
void judge_incident_case(struct link *link, const struct keyspace *keyspace, const struct case_word *word,
                         judge_done done, void *arg);

#endif
