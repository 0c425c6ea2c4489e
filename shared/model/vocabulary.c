#include "shared/model/vocabulary.h"

#include <stdlib.h>

#define VOCABULARY(field, ...)                                                                               \
    static const char *const words_##field[] = {__VA_ARGS__};                                                \
    const struct vocabulary vocabulary_##field = {#field, words_##field,                                     \
                                                  (int)(sizeof(words_##field) / sizeof(words_##field[0]))}

VOCABULARY(threat_type, "bot_traffic", "credential_stuffing", "account_takeover", "data_scraping",
           "geo_anomaly", "rate_limit_breach", "brute_force", "proxy_network", "device_compromise",
           "anomaly_detection");
VOCABULARY(threat_status, "pending", "analyzing", "completed", "failed");
VOCABULARY(severity, "low", "medium", "high", "critical");
VOCABULARY(verdict, "none", "false_positive", "true_positive");
VOCABULARY(closing_reason, "false_positive", "true_positive", "disregard", "suspicious", "benign", "test",
           "insufficient_data", "security_risk", "managed_externally", "duplicate", "other");
VOCABULARY(recommendation, "likely_fp", "needs_review", "likely_real");
VOCABULARY(agent, "historical", "config", "devops", "context", "priority");
VOCABULARY(fp_category, "user_agent", "ip_reputation", "request_pattern", "history", "agent_confidence");
VOCABULARY(action_type, "block_ip", "rate_limit", "challenge", "whitelist", "monitor", "escalate",
           "quarantine");
VOCABULARY(urgency, "immediate", "urgent", "normal", "low");
VOCABULARY(tier, "standard", "premium", "enterprise");
VOCABULARY(escalation_level, "soc-tier-1", "soc-tier-2", "incident-manager", "account-manager");
VOCABULARY(infra_kind, "deployment", "config_change", "maintenance", "load_test", "outage");
VOCABULARY(intel_category, "blocklist", "tor", "proxy", "vpn", "hosting", "shared_egress", "crawler",
           "scanner");
VOCABULARY(import_format, "plain", "csv", "stix", "misp", "crawler_ranges");
VOCABULARY(crawler_verdict, "no_claim", "verified", "pretended", "cannot_tell");
VOCABULARY(crawler_kind, "search_engine", "ai_crawler", "seo", "monitoring", "scanner", "advertising",
           "social_preview", "feed_reader", "http_library", "archiver", "academic", "browser_automation",
           "other");
VOCABULARY(event_kind, "created", "completed", "failed", "updated", "expired");
VOCABULARY(dead_reason, "missing_field", "bad_version", "bad_id", "bad_time", "bad_utf8", "bad_json",
           "bad_signal", "too_large", "poison", "refused");
VOCABULARY(dead_stage, "read", "analyze", "commit");
VOCABULARY(phase, "queue_wait", "agent_execution", "fp_analysis", "response_planning", "timeline");
VOCABULARY(timeline_kind, "detection", "enrichment", "analysis", "correlation", "decision", "action");

/* clang-format off */
const struct vocabulary *const vocabulary_all[] = {
    &vocabulary_threat_type,
    &vocabulary_threat_status,
    &vocabulary_severity,
    &vocabulary_verdict,
    &vocabulary_closing_reason,
    &vocabulary_recommendation,
    &vocabulary_agent,
    &vocabulary_fp_category,
    &vocabulary_action_type,
    &vocabulary_urgency,
    &vocabulary_tier,
    &vocabulary_escalation_level,
    &vocabulary_infra_kind,
    &vocabulary_intel_category,
    &vocabulary_import_format,
    &vocabulary_crawler_verdict,
    &vocabulary_crawler_kind,
    &vocabulary_event_kind,
    &vocabulary_dead_reason,
    &vocabulary_dead_stage,
    &vocabulary_phase,
    &vocabulary_timeline_kind,
    NULL,
};
/* clang-format on */

int vocabulary_find(const struct vocabulary *vocabulary, struct text word) {
    for (int i = 0; i < vocabulary->count; i++)
        if (text_is(word, vocabulary->words[i]))
            return i;
    return -1;
}

const char *vocabulary_word(const struct vocabulary *vocabulary, int index) {
    if (index < 0 || index >= vocabulary->count)
        abort();
    return vocabulary->words[index];
}
