/* Which format a body has when nobody says. */
#ifndef SOC_API_IMPORT_FORMAT_H
#define SOC_API_IMPORT_FORMAT_H

#include "shared/base/text.h"

/* Of enum import_format; -1: neither type nor content tells. `content_type` at == NULL: none was sent. */
int import_format_guess(struct text content_type, struct text body);

#endif
