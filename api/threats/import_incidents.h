/* POST /api/incidents: past, resolved incidents, as NDJSON or as a JSON array. They are counted in the
 * histories as judged cases, each id once however often it comes. */
#ifndef SOC_API_IMPORT_INCIDENTS_H
#define SOC_API_IMPORT_INCIDENTS_H

#include "api/http/exchange.h"

void import_incidents(struct exchange *exchange);

#endif
