/* Requests that wait for an analysis (Prefer: wait, the trigger): found by id when its event passes, answered
 * with what they would have got at once when their time is up. */
#ifndef SOC_API_WAITERS_H
#define SOC_API_WAITERS_H

#include "api/http/exchange.h"
#include "shared/base/uuid.h"

struct waiters;

struct waiters *waiters_new(void);
void waiters_free(struct waiters *waiters);

/* Holds the exchange. `wait_s` is what the client asked for, shown as Preference-Applied. */
void waiters_add(struct waiters *waiters, const struct uuid *id, struct exchange *exchange,
                 int64_t deadline_ms, unsigned wait_s);

/* The exchange waits no longer; it is not answered. */
void waiters_remove(struct waiters *waiters, const struct uuid *id, const struct exchange *exchange);
bool waiters_want(const struct waiters *waiters, const struct uuid *id);

/* Answers 200 with the analysis to all who wait for it. */
void waiters_complete(struct waiters *waiters, const struct uuid *id, struct text analysis);

/* Answers 202 to those whose deadline has passed; all of them when `stopping`. */
void waiters_tick(struct waiters *waiters, int64_t now_ms, bool stopping);

/* The 202 that says where the threat will be. `wait_s` 0: no Preference-Applied. */
void answer_accepted(struct exchange *exchange, const struct uuid *id, unsigned wait_s);

#endif
