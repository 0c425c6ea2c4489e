#include "shared/agents/attack_map.h"

#include "shared/agents/volume.h"

enum { SPRAY_ACCOUNTS_MIN = 5, SPRAY_TRIES_EACH_MAX = 3, WORDLIST_PATHS_MIN = 2, FLOOD_RATIO_MIN = 10 };

enum sign {
    SIGN_TYPE, /* the threat type alone */
    SIGN_ONE_ACCOUNT,
    SIGN_SPRAY,
    SIGN_SUCCESS,
    SIGN_WORDLIST,
    SIGN_EXPLOIT,
    SIGN_INJECTION,
    SIGN_LOGIN,
    SIGN_OTP,
    SIGN_MONEY,
    SIGN_PRIVATE,
    SIGN_COSTLY,
    SIGN_FLOOD,
    SIGN_PROXY,
    SIGN_TOR,
    SIGN_COUNT
};

static const char *const because[SIGN_COUNT] = {
    [SIGN_ONE_ACCOUNT] = "one account tried",
    [SIGN_SPRAY] = "many accounts, few tries each",
    [SIGN_SUCCESS] = "a login succeeded",
    [SIGN_WORDLIST] = "paths as from a wordlist",
    [SIGN_EXPLOIT] = "paths of components with known holes",
    [SIGN_INJECTION] = "injection payload",
    [SIGN_LOGIN] = "login path",
    [SIGN_OTP] = "one-time-password path",
    [SIGN_MONEY] = "path that moves money",
    [SIGN_PRIVATE] = "content behind a login",
    [SIGN_COSTLY] = "costly path",
    [SIGN_FLOOD] = "ten times the limit or more",
    [SIGN_PROXY] = "proxy or VPN exit",
    [SIGN_TOR] = "Tor exit",
};

#define BRUTE_FORCE                                                                                          \
    { "TA0006", "Credential Access", "T1110", "Brute Force" }
#define PASSWORD_GUESSING                                                                                    \
    { "TA0006", "Credential Access", "T1110.001", "Password Guessing" }
#define PASSWORD_SPRAYING                                                                                    \
    { "TA0006", "Credential Access", "T1110.003", "Password Spraying" }
#define CREDENTIAL_STUFFING                                                                                  \
    { "TA0006", "Credential Access", "T1110.004", "Credential Stuffing" }
#define VALID_ACCOUNTS                                                                                       \
    { "TA0001", "Initial Access", "T1078", "Valid Accounts" }
#define EXPLOIT_PUBLIC                                                                                       \
    { "TA0001", "Initial Access", "T1190", "Exploit Public-Facing Application" }
#define ACTIVE_SCANNING                                                                                      \
    { "TA0043", "Reconnaissance", "T1595", "Active Scanning" }
#define VULNERABILITY_SCANNING                                                                               \
    { "TA0043", "Reconnaissance", "T1595.002", "Vulnerability Scanning" }
#define WORDLIST_SCANNING                                                                                    \
    { "TA0043", "Reconnaissance", "T1595.003", "Wordlist Scanning" }
#define SEARCH_WEBSITES                                                                                      \
    { "TA0043", "Reconnaissance", "T1594", "Search Victim-Owned Websites" }
#define REPOSITORY_DATA                                                                                      \
    { "TA0009", "Collection", "T1213", "Data from Information Repositories" }
#define SESSION_HIJACKING                                                                                    \
    { "TA0009", "Collection", "T1185", "Browser Session Hijacking" }
#define ENDPOINT_DOS                                                                                         \
    { "TA0040", "Impact", "T1499", "Endpoint Denial of Service" }
#define SERVICE_FLOOD                                                                                        \
    { "TA0040", "Impact", "T1499.002", "Service Exhaustion Flood" }
#define APPLICATION_FLOOD                                                                                    \
    { "TA0040", "Impact", "T1499.003", "Application Exhaustion Flood" }
#define SMS_PUMPING                                                                                          \
    { "TA0040", "Impact", "T1496.003", "SMS Pumping" }
#define FINANCIAL_THEFT                                                                                      \
    { "TA0040", "Impact", "T1657", "Financial Theft" }
#define PROXY                                                                                                \
    { "TA0011", "Command and Control", "T1090", "Proxy" }
#define EXTERNAL_PROXY                                                                                       \
    { "TA0011", "Command and Control", "T1090.002", "External Proxy" }
#define MULTI_HOP_PROXY                                                                                      \
    { "TA0011", "Command and Control", "T1090.003", "Multi-hop Proxy" }

/* OWASP Automated Threats to Web Applications, version 1.2. */
#define OAT_NONE                                                                                             \
    { NULL, NULL }
#define OAT_CRACKING                                                                                         \
    { "OAT-007", "Credential Cracking" }
#define OAT_STUFFING                                                                                         \
    { "OAT-008", "Credential Stuffing" }
#define OAT_SCRAPING                                                                                         \
    { "OAT-011", "Scraping" }
#define OAT_VULNERABILITY_SCAN                                                                               \
    { "OAT-014", "Vulnerability Scanning" }
#define OAT_DENIAL_OF_SERVICE                                                                                \
    { "OAT-015", "Denial of Service" }
#define OAT_FOOTPRINTING                                                                                     \
    { "OAT-018", "Footprinting" }

enum rank { PRIMARY, ALSO };

/* Of a type's PRIMARY rows the first whose sign shows is taken, of its ALSO rows every one. */
static const struct attack_rule {
    enum threat_type threat_type;
    enum rank rank;
    enum sign sign;
    struct technique technique;
    struct automated_threat automated;
} rules[] = {
    {THREAT_BOT_TRAFFIC, PRIMARY, SIGN_EXPLOIT, VULNERABILITY_SCANNING, OAT_VULNERABILITY_SCAN},
    {THREAT_BOT_TRAFFIC, PRIMARY, SIGN_WORDLIST, WORDLIST_SCANNING, OAT_FOOTPRINTING},
    {THREAT_BOT_TRAFFIC, PRIMARY, SIGN_TYPE, ACTIVE_SCANNING, OAT_FOOTPRINTING},
    {THREAT_CREDENTIAL_STUFFING, PRIMARY, SIGN_TYPE, CREDENTIAL_STUFFING, OAT_STUFFING},
    {THREAT_CREDENTIAL_STUFFING, ALSO, SIGN_SUCCESS, VALID_ACCOUNTS, OAT_NONE},
    {THREAT_ACCOUNT_TAKEOVER, PRIMARY, SIGN_TYPE, VALID_ACCOUNTS, OAT_NONE},
    {THREAT_DATA_SCRAPING, PRIMARY, SIGN_PRIVATE, REPOSITORY_DATA, OAT_SCRAPING},
    {THREAT_DATA_SCRAPING, PRIMARY, SIGN_TYPE, SEARCH_WEBSITES, OAT_SCRAPING},
    {THREAT_GEO_ANOMALY, PRIMARY, SIGN_TYPE, VALID_ACCOUNTS, OAT_NONE},
    {THREAT_GEO_ANOMALY, ALSO, SIGN_TOR, MULTI_HOP_PROXY, OAT_NONE},
    {THREAT_GEO_ANOMALY, ALSO, SIGN_PROXY, EXTERNAL_PROXY, OAT_NONE},
    {THREAT_RATE_LIMIT_BREACH, PRIMARY, SIGN_COSTLY, APPLICATION_FLOOD, OAT_DENIAL_OF_SERVICE},
    {THREAT_RATE_LIMIT_BREACH, PRIMARY, SIGN_FLOOD, SERVICE_FLOOD, OAT_DENIAL_OF_SERVICE},
    {THREAT_RATE_LIMIT_BREACH, PRIMARY, SIGN_TYPE, ENDPOINT_DOS, OAT_DENIAL_OF_SERVICE},
    {THREAT_RATE_LIMIT_BREACH, ALSO, SIGN_LOGIN, BRUTE_FORCE, OAT_CRACKING},
    {THREAT_RATE_LIMIT_BREACH, ALSO, SIGN_OTP, SMS_PUMPING, OAT_NONE},
    {THREAT_BRUTE_FORCE, PRIMARY, SIGN_ONE_ACCOUNT, PASSWORD_GUESSING, OAT_CRACKING},
    {THREAT_BRUTE_FORCE, PRIMARY, SIGN_SPRAY, PASSWORD_SPRAYING, OAT_CRACKING},
    {THREAT_BRUTE_FORCE, PRIMARY, SIGN_TYPE, BRUTE_FORCE, OAT_CRACKING},
    {THREAT_BRUTE_FORCE, ALSO, SIGN_SUCCESS, VALID_ACCOUNTS, OAT_NONE},
    {THREAT_PROXY_NETWORK, PRIMARY, SIGN_TOR, MULTI_HOP_PROXY, OAT_NONE},
    {THREAT_PROXY_NETWORK, PRIMARY, SIGN_PROXY, EXTERNAL_PROXY, OAT_NONE},
    {THREAT_PROXY_NETWORK, PRIMARY, SIGN_TYPE, PROXY, OAT_NONE},
    {THREAT_DEVICE_COMPROMISE, PRIMARY, SIGN_TYPE, SESSION_HIJACKING, OAT_NONE},
    {THREAT_ANOMALY_DETECTION, PRIMARY, SIGN_INJECTION, EXPLOIT_PUBLIC, OAT_NONE},
    {THREAT_ANOMALY_DETECTION, PRIMARY, SIGN_LOGIN, BRUTE_FORCE, OAT_NONE},
    {THREAT_ANOMALY_DETECTION, PRIMARY, SIGN_MONEY, FINANCIAL_THEFT, OAT_NONE},
};

static bool is_spray(const struct signal *signal, const struct raw_data *raw) {
    return raw->distinct_usernames >= SPRAY_ACCOUNTS_MIN &&
           signal->request_count <= raw->distinct_usernames * SPRAY_TRIES_EACH_MAX;
}

static bool intel_has(const struct facts *facts, enum intel_category category) {
    for (unsigned i = 0; i < facts->intel_count; i++)
        if (facts->intel[i].category == category)
            return true;
    return false;
}

static unsigned signs_of(const struct signal *signal, const struct facts *facts, const struct raw_data *raw) {
    const unsigned *paths = raw->paths;
    const bool shows[SIGN_COUNT] = {
        [SIGN_TYPE] = true,
        [SIGN_ONE_ACCOUNT] = raw->distinct_usernames == 1,
        [SIGN_SPRAY] = is_spray(signal, raw),
        [SIGN_SUCCESS] = raw->successes > 0,
        [SIGN_WORDLIST] = paths[PATH_WORDLIST] >= WORDLIST_PATHS_MIN,
        [SIGN_EXPLOIT] = paths[PATH_EXPLOIT] > 0,
        [SIGN_INJECTION] = paths[PATH_INJECTION] > 0,
        [SIGN_LOGIN] = paths[PATH_LOGIN] > 0,
        [SIGN_OTP] = paths[PATH_OTP] > 0,
        [SIGN_MONEY] = paths[PATH_MONEY] > 0,
        [SIGN_PRIVATE] = paths[PATH_PRIVATE] > 0,
        [SIGN_COSTLY] = paths[PATH_COSTLY] > 0,
        [SIGN_FLOOD] = volume_measure(signal, facts).ratio >= FLOOD_RATIO_MIN,
        [SIGN_PROXY] = intel_has(facts, INTEL_PROXY) || intel_has(facts, INTEL_VPN),
        [SIGN_TOR] = intel_has(facts, INTEL_TOR),
    };
    unsigned signs = 0;
    for (int sign = 0; sign < SIGN_COUNT; sign++)
        signs |= (unsigned)shows[sign] << sign;
    return signs;
}

void attack_map_find(const struct signal *signal, const struct facts *facts, const struct raw_data *raw,
                     struct attack_match *match) {
    unsigned signs = signs_of(signal, facts, raw);
    match->count = match->automated_count = 0;
    match->because = NULL;
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]) && match->count < TECHNIQUES_MAX; i++) {
        const struct attack_rule *rule = &rules[i];
        if (rule->threat_type != signal->threat_type || !(signs >> rule->sign & 1))
            continue;
        if (rule->rank == PRIMARY && match->count > 0)
            continue;
        if (match->count == 0)
            match->because = because[rule->sign];
        match->techniques[match->count++] = rule->technique;
        if (rule->automated.id != NULL)
            match->automated[match->automated_count++] = rule->automated;
    }
}
