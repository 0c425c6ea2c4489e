/* Everything the agents and analyzers may know besides the signal: copied out of Redis and the context
 * snapshot before they run, so that they need no I/O and the same facts give the same analysis. The analysis
 * carries them whole: what facts_write does not write, no rule may look at. All texts live as long as the
 * threat's arena. */
#ifndef SOC_MODEL_FACTS_H
#define SOC_MODEL_FACTS_H

#include "shared/json/writer.h"
#include "shared/model/history.h"
#include "shared/model/vocabulary.h"

enum { INFRA_FACTS_MAX = 4, INTEL_FACTS_MAX = 4 };

struct customer_facts {
    bool known; /* false: no record; the rest holds the defaults of tier standard */
    enum tier tier;
    int64_t requests_per_minute; /* the limit for this threat's type */
    bool limit_is_default;       /* no limit in the record: the tier's default */
    bool auto_block;
    struct text allowlisted_by; /* the allowlist entry that matched address or user agent; at == NULL: none */
    struct text contacts[ESCALATION_LEVEL_COUNT]; /* of one level, blanks between; at == NULL: none */
    int64_t sla_minutes[SEVERITY_CRITICAL + 1];   /* override by severity; 0: none */
};

struct infra_fact {
    struct text id;
    enum infra_kind kind;
    struct text title;
    int64_t starts_at_ms;
    int64_t ends_at_ms;
    bool global; /* concerns all customers */
};

struct intel_fact {
    struct text list;  /* the list's name */
    struct text entry; /* the matching prefix as CIDR */
    enum intel_category category;
    unsigned score;    /* 0 to 100: how sure the list is */
    struct text as_of; /* the list's data date, as it stands in its record */
    struct text source;
};

struct crawler_fact {
    enum crawler_verdict verdict;
    struct text name; /* the crawler or tool that the user agent names; at == NULL: no claim */
    struct text list; /* the list of published ranges that was asked; at == NULL: there is none */
    enum crawler_kind kind;
    struct text as_of; /* that list's data date, as it stands in its record */
    bool provable;     /* cannot_tell: the operator publishes ranges, but no list of them is loaded */
};

/* A special-purpose range (RFC 6890 registries); cidr NULL when the address is an ordinary one. */
struct range_fact {
    const char *cidr;
    const char *meaning;   /* "private use" */
    const char *reference; /* "RFC 1918" */
};

struct facts {
    bool history_available;          /* false: Redis did not answer in time, or refused */
    struct history customer_history; /* `recent`: only judged cases, by id, severity and verdict */
    struct history address_history;  /* likewise, without times */
    struct history agent_history;    /* of the user agent: counts alone */

    bool context_available; /* false: the snapshot was never loaded; the four below are then empty */
    struct customer_facts customer;
    struct infra_fact infra[INFRA_FACTS_MAX]; /* those that overlap 60 min before … 5 min after detection */
    unsigned infra_count;
    struct intel_fact intel[INTEL_FACTS_MAX]; /* longest prefix first, but the one told as `crawler` */
    unsigned intel_count;
    unsigned intel_lists; /* how many lists are loaded: 0 means "not found" proves nothing */

    struct crawler_fact crawler;
    struct range_fact range; /* judged from the built-in table: always known */
};

/* The member `range`; nothing for an ordinary address. */
void range_fact_write(struct writer *writer, const struct range_fact *range);

/* Writes the compact object that an analysis carries as `facts`; what is empty is left out. */
void facts_write(struct writer *writer, const struct facts *facts);

#endif
