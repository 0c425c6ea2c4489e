/* The closed sets of words that travel in JSON, Redis, metrics and URLs, one table each: the enum is the
 * index, the table in vocabulary.c is the only spelling. schemas/ repeats them; a test compares. */
#ifndef SOC_MODEL_VOCABULARY_H
#define SOC_MODEL_VOCABULARY_H

#include "shared/base/text.h"

enum threat_type {
    THREAT_BOT_TRAFFIC,
    THREAT_CREDENTIAL_STUFFING,
    THREAT_ACCOUNT_TAKEOVER,
    THREAT_DATA_SCRAPING,
    THREAT_GEO_ANOMALY,
    THREAT_RATE_LIMIT_BREACH,
    THREAT_BRUTE_FORCE,
    THREAT_PROXY_NETWORK,
    THREAT_DEVICE_COMPROMISE,
    THREAT_ANOMALY_DETECTION,
    THREAT_TYPE_COUNT
};

enum threat_status { THREAT_PENDING, THREAT_ANALYZING, THREAT_COMPLETED, THREAT_FAILED, THREAT_STATUS_COUNT };

/* SEVERITY_NONE: not analysed yet. It has a row so that it can be counted, but is never written as JSON. */
enum severity {
    SEVERITY_LOW,
    SEVERITY_MEDIUM,
    SEVERITY_HIGH,
    SEVERITY_CRITICAL,
    SEVERITY_NONE,
    SEVERITY_COUNT
};

enum verdict { VERDICT_NONE, VERDICT_FALSE_POSITIVE, VERDICT_TRUE_POSITIVE, VERDICT_COUNT };

enum recommendation {
    RECOMMEND_LIKELY_FP,
    RECOMMEND_NEEDS_REVIEW,
    RECOMMEND_LIKELY_REAL,
    RECOMMENDATION_COUNT
};

enum agent { AGENT_HISTORICAL, AGENT_CONFIG, AGENT_DEVOPS, AGENT_CONTEXT, AGENT_PRIORITY, AGENT_COUNT };

enum fp_category {
    FP_USER_AGENT,
    FP_IP_REPUTATION,
    FP_REQUEST_PATTERN,
    FP_HISTORY,
    FP_AGENT_CONFIDENCE,
    FP_CATEGORY_COUNT
};

enum action_type {
    ACTION_BLOCK_IP,
    ACTION_RATE_LIMIT,
    ACTION_CHALLENGE,
    ACTION_WHITELIST,
    ACTION_MONITOR,
    ACTION_ESCALATE,
    ACTION_QUARANTINE,
    ACTION_TYPE_COUNT
};

enum urgency { URGENCY_IMMEDIATE, URGENCY_URGENT, URGENCY_NORMAL, URGENCY_LOW, URGENCY_COUNT };

enum tier { TIER_STANDARD, TIER_PREMIUM, TIER_ENTERPRISE, TIER_COUNT };

/* Whom to tell, in this order: the SOC's two tiers, then those who manage the incident and the customer. */
enum escalation_level {
    ESCALATION_SOC_TIER_1,
    ESCALATION_SOC_TIER_2,
    ESCALATION_INCIDENT_MANAGER,
    ESCALATION_ACCOUNT_MANAGER,
    ESCALATION_LEVEL_COUNT
};

enum infra_kind {
    INFRA_DEPLOYMENT,
    INFRA_CONFIG_CHANGE,
    INFRA_MAINTENANCE,
    INFRA_LOAD_TEST,
    INFRA_OUTAGE,
    INFRA_KIND_COUNT
};

/* What being on a threat-intel list means; never one flag for all. */
enum intel_category {
    INTEL_BLOCKLIST,     /* reported attackers: raises */
    INTEL_TOR,           /* anonymiser: shared egress */
    INTEL_PROXY,         /* open or commercial proxy: weakly raising */
    INTEL_VPN,           /* weakly raising, shared egress */
    INTEL_HOSTING,       /* data centre: weakly raising */
    INTEL_SHARED_EGRESS, /* CDN, corporate proxy, private relay: never block by IP */
    INTEL_CRAWLER,       /* published ranges of a crawler; the list's `crawler` names it */
    INTEL_SCANNER,       /* published research scanner */
    INTEL_CATEGORY_COUNT
};

/* How a list of indicators is written when it is imported. */
enum import_format {
    IMPORT_PLAIN,          /* one address or CIDR a line */
    IMPORT_CSV,            /* with scores */
    IMPORT_STIX,           /* a STIX 2.1 bundle */
    IMPORT_MISP,           /* a MISP warninglist */
    IMPORT_CRAWLER_RANGES, /* the JSON of published crawler ranges */
    IMPORT_FORMAT_COUNT
};

enum crawler_verdict {
    CRAWLER_NO_CLAIM,
    CRAWLER_VERIFIED,
    CRAWLER_PRETENDED,
    CRAWLER_CANNOT_TELL,
    CRAWLER_VERDICT_COUNT
};

/* What the crawler or tool that a user agent names is for. Scanners, libraries and automated browsers are
 * tools: whoever runs one says nothing of who he is. */
enum crawler_kind {
    CRAWLER_KIND_SEARCH_ENGINE,
    CRAWLER_KIND_AI_CRAWLER,
    CRAWLER_KIND_SEO,
    CRAWLER_KIND_MONITORING,
    CRAWLER_KIND_SCANNER,
    CRAWLER_KIND_ADVERTISING,
    CRAWLER_KIND_SOCIAL_PREVIEW,
    CRAWLER_KIND_FEED_READER,
    CRAWLER_KIND_HTTP_LIBRARY,
    CRAWLER_KIND_ARCHIVER,
    CRAWLER_KIND_ACADEMIC,
    CRAWLER_KIND_BROWSER_AUTOMATION,
    CRAWLER_KIND_OTHER,
    CRAWLER_KIND_COUNT
};

static inline bool crawler_kind_is_tool(enum crawler_kind kind) {
    return kind == CRAWLER_KIND_SCANNER || kind == CRAWLER_KIND_HTTP_LIBRARY ||
           kind == CRAWLER_KIND_BROWSER_AUTOMATION;
}

enum event_kind {
    EVENT_CREATED,
    EVENT_COMPLETED,
    EVENT_FAILED,
    EVENT_UPDATED,
    EVENT_EXPIRED,
    EVENT_KIND_COUNT
};

/* Why an entry became a dead letter. */
enum dead_reason {
    DEAD_MISSING_FIELD,
    DEAD_BAD_VERSION, /* `v` is no version; a newer one waits instead */
    DEAD_BAD_ID,
    DEAD_BAD_TIME, /* of receipt */
    DEAD_BAD_UTF8,
    DEAD_BAD_JSON,
    DEAD_BAD_SIGNAL, /* JSON that breaks the rules of a signal */
    DEAD_TOO_LARGE,
    DEAD_POISON,  /* each worker that had it died */
    DEAD_REFUSED, /* Redis kept refusing its result */
    DEAD_REASON_COUNT
};

/* How far it came. */
enum dead_stage { DEAD_AT_READ, DEAD_AT_ANALYZE, DEAD_AT_COMMIT, DEAD_STAGE_COUNT };

/* The five phases of an investigation's timeline that are measured (DESIGN section 6 and 8). */
enum phase {
    PHASE_QUEUE_WAIT,
    PHASE_AGENT_EXECUTION,
    PHASE_FP_ANALYSIS,
    PHASE_RESPONSE_PLANNING,
    PHASE_TIMELINE,
    PHASE_COUNT
};

/* What a timeline's events are about, in the order in which they stand. */
enum timeline_kind {
    TIMELINE_DETECTION,
    TIMELINE_ENRICHMENT,
    TIMELINE_ANALYSIS,
    TIMELINE_CORRELATION,
    TIMELINE_DECISION,
    TIMELINE_ACTION,
    TIMELINE_KIND_COUNT
};

struct vocabulary {
    const char *name; /* as the field is called in JSON */
    const char *const *words;
    int count;
};

extern const struct vocabulary vocabulary_threat_type;
extern const struct vocabulary vocabulary_threat_status;
extern const struct vocabulary vocabulary_severity; /* without SEVERITY_NONE */
extern const struct vocabulary vocabulary_verdict;
extern const struct vocabulary vocabulary_closing_reason; /* shared/model/closing_reason.h */
extern const struct vocabulary vocabulary_recommendation;
extern const struct vocabulary vocabulary_agent;
extern const struct vocabulary vocabulary_fp_category;
extern const struct vocabulary vocabulary_action_type;
extern const struct vocabulary vocabulary_urgency;
extern const struct vocabulary vocabulary_tier;
extern const struct vocabulary vocabulary_escalation_level;
extern const struct vocabulary vocabulary_infra_kind;
extern const struct vocabulary vocabulary_intel_category;
extern const struct vocabulary vocabulary_import_format;
extern const struct vocabulary vocabulary_crawler_verdict;
extern const struct vocabulary vocabulary_crawler_kind;
extern const struct vocabulary vocabulary_event_kind;
extern const struct vocabulary vocabulary_dead_reason;
extern const struct vocabulary vocabulary_dead_stage;
extern const struct vocabulary vocabulary_phase;
extern const struct vocabulary vocabulary_timeline_kind;

/* All of the above, NULL at the end: for tests and for --vocabulary. */
extern const struct vocabulary *const vocabulary_all[];

/* The index of the word, or -1. */
int vocabulary_find(const struct vocabulary *vocabulary, struct text word);

/* Aborts on an index outside the table. */
const char *vocabulary_word(const struct vocabulary *vocabulary, int index);

#endif
