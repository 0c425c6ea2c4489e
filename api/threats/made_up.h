/* Realistic fields for a signal that names only its type: the demonstration's trigger. */
#ifndef SOC_API_MADE_UP_H
#define SOC_API_MADE_UP_H

#include "shared/base/text.h"
#include "shared/base/uuid.h"

/* The given object with what it lacks filled in, to be freed; NULL when `json` is no object (then it is
 * judged as it stands). Members that are there stay as they are, right or wrong. */
char *made_up_signal(struct text json, struct uuid_source *random, int64_t now_ms);

#endif
