#include "shared/agents/path_kinds.h"

/* Sorted by bytes, so that the rows of two first characters stand together. */
static const struct path_fragment {
    const char *text;
    enum path_kind kind;
} fragments[] = {
    {" union select", PATH_INJECTION},
    {"${jndi", PATH_INJECTION},
    {"%20union%20", PATH_INJECTION},
    {"%24%7bjndi", PATH_INJECTION},
    {"%27%20or", PATH_INJECTION},
    {"%27+or", PATH_INJECTION},
    {"%2e%2e", PATH_INJECTION},
    {"%3cscript", PATH_INJECTION},
    {"' or ", PATH_INJECTION},
    {"'--", PATH_INJECTION},
    {"+union+select", PATH_INJECTION},
    {"../", PATH_INJECTION},
    {".bak", PATH_WORDLIST},
    {".css", PATH_ASSET},
    {".gif", PATH_ASSET},
    {".ico", PATH_ASSET},
    {".jpg", PATH_ASSET},
    {".js", PATH_ASSET},
    {".png", PATH_ASSET},
    {".sql", PATH_WORDLIST},
    {".svg", PATH_ASSET},
    {".ttf", PATH_ASSET},
    {".woff", PATH_ASSET},
    {"/.aws", PATH_WORDLIST},
    {"/.env", PATH_WORDLIST},
    {"/.git", PATH_WORDLIST},
    {"/.ht", PATH_WORDLIST},
    {"/.svn", PATH_WORDLIST},
    {"/_ignition", PATH_EXPLOIT},
    {"/account", PATH_PRIVATE},
    {"/actuator", PATH_EXPLOIT},
    {"/admin", PATH_WORDLIST},
    {"/auth", PATH_LOGIN},
    {"/backup", PATH_WORDLIST},
    {"/boaform", PATH_EXPLOIT},
    {"/cgi-bin/", PATH_EXPLOIT},
    {"/config.", PATH_WORDLIST},
    {"/customers", PATH_PRIVATE},
    {"/etc/passwd", PATH_INJECTION},
    {"/export", PATH_COSTLY},
    {"/invoice", PATH_PRIVATE},
    {"/login", PATH_LOGIN},
    {"/manager/html", PATH_WORDLIST},
    {"/members", PATH_PRIVATE},
    {"/oauth", PATH_LOGIN},
    {"/orders", PATH_PRIVATE},
    {"/otp", PATH_OTP},
    {"/owa/auth", PATH_EXPLOIT},
    {"/payout", PATH_MONEY},
    {"/phpmyadmin", PATH_WORDLIST},
    {"/profile", PATH_PRIVATE},
    {"/report", PATH_COSTLY},
    {"/search", PATH_COSTLY},
    {"/server-status", PATH_WORDLIST},
    {"/session", PATH_LOGIN},
    {"/setup.", PATH_WORDLIST},
    {"/sign-in", PATH_LOGIN},
    {"/signin", PATH_LOGIN},
    {"/sms", PATH_OTP},
    {"/solr/", PATH_EXPLOIT},
    {"/transfer", PATH_MONEY},
    {"/vendor/phpunit", PATH_EXPLOIT},
    {"/verify-phone", PATH_OTP},
    {"/withdraw", PATH_MONEY},
    {"/wp-admin", PATH_WORDLIST},
    {"/wp-login", PATH_LOGIN},
    {"/wp-login", PATH_WORDLIST},
    {"/xmlrpc.php", PATH_EXPLOIT},
    {"<script", PATH_INJECTION},
};

enum { FRAGMENTS = sizeof(fragments) / sizeof(fragments[0]) };

/* The characters that fragments begin with. */
static bool may_begin(char c) {
    switch (c) {
    case '/':
    case '.':
    case '%':
    case '<':
    case '$':
    case '\'':
    case ' ':
    case '+': return true;
    default: return false;
    }
}

static int compare_starts(const char *a, const char *b) {
    return memcmp(a, b, 2);
}

/* The first row whose two first characters are not below those at `at`. */
static unsigned first_row(const char *at) {
    unsigned low = 0, high = FRAGMENTS;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (compare_starts(fragments[middle].text, at) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static unsigned kinds_at(const char *at, const char *end) {
    unsigned kinds = 0;
    for (unsigned i = first_row(at); i < FRAGMENTS && compare_starts(fragments[i].text, at) == 0; i++) {
        size_t len = strlen(fragments[i].text);
        if ((size_t)(end - at) >= len && memcmp(at, fragments[i].text, len) == 0)
            kinds |= 1u << fragments[i].kind;
    }
    return kinds;
}

unsigned path_kinds_of(struct text lower) {
    unsigned kinds = 0;
    const char *end = lower.at + lower.len;
    for (const char *at = lower.at; end - at >= 2; at++)
        if (may_begin(*at))
            kinds |= kinds_at(at, end);
    return kinds;
}

bool path_fragments_are_sorted(void) {
    for (unsigned i = 1; i < FRAGMENTS; i++)
        if (strcmp(fragments[i - 1].text, fragments[i].text) > 0 || !may_begin(fragments[i].text[0]))
            return false;
    return true;
}
