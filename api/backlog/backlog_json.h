/* The body of GET /api/backlog (schemas/backlog.json). */
#ifndef SOC_API_BACKLOG_JSON_H
#define SOC_API_BACKLOG_JSON_H

#include "api/backlog/admission.h"
#include "api/backlog/sample.h"
#include "shared/base/buffer.h"
#include "shared/redis/keys.h"

void backlog_write(struct buffer *out, const struct keyspace *keyspace, const struct backlog_sample *sample,
                   const struct admission *admission);

#endif
