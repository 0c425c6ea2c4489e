/* Integers out of JSON numbers, judged by their digits: a double cannot tell 1000000000000.00001 from a
 * limit. */
#ifndef SOC_JSON_INTEGER_H
#define SOC_JSON_INTEGER_H

#include <stdint.h>

#include "shared/base/text.h"

/* `number` keeps the grammar of RFC 8259. True for an integer, also when written 3.0 or 3e2, within ±2^53. */
bool integer_from_number(struct text number, int64_t *value);

#endif
