/* Takes the body of a batch call apart: NDJSON, or a JSON array when the content type is application/json. */
#ifndef SOC_API_SPLIT_BATCH_H
#define SOC_API_SPLIT_BATCH_H

#include "api/http/exchange.h"

enum { BATCH_SPANS_MAX = 1000 };

extern const char *const batch_content_types[]; /* NULL at the end */

/* The single values, still to be read, in `spans` (room for BATCH_SPANS_MAX; they borrow from the body). When
 * there are none, or too many, or the array is no JSON, the exchange is answered and the result is false.
 * `thing` is what a value is called. */
bool split_batch(struct exchange *exchange, const char *thing, struct text *spans, unsigned *count);

#endif
