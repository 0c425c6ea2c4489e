/* How much was asked for, measured against the customer's limit. */
#ifndef SOC_VOLUME_H
#define SOC_VOLUME_H

#include "shared/model/analysis.h"

enum { VOLUME_NUMBER_MAX = 32 };

struct volume {
    double per_minute;
    int64_t limit; /* requests a minute; 0: not known */
    bool limit_is_default;
    double ratio; /* per_minute by limit; 0 when the limit is not known */
};

struct volume volume_measure(const struct signal *signal, const struct facts *facts);

/* Writes a number as people do: 412, 6.9, 0.02; ends with NUL. */
const char *volume_number(double value, char out[VOLUME_NUMBER_MAX]);

/* True for the types that are about how much is asked for, not about who gets in. */
bool volume_matters(enum threat_type type);

#endif
