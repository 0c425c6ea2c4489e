/* The server that a link leads to, and what it must be. Whoever knows where it is writes `host` and counts
 * `moves` up; the links that borrow the endpoint follow. */
#ifndef SOC_REDIS_ENDPOINT_H
#define SOC_REDIS_ENDPOINT_H

#include "shared/config/redis_url.h"

struct endpoint {
    const char *path;       /* of the unix socket; NULL: TCP */
    struct redis_host host; /* TCP: a name or an address */
    unsigned moves;         /* 0: nobody knows yet where it is */
    const char *user, *password;
    int database;
    const char *role; /* first word that ROLE must answer */
    bool told_once;   /* a failure is logged and counted once until it is up again */
};

#endif
