/* The worker's own HTTP, for probes, Prometheus and operators: /health, /ready, /metrics, the log's level. */
#ifndef SOC_WORKER_ADMIN_HTTP_H
#define SOC_WORKER_ADMIN_HTTP_H

#include <event2/event.h>

#include "worker/intake/intake.h"

struct admin_http;

/* NULL when the port cannot be had. */
struct admin_http *admin_http_open(struct event_base *base, const struct intake *intake, const char *host,
                                   int port);
int admin_http_port(const struct admin_http *admin);
void admin_http_close(struct admin_http *admin);

#endif
