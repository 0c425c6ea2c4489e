/* The parameters of calls about many dead letters. */
#ifndef SOC_API_LETTER_QUERY_H
#define SOC_API_LETTER_QUERY_H

#include "api/http/exchange.h"
#include "shared/base/arena.h"

struct letter_query {
    unsigned limit;
    struct text cursor; /* a letter's id; at == NULL: none */
    int reason;         /* enum dead_reason; -1: any */
};

/* Answers 422 and returns false when a parameter is not right. `takes_reason`: it may be there. Texts live in
 * `arena`. */
bool letter_query_read(struct exchange *exchange, struct arena *arena, unsigned limit, unsigned limit_max,
                       bool takes_reason, struct letter_query *query);

#endif
