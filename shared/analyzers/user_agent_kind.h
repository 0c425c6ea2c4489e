/* What a user agent that claims to be no known crawler looks like: a look, never a proof. */
#ifndef SOC_USER_AGENT_KIND_H
#define SOC_USER_AGENT_KIND_H

#include "shared/base/text.h"

enum user_agent_kind {
    USER_AGENT_ABSENT,
    USER_AGENT_UNKNOWN,
    USER_AGENT_ATTACK_TOOL,
    USER_AGENT_ROBOT,
    USER_AGENT_BROWSER,
    USER_AGENT_KIND_COUNT
};

enum user_agent_kind user_agent_kind_of(struct text user_agent);

#endif
