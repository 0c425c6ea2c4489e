/* Takes the body of a batch call apart: NDJSON, or a JSON array when the content type is application/json. */
#ifndef SOC_API_SPLIT_BATCH_H
#define SOC_API_SPLIT_BATCH_H

#include "api/http/exchange.h"

enum { BATCH_SPANS_MAX = 1000 };

extern const char *const batch_content_types[]; /* NULL at the end */

/* The single values of a body, still to be read, in `spans` (room for BATCH_SPANS_MAX; they borrow from it):
 * its lines that are not blank, or the elements of the array it is. STATUS_INVALID: what is wrong is in
 * `faults`; STATUS_TOO_LARGE: more than BATCH_SPANS_MAX. `thing` is what a value is called. */
enum status batch_split(struct text body, bool array, const char *thing, struct text *spans, unsigned *count,
                        struct faults *faults);

/* The same of a request's body; when it is no batch the exchange is answered and the result is false. */
bool split_batch(struct exchange *exchange, const char *thing, struct text *spans, unsigned *count);

#endif
