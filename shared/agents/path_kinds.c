#include "shared/agents/path_kinds.h"

/* What scanners and intruders ask for, and what readers do. Sorted by bytes, so that the rows of two first
 * characters stand together. Fragments of fewer than three characters say nothing. */
static const struct path_fragment {
    const char *text;
    enum path_kind kind;
} fragments[] = {
    {" union select", PATH_INJECTION},
    {"${jndi", PATH_INJECTION},
    {"%00", PATH_INJECTION},
    {"%20union%20", PATH_INJECTION},
    {"%24%7bjndi", PATH_INJECTION},
    {"%252e", PATH_INJECTION},
    {"%27%20or", PATH_INJECTION},
    {"%27+or", PATH_INJECTION},
    {"%2e%2e", PATH_INJECTION},
    {"%3bwget", PATH_INJECTION},
    {"%3c%3fphp", PATH_INJECTION},
    {"%3c?php", PATH_INJECTION},
    {"%3cscript", PATH_INJECTION},
    {"' or ", PATH_INJECTION},
    {"'--", PATH_INJECTION},
    {"() {", PATH_INJECTION},
    {"+union+select", PATH_INJECTION},
    {"..%2f", PATH_INJECTION},
    {"../", PATH_INJECTION},
    {"..\\", PATH_INJECTION},
    {".bak", PATH_WORDLIST},
    {".css", PATH_ASSET},
    {".gif", PATH_ASSET},
    {".ico", PATH_ASSET},
    {".jpeg", PATH_ASSET},
    {".jpg", PATH_ASSET},
    {".js", PATH_ASSET},
    {".mp4", PATH_ASSET},
    {".old", PATH_WORDLIST},
    {".png", PATH_ASSET},
    {".sql", PATH_WORDLIST},
    {".svg", PATH_ASSET},
    {".swp", PATH_WORDLIST},
    {".ttf", PATH_ASSET},
    {".webp", PATH_ASSET},
    {".woff", PATH_ASSET},
    {"/+cscoe+", PATH_EXPLOIT},
    {"/.aws", PATH_WORDLIST},
    {"/.bash", PATH_WORDLIST},
    {"/.ds_store", PATH_WORDLIST},
    {"/.env", PATH_WORDLIST},
    {"/.git", PATH_WORDLIST},
    {"/.ht", PATH_WORDLIST},
    {"/.ssh", PATH_WORDLIST},
    {"/.svn", PATH_WORDLIST},
    {"/.vscode", PATH_WORDLIST},
    {"/_ignition", PATH_EXPLOIT},
    {"/_profiler", PATH_WORDLIST},
    {"/account", PATH_PRIVATE},
    {"/actuator", PATH_EXPLOIT},
    {"/admin", PATH_WORDLIST},
    {"/adminer", PATH_WORDLIST},
    {"/api/jsonws", PATH_EXPLOIT},
    {"/atom", PATH_FEED},
    {"/auth/", PATH_LOGIN},
    {"/authenticate", PATH_LOGIN},
    {"/autodiscover", PATH_EXPLOIT},
    {"/backup", PATH_WORDLIST},
    {"/bin/bash", PATH_INJECTION},
    {"/bin/sh", PATH_INJECTION},
    {"/boaform", PATH_EXPLOIT},
    {"/cgi-bin/", PATH_EXPLOIT},
    {"/cgi/", PATH_EXPLOIT},
    {"/ckfinder", PATH_EXPLOIT},
    {"/config.", PATH_WORDLIST},
    {"/customers", PATH_PRIVATE},
    {"/dana-na", PATH_EXPLOIT},
    {"/dbadmin", PATH_WORDLIST},
    {"/druid/", PATH_EXPLOIT},
    {"/ecp/", PATH_EXPLOIT},
    {"/elfinder", PATH_EXPLOIT},
    {"/etc/passwd", PATH_INJECTION},
    {"/evox/", PATH_EXPLOIT},
    {"/export", PATH_COSTLY},
    {"/fckeditor", PATH_EXPLOIT},
    {"/feed", PATH_FEED},
    {"/geoserver", PATH_EXPLOIT},
    {"/global-protect", PATH_EXPLOIT},
    {"/goform/", PATH_EXPLOIT},
    {"/gponform", PATH_EXPLOIT},
    {"/hnap1", PATH_EXPLOIT},
    {"/id_rsa", PATH_WORDLIST},
    {"/info.php", PATH_WORDLIST},
    {"/install.php", PATH_WORDLIST},
    {"/invoice", PATH_PRIVATE},
    {"/invoker/", PATH_EXPLOIT},
    {"/jenkins", PATH_EXPLOIT},
    {"/jmx-console", PATH_EXPLOIT},
    {"/kcfinder", PATH_EXPLOIT},
    {"/login", PATH_LOGIN},
    {"/logon", PATH_LOGIN},
    {"/luci", PATH_EXPLOIT},
    {"/manager/html", PATH_WORDLIST},
    {"/members", PATH_PRIVATE},
    {"/mgmt/tm", PATH_EXPLOIT},
    {"/muieblackcat", PATH_EXPLOIT},
    {"/myadmin", PATH_WORDLIST},
    {"/nice%20ports", PATH_EXPLOIT},
    {"/nmaplowercheck", PATH_EXPLOIT},
    {"/oauth", PATH_LOGIN},
    {"/orders", PATH_PRIVATE},
    {"/otp", PATH_OTP},
    {"/owa/auth", PATH_EXPLOIT},
    {"/payout", PATH_MONEY},
    {"/phpinfo", PATH_WORDLIST},
    {"/phpmyadmin", PATH_WORDLIST},
    {"/pma/", PATH_WORDLIST},
    {"/portal/redlion", PATH_EXPLOIT},
    {"/proc/self", PATH_INJECTION},
    {"/profile", PATH_PRIVATE},
    {"/remote/fgt_lang", PATH_EXPLOIT},
    {"/remote/login", PATH_EXPLOIT},
    {"/report", PATH_COSTLY},
    {"/revslider", PATH_EXPLOIT},
    {"/robots.txt", PATH_ROBOTS},
    {"/rss", PATH_FEED},
    {"/scripts/setup.php", PATH_EXPLOIT},
    {"/search", PATH_COSTLY},
    {"/send-sms", PATH_OTP},
    {"/server-status", PATH_WORDLIST},
    {"/session/", PATH_LOGIN},
    {"/sessions/new", PATH_LOGIN},
    {"/setup.", PATH_WORDLIST},
    {"/setup.cgi", PATH_EXPLOIT},
    {"/shell?", PATH_EXPLOIT},
    {"/sign-in", PATH_LOGIN},
    {"/signin", PATH_LOGIN},
    {"/sitecore/shell", PATH_EXPLOIT},
    {"/sitemap", PATH_ROBOTS},
    {"/sms/", PATH_OTP},
    {"/solr/", PATH_EXPLOIT},
    {"/stalker_portal", PATH_EXPLOIT},
    {"/struts", PATH_EXPLOIT},
    {"/telescope", PATH_EXPLOIT},
    {"/test.php", PATH_WORDLIST},
    {"/tmui/", PATH_EXPLOIT},
    {"/transfer", PATH_MONEY},
    {"/userrpm", PATH_EXPLOIT},
    {"/users/sign", PATH_LOGIN},
    {"/v1/session", PATH_LOGIN},
    {"/vendor/phpunit", PATH_EXPLOIT},
    {"/verify-phone", PATH_OTP},
    {"/w00tw00t", PATH_EXPLOIT},
    {"/web.config", PATH_WORDLIST},
    {"/webdav", PATH_WORDLIST},
    {"/webfig", PATH_EXPLOIT},
    {"/withdraw", PATH_MONEY},
    {"/wls-wsat", PATH_EXPLOIT},
    {"/wp-admin", PATH_WORDLIST},
    {"/wp-config", PATH_WORDLIST},
    {"/wp-file-manager", PATH_EXPLOIT},
    {"/wp-json/wp/v2/users", PATH_WORDLIST},
    {"/wp-login", PATH_LOGIN},
    {"/wp-login", PATH_WORDLIST},
    {"/ws_utc", PATH_EXPLOIT},
    {"/xmlrpc.php", PATH_EXPLOIT},
    {";wget", PATH_INJECTION},
    {"<?php", PATH_INJECTION},
    {"<script", PATH_INJECTION},
    {"=rss20", PATH_FEED},
    {"?author=", PATH_WORDLIST},
    {"alert(", PATH_INJECTION},
    {"allow_url_include", PATH_INJECTION},
    {"atom.xml", PATH_FEED},
    {"auto_prepend_file", PATH_INJECTION},
    {"base64_decode", PATH_INJECTION},
    {"benchmark(", PATH_INJECTION},
    {"boot.ini", PATH_INJECTION},
    {"cd%20/tmp", PATH_INJECTION},
    {"cd+/tmp", PATH_INJECTION},
    {"concat(", PATH_INJECTION},
    {"eval-stdin", PATH_EXPLOIT},
    {"expect://", PATH_INJECTION},
    {"feed.xml", PATH_FEED},
    {"file:///", PATH_INJECTION},
    {"flav=atom", PATH_FEED},
    {"flav=rss", PATH_FEED},
    {"index.xml", PATH_FEED},
    {"information_schema", PATH_INJECTION},
    {"invokefunction", PATH_INJECTION},
    {"javascript:", PATH_INJECTION},
    {"onerror=", PATH_INJECTION},
    {"or 1=1", PATH_INJECTION},
    {"or%201=1", PATH_INJECTION},
    {"or+1=1", PATH_INJECTION},
    {"php://", PATH_INJECTION},
    {"rss.xml", PATH_FEED},
    {"timthumb", PATH_EXPLOIT},
    {"waitfor delay", PATH_INJECTION},
    {"win.ini", PATH_INJECTION},
    {"wlwmanifest", PATH_WORDLIST},
    {"xdebug_session_start", PATH_EXPLOIT},
    {"xp_cmdshell", PATH_INJECTION},
    {"|wget", PATH_INJECTION},
};

enum { FRAGMENTS = sizeof(fragments) / sizeof(fragments[0]) };

/* A bit for each pair of characters that a fragment begins with: most places of a path are passed over by
 * one look. */
static const uint8_t *starts_of_fragments(void) {
    static uint8_t starts[1 << 13];
    static bool filled;
    for (unsigned i = 0; !filled && i < FRAGMENTS; i++) {
        const uint8_t *text = (const uint8_t *)fragments[i].text;
        starts[text[0] << 5 | text[1] >> 3] |= (uint8_t)(1u << (text[1] & 7));
    }
    filled = true;
    return starts;
}

static bool may_begin(const uint8_t *starts, const char *at) {
    uint8_t first = (uint8_t)at[0], second = (uint8_t)at[1];
    return starts[first << 5 | second >> 3] >> (second & 7) & 1;
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

/* RFC 9112 3.2: an origin is asked for a path, or for "*". A whole URL is for a proxy; anything else is no
 * HTTP at all, such as a TLS greeting to a plain port. */
static bool is_no_path(struct text path) {
    return path.len > 0 && path.at[0] != '/' && !text_is(path, "*");
}

unsigned path_kinds_of(struct text lower) {
    unsigned kinds = 0;
    const char *end = lower.at + lower.len;
    const uint8_t *starts = starts_of_fragments();
    for (const char *at = lower.at; end - at >= 2; at++)
        if (may_begin(starts, at))
            kinds |= kinds_at(at, end);
    return kinds | (is_no_path(lower) ? 1u << PATH_MALFORMED : 0);
}

bool path_fragments_are_sorted(void) {
    for (unsigned i = 1; i < FRAGMENTS; i++)
        if (strcmp(fragments[i - 1].text, fragments[i].text) > 0 || strlen(fragments[i].text) < 3)
            return false;
    return true;
}
