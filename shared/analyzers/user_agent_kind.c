#include "shared/analyzers/user_agent_kind.h"

enum { LOOKED_AT_MAX = 512 };

/* The first row that occurs decides: tools often dress up as browsers. */
static const struct {
    const char *lowered;
    enum user_agent_kind kind;
} looks[] = {
    {"sqlmap", USER_AGENT_ATTACK_TOOL},
    {"nikto", USER_AGENT_ATTACK_TOOL},
    {"nmap", USER_AGENT_ATTACK_TOOL},
    {"masscan", USER_AGENT_ATTACK_TOOL},
    {"nuclei", USER_AGENT_ATTACK_TOOL},
    {"gobuster", USER_AGENT_ATTACK_TOOL},
    {"dirbuster", USER_AGENT_ATTACK_TOOL},
    {"wpscan", USER_AGENT_ATTACK_TOOL},
    {"hydra", USER_AGENT_ATTACK_TOOL},
    {"zgrab", USER_AGENT_ATTACK_TOOL},
    {"bot", USER_AGENT_ROBOT},
    {"spider", USER_AGENT_ROBOT},
    {"crawl", USER_AGENT_ROBOT},
    {"slurp", USER_AGENT_ROBOT},
    {"feed", USER_AGENT_ROBOT},
    {"+http", USER_AGENT_ROBOT},
    {"mozilla/", USER_AGENT_BROWSER},
    {"opera/", USER_AGENT_BROWSER},
};

enum user_agent_kind user_agent_kind_of(struct text user_agent) {
    char lowered[LOOKED_AT_MAX];
    size_t len = user_agent.len < LOOKED_AT_MAX ? user_agent.len : LOOKED_AT_MAX;
    if (len == 0)
        return USER_AGENT_ABSENT;
    for (size_t i = 0; i < len; i++) {
        char c = user_agent.at[i];
        lowered[i] = c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
    }
    for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++)
        if (memmem(lowered, len, looks[i].lowered, strlen(looks[i].lowered)) != NULL)
            return looks[i].kind;
    return USER_AGENT_UNKNOWN;
}
