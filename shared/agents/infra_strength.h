/* How well an infra event at the time of detection explains what a signal reports. */
#ifndef SOC_INFRA_STRENGTH_H
#define SOC_INFRA_STRENGTH_H

#include "shared/model/facts.h"

enum infra_strength { INFRA_EXPLAINS_NOTHING, INFRA_EXPLAINS_WEAKLY, INFRA_EXPLAINS_WELL };

enum infra_strength infra_strength_of(enum infra_kind kind, enum threat_type type);

/* The event that explains most, the first of equals; NULL when none explains anything. */
const struct infra_fact *infra_strongest(const struct facts *facts, enum threat_type type);

#endif
