/* POST /api/threats/{id}/explain: the analysis once more, from the facts that it carries. The answer is the
 * same bytes as those of GET, or what differs. */
#ifndef SOC_API_EXPLAIN_THREAT_H
#define SOC_API_EXPLAIN_THREAT_H

#include "api/http/exchange.h"

void explain_threat(struct exchange *exchange);

#endif
