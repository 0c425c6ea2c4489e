/* POST /api/threats/{id}/verdict: an analyst's word about a threat. It can be changed and taken back, is
 * counted once, and stands above what automation says. */
#ifndef SOC_API_JUDGE_THREAT_H
#define SOC_API_JUDGE_THREAT_H

#include "api/http/exchange.h"

void judge_threat(struct exchange *exchange);

#endif
