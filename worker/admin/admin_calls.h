/* What the worker's admin port answers; knows no socket. */
#ifndef SOC_WORKER_ADMIN_CALLS_H
#define SOC_WORKER_ADMIN_CALLS_H

#include "shared/base/status.h"
#include "worker/intake/intake.h"

struct admin_calls {
    const struct intake *intake;
    int64_t started_ms; /* monotonic */
};

struct admin_request { /* borrowed */
    struct text content_type;
    struct text body;
};

struct admin_answer {
    int http_status;
    const char *content_type;
    const char *allow; /* NULL: no such header */
    struct buffer body;
};

void admin_problem(struct admin_answer *answer, enum status status, const char *detail);

void admin_health(const struct admin_calls *calls, const struct admin_request *request,
                  struct admin_answer *answer);
void admin_ready(const struct admin_calls *calls, const struct admin_request *request,
                 struct admin_answer *answer);
void admin_metrics(const struct admin_calls *calls, const struct admin_request *request,
                   struct admin_answer *answer);
void admin_get_log_level(const struct admin_calls *calls, const struct admin_request *request,
                         struct admin_answer *answer);
void admin_put_log_level(const struct admin_calls *calls, const struct admin_request *request,
                         struct admin_answer *answer);

#endif
