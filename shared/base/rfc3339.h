/* RFC 3339 times, as ms since 1970-01-01T00:00:00Z. */
#ifndef SOC_BASE_RFC3339_H
#define SOC_BASE_RFC3339_H

#include <stdint.h>

#include "shared/base/text.h"

enum { RFC3339_LENGTH = 24 }; /* 2026-11-21T03:34:54.123Z */

#define RFC3339_FIRST_MS INT64_C(-62167219200000) /* 0000-01-01T00:00:00.000Z */
#define RFC3339_LAST_MS INT64_C(253402300799999)  /* 9999-12-31T23:59:59.999Z */

/* Any offset, any fraction (cut to ms); second 60 counts as 59.999. False when the text is not a date-time of
 * RFC 3339, or one that lies in no year from 0000 to 9999 of UTC: it could not be written. */
bool rfc3339_parse(struct text text, int64_t *ms);

/* Writes RFC3339_LENGTH bytes, no NUL: always UTC, always three digits of fraction. Years are clamped to
 * 0000 to 9999. */
void rfc3339_write(int64_t ms, char *out);

#endif
