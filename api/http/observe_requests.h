/* What came of each request: counted for Prometheus, traced, and told in the log when it went wrong. There is
 * no line for one that went well. The log names the route, never the path, which an outsider has written. */
#ifndef SOC_API_OBSERVE_REQUESTS_H
#define SOC_API_OBSERVE_REQUESTS_H

#include "api/http/route_request.h"

/* Before the first request; the table must outlive the program. */
void observe_requests(const struct route *routes);

/* What was refused with 400 before it was a request (connections.h): nobody has measured how long that
 * took. */
void observe_bare_refusal(void);

#endif
