#include "shared/analyzers/response_templates.h"

#include <stdlib.h>

#define ROW(primary, urgency, secondary, backup)                                                             \
    { ACTION_##primary, URGENCY_##urgency, ACTION_##secondary, ACTION_##backup }

/* Low, medium, high, critical. */
static const struct response_template templates[THREAT_TYPE_COUNT][SEVERITY_CRITICAL + 1] = {
    [THREAT_BOT_TRAFFIC] = {ROW(MONITOR, LOW, NONE, CHALLENGE), ROW(CHALLENGE, NORMAL, NONE, RATE_LIMIT),
                            ROW(RATE_LIMIT, URGENT, CHALLENGE, BLOCK_IP),
                            ROW(BLOCK_IP, IMMEDIATE, ESCALATE, RATE_LIMIT)},
    [THREAT_CREDENTIAL_STUFFING] = {ROW(MONITOR, NORMAL, NONE, CHALLENGE),
                                    ROW(CHALLENGE, NORMAL, RATE_LIMIT, ESCALATE),
                                    ROW(BLOCK_IP, URGENT, CHALLENGE, RATE_LIMIT),
                                    ROW(BLOCK_IP, IMMEDIATE, ESCALATE, CHALLENGE)},
    [THREAT_ACCOUNT_TAKEOVER] = {ROW(CHALLENGE, NORMAL, NONE, MONITOR),
                                 ROW(CHALLENGE, URGENT, MONITOR, ESCALATE),
                                 ROW(QUARANTINE, URGENT, ESCALATE, CHALLENGE),
                                 ROW(QUARANTINE, IMMEDIATE, ESCALATE, BLOCK_IP)},
    [THREAT_DATA_SCRAPING] = {ROW(MONITOR, LOW, NONE, RATE_LIMIT), ROW(RATE_LIMIT, NORMAL, NONE, CHALLENGE),
                              ROW(RATE_LIMIT, URGENT, CHALLENGE, BLOCK_IP),
                              ROW(BLOCK_IP, IMMEDIATE, ESCALATE, RATE_LIMIT)},
    [THREAT_GEO_ANOMALY] = {ROW(MONITOR, LOW, NONE, CHALLENGE), ROW(CHALLENGE, NORMAL, NONE, ESCALATE),
                            ROW(CHALLENGE, URGENT, ESCALATE, QUARANTINE),
                            ROW(QUARANTINE, IMMEDIATE, ESCALATE, CHALLENGE)},
    [THREAT_RATE_LIMIT_BREACH] = {ROW(MONITOR, LOW, NONE, RATE_LIMIT),
                                  ROW(RATE_LIMIT, NORMAL, NONE, CHALLENGE),
                                  ROW(RATE_LIMIT, URGENT, ESCALATE, BLOCK_IP),
                                  ROW(BLOCK_IP, IMMEDIATE, ESCALATE, RATE_LIMIT)},
    [THREAT_BRUTE_FORCE] = {ROW(MONITOR, NORMAL, NONE, RATE_LIMIT), ROW(RATE_LIMIT, NORMAL, NONE, ESCALATE),
                            ROW(BLOCK_IP, URGENT, RATE_LIMIT, ESCALATE),
                            ROW(BLOCK_IP, IMMEDIATE, ESCALATE, RATE_LIMIT)},
    [THREAT_PROXY_NETWORK] = {ROW(MONITOR, LOW, NONE, CHALLENGE), ROW(CHALLENGE, NORMAL, NONE, RATE_LIMIT),
                              ROW(CHALLENGE, URGENT, RATE_LIMIT, ESCALATE),
                              ROW(BLOCK_IP, IMMEDIATE, ESCALATE, CHALLENGE)},
    [THREAT_DEVICE_COMPROMISE] = {ROW(CHALLENGE, NORMAL, NONE, MONITOR),
                                  ROW(CHALLENGE, URGENT, ESCALATE, MONITOR),
                                  ROW(QUARANTINE, URGENT, ESCALATE, BLOCK_IP),
                                  ROW(QUARANTINE, IMMEDIATE, ESCALATE, BLOCK_IP)},
    [THREAT_ANOMALY_DETECTION] = {ROW(MONITOR, LOW, NONE, RATE_LIMIT), ROW(MONITOR, NORMAL, NONE, CHALLENGE),
                                  ROW(CHALLENGE, URGENT, ESCALATE, RATE_LIMIT),
                                  ROW(ESCALATE, IMMEDIATE, CHALLENGE, BLOCK_IP)},
};

const struct response_template *response_template_find(enum threat_type type, enum severity severity) {
    if (type >= THREAT_TYPE_COUNT || severity > SEVERITY_CRITICAL)
        abort();
    return &templates[type][severity];
}
