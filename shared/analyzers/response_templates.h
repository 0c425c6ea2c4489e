/* What answers which threat: a row for each type and severity, before score, policy and guardrails change it.
 */
#ifndef SOC_RESPONSE_TEMPLATES_H
#define SOC_RESPONSE_TEMPLATES_H

#include "shared/model/vocabulary.h"

enum { ACTION_NONE = ACTION_TYPE_COUNT };

struct response_template {
    int primary;
    enum urgency urgency;
    int secondary; /* beside the primary; may be ACTION_NONE */
    int backup;    /* when the primary does not help; may be ACTION_NONE */
};

const struct response_template *response_template_find(enum threat_type type, enum severity severity);

#endif
