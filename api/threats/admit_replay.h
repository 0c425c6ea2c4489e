/* Calls that put signals on the stream again, refused when new ones are: Redis away, or the backlog over its
 * limit. */
#ifndef SOC_API_ADMIT_REPLAY_H
#define SOC_API_ADMIT_REPLAY_H

#include "api/http/exchange.h"

void admit_replay(struct exchange *exchange);
void admit_replays(struct exchange *exchange);

#endif
