/* What a line about a threat begins with: log_write(…, LOG_THREAT(&id, &trace, customer_name), …). */
#ifndef SOC_TELEMETRY_LOG_THREAT_H
#define SOC_TELEMETRY_LOG_THREAT_H

#include "shared/telemetry/log.h"
#include "shared/telemetry/trace_context.h"

static inline struct text log_threat_id(const struct uuid *id, char out[UUID_LENGTH]) {
    if (id == NULL)
        return TEXT_NONE;
    uuid_write(id, out);
    return (struct text){out, UUID_LENGTH};
}

/* The id may be NULL, the name absent: not known. */
#define LOG_THREAT(id, trace, customer_name)                                                                 \
    LOG_TEXT("threat_id", log_threat_id(id, (char[UUID_LENGTH]){0})),                                        \
        LOG_TEXT("trace_id", trace_id_text((trace)->trace_id, (char[TRACE_ID_LENGTH]){0})),                  \
        LOG_TEXT("span_id", span_id_text((trace)->span_id, (char[SPAN_ID_LENGTH]){0})),                      \
        LOG_TEXT("customer_name", customer_name)

#endif
