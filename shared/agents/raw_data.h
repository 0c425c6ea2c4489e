/* What a signal's raw_data tells about the attack, read from its compact JSON by a scanner that is bounded,
 * takes no memory and trusts nothing: the text comes from whoever attacked. Members it does not know, odd
 * types and numbers out of range count as not told. */
#ifndef SOC_RAW_DATA_H
#define SOC_RAW_DATA_H

#include "shared/model/signal.h"

enum raw_service { RAW_SERVICE_UNKNOWN, RAW_SERVICE_HTTP, RAW_SERVICE_SSH };

/* What a requested path gives away; one path may be of several kinds. */
enum path_kind {
    PATH_ASSET,     /* style sheets, scripts, fonts, pictures: what a browser loads along with a page */
    PATH_LOGIN,     /* a login form or session call */
    PATH_WORDLIST,  /* a name guessed from a list: admin panels, backups, dot files */
    PATH_EXPLOIT,   /* a component that is probed for known holes */
    PATH_INJECTION, /* a payload in the path or query */
    PATH_PRIVATE,   /* content behind a login */
    PATH_COSTLY,    /* search, export, report */
    PATH_OTP,       /* sends one-time passwords */
    PATH_MONEY,     /* moves money */
    PATH_FEED,      /* RSS and Atom */
    PATH_ROBOTS,    /* robots.txt and site maps, which crawlers that ask first read */
    PATH_MALFORMED, /* no path: a whole URL as for a proxy, or no HTTP at all */
    PATH_KIND_COUNT
};

enum {
    RAW_NAMES_MAX = 64,
    RAW_PATHS_MAX = 16,
    RAW_STRING_MAX = 256
}; /* elements and bytes of each looked at */

struct raw_data {
    enum raw_service service;
    int64_t distinct_paths;     /* these four: -1 when not told, and never more than the signal's requests */
    int64_t errors;             /* refused requests, failed logins */
    int64_t distinct_usernames; /* the number of names listed when only they are told */
    int64_t successes;          /* logins that worked */
    unsigned listed_paths;
    unsigned default_usernames; /* listed names that are well-known default accounts */
    unsigned paths[PATH_KIND_COUNT];
};

/* raw_data absent or not an object: nothing is told. */
void raw_data_read(const struct signal *signal, struct raw_data *raw);

#endif
