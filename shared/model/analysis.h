/* ThreatAnalysis: the result, as the worker builds it. Texts borrow from the threat's arena. */
#ifndef SOC_MODEL_ANALYSIS_H
#define SOC_MODEL_ANALYSIS_H

#include "shared/base/uuid.h"
#include "shared/json/writer.h"
#include "shared/model/facts.h"
#include "shared/model/signal.h"

enum {
    ANALYSIS_SCHEMA_VERSION = 1,
    FINDINGS_MAX = 6,
    RECOMMENDATIONS_MAX = 4,
    FP_INDICATORS_MAX = 16,
    RISK_FACTORS_MAX = 12,
    TECHNIQUES_MAX = 4,
    ACTIONS_MAX = 6,
    ESCALATIONS_MAX = ESCALATION_LEVEL_COUNT,
    TIMELINE_MAX = 24,
    REVIEW_REASONS_MAX = 4
};

struct agent_report {
    bool available;
    struct text unavailable_because; /* set when not available */
    struct text analysis;            /* one or two sentences that follow from the facts */
    double confidence;               /* 0 to 1, within the agent's range of the contract */
    struct text key_findings[FINDINGS_MAX];
    unsigned finding_count;
    struct text recommendations[RECOMMENDATIONS_MAX];
    unsigned recommendation_count;
};

/* Where the stopwatch is read, in this order. */
enum station {
    STATION_AGENTS_BEGIN,
    STATION_AGENT_DONE, /* of the first agent; one for each, in their order */
    STATION_AGENTS_DONE = STATION_AGENT_DONE + AGENT_COUNT, /* the risk model too */
    STATION_SCORED,
    STATION_PLANNED,
    STATION_DONE,
    STATION_COUNT
};

/* Everything that a clock says of an analysis. It is written into the body, so that the same signal, facts
 * and measured times give the same bytes again. */
struct measured {
    int64_t queue_wait_ms;          /* from receipt until a worker took the entry; clocks of two machines */
    int64_t station[STATION_COUNT]; /* since then, in MEASURED_STEPS_PER_MS; never falling */
    int64_t agent_deadline_ms;
};

enum { MEASURED_STEPS_PER_MS = 10000 };

struct fp_indicator {
    struct text indicator;
    double impact; /* positive: more likely false */
    enum fp_category category;
};

struct fp_score {
    double score; /* 0.5 + sum of impacts, clamped to 0…1 */
    double confidence;
    struct fp_indicator indicators[FP_INDICATORS_MAX];
    unsigned indicator_count;
    enum recommendation recommendation;
    struct text explanation;
    double historical_fp_rate; /* negative: unknown, written as null */
    uint64_t similar_resolved_as_fp;
    uint64_t similar_resolved_as_real;
};

struct risk_factor {
    struct text factor;
    int points; /* may be negative */
};

struct technique { /* ids and names of MITRE ATT&CK Enterprise */
    const char *tactic_id;
    const char *tactic_name;
    const char *technique_id;
    const char *technique_name;
};

struct automated_threat { /* OWASP Automated Threats to Web Applications */
    const char *id;       /* OAT-008 */
    const char *name;
};

struct response_action {
    enum action_type action_type;
    enum urgency urgency;
    struct text target;
    struct text reason;
    struct text parameters; /* a JSON object; at == NULL: none */
    bool auto_executable;
    bool requires_approval;
    struct text estimated_impact;
    double confidence;
};

struct response_plan {
    struct response_action primary;
    struct response_action secondary[ACTIONS_MAX];
    unsigned secondary_count;
    struct text escalation_path[ESCALATIONS_MAX];
    unsigned escalation_count;
    int64_t sla_minutes;
    int64_t sla_due_at_ms;
    double overall_confidence;
};

struct timeline_event {
    enum timeline_kind kind;
    int64_t timestamp_ms;
    struct text title;
    struct text description; /* at == NULL: the title says it all */
    int agent;               /* enum agent, or -1 */
};

struct timeline {
    struct timeline_event events[TIMELINE_MAX];
    unsigned event_count;
    int64_t start_ms;
    int64_t end_ms;
    double phase_ms[PHASE_COUNT]; /* sums to duration_ms */
    double duration_ms;
};

struct analysis {
    struct uuid id;
    const struct signal *signal;
    const struct facts *facts;
    struct measured measured;
    struct agent_report agents[AGENT_COUNT];
    struct fp_score fp;
    int risk_score; /* the sum of the factors, 0 to 100 */
    struct risk_factor risk_factors[RISK_FACTORS_MAX];
    unsigned risk_factor_count;
    enum severity severity;
    struct technique techniques[TECHNIQUES_MAX];
    unsigned technique_count;
    struct automated_threat automated[TECHNIQUES_MAX];
    unsigned automated_count;
    struct response_plan plan;
    struct timeline timeline;
    bool requires_human_review;
    struct text review_reasons[REVIEW_REASONS_MAX];
    unsigned review_reason_count;
    int64_t created_at_ms; /* received by the API */
    int64_t completed_at_ms;
    double total_processing_time_ms; /* from receipt to the end of the analysis; the phases sum to it */
};

/* How long the agent took, in MEASURED_STEPS_PER_MS. */
int64_t measured_agent_steps(const struct measured *measured, enum agent agent);

/* Changes whenever the same facts would give another analysis. */
extern const char analysis_rules_version[];

/* The body that is stored and shown. `verdict` is not part of it: the API puts it in when it answers. */
void analysis_write(struct buffer *out, const struct analysis *analysis);

#endif
