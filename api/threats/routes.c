#include "api/context/context_calls.h"
#include "api/dead_letters/letter_calls.h"
#include "api/threats/api.h"
#include "api/threats/contract.h"
#include "api/threats/explain_threat.h"
#include "api/threats/import_incidents.h"
#include "api/threats/judge_threat.h"
#include "api/threats/log_level_calls.h"
#include "api/threats/read_calls.h"
#include "api/threats/submit_batch.h"
#include "api/threats/validate_signal.h"

/* A path with fixed text stands before one with {id} that it would match. */
const struct route api_routes[] = {
    {"POST", "/api/threats", validate_signal},
    {"GET", "/api/threats", list_threats},
    {"POST", "/api/threats/trigger", trigger_signal},
    {"POST", "/api/threats/batch", submit_batch},
    {"GET", "/api/threats/{id}", get_threat},
    {"POST", "/api/threats/{id}/verdict", judge_threat},
    {"POST", "/api/threats/{id}/explain", explain_threat},
    {"POST", "/api/incidents", import_incidents},
    {"GET", "/api/stats", get_stats},
    {"GET", "/api/backlog", get_backlog},
    {"GET", "/api/dead-letters", list_letters},
    {"POST", "/api/dead-letters/replay", replay_letters},
    {"DELETE", "/api/dead-letters/{id}", delete_letter},
    {"POST", "/api/dead-letters/{id}/replay", replay_letter},
    {"GET", "/api/customers", list_customers},
    {"GET", "/api/customers/{id}", get_customer},
    {"PUT", "/api/customers/{id}", put_customer},
    {"DELETE", "/api/customers/{id}", delete_customer},
    {"POST", "/api/infra-events", post_infra_events},
    {"GET", "/api/infra-events", list_infra_events},
    {"DELETE", "/api/infra-events/{id}", delete_infra_event},
    {"POST", "/api/intel/indicators", post_indicators},
    {"GET", "/api/intel/indicators", list_indicators},
    {"DELETE", "/api/intel/indicators", delete_indicators},
    {"GET", "/api/intel/lookup", look_up_address},
    {"GET", "/api/admin/log-level", get_log_level},
    {"PUT", "/api/admin/log-level", put_log_level},
    {"GET", "/health", get_health, .untraced = true},
    {"GET", "/ready", get_ready, .untraced = true},
    {"GET", "/metrics", get_metrics, .untraced = true},
    {"GET", "/openapi.yaml", get_openapi},
    {"GET", "/schemas/{id}", get_schema},
    {"GET", "/ws", open_websocket, .untraced = true},
    {NULL, NULL, NULL},
};
