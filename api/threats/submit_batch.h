/* POST /api/threats/batch: many signals in one request, as NDJSON or as a JSON array. Good ones are taken,
 * bad ones named by their index. */
#ifndef SOC_API_SUBMIT_BATCH_H
#define SOC_API_SUBMIT_BATCH_H

#include "api/http/exchange.h"

void submit_batch(struct exchange *exchange);

#endif
