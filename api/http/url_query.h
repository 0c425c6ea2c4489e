/* The query part of a URL, pair by pair, decoded (percent-encoding, '+' for blank). */
#ifndef SOC_API_URL_QUERY_H
#define SOC_API_URL_QUERY_H

#include "shared/base/arena.h"

/* Takes the first pair off `query`; false at the end. A broken escape stays as it is written; a pair that
 * decodes to bytes that are no UTF-8 has `value.at` NULL. */
bool url_query_next(struct text *query, struct arena *arena, struct text *name, struct text *value);

/* Appends `text` percent-encoded for use as a query value. */
struct buffer;
void url_query_encode(struct buffer *out, struct text text);

#endif
