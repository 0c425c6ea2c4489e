/* Which pages may open a WebSocket. */
#ifndef SOC_API_ORIGIN_H
#define SOC_API_ORIGIN_H

#include "api/http/exchange.h"

/* Programs send no Origin; browsers always do, and a foreign page must not ride on an analyst's session.
 * `allowed` is a comma list; "*" is all, "" the request's own host only. */
bool origin_allowed(const char *allowed, const struct exchange *exchange);

#endif
