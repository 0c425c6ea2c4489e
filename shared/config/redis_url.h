/* Where Redis is, from REDIS_URL:
 *   redis://[user:password@]host:port/db          port 6379 and db 0 when left out; IPv6 in brackets
 *   unix://[user:password@]/path?db=N
 *   redis+sentinel://[user:password@]h1:p,h2:p/master/db   port 26379 and db 0 when left out; the
 *                                                 credentials are the master's
 * `:password@` alone is Redis' default user. User, password and path may be percent-encoded (RFC 3986).
 * rediss:// is refused: TLS goes through a sidecar. */
#ifndef SOC_CONFIG_REDIS_URL_H
#define SOC_CONFIG_REDIS_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/base/buffer.h"

enum {
    REDIS_HOST_MAX = 253, /* RFC 1035 name without the root's dot */
    REDIS_PATH_MAX = 107, /* sun_path without its NUL */
    REDIS_USER_MAX = 128,
    REDIS_PASSWORD_MAX = 512,
    REDIS_MASTER_MAX = 64,
    REDIS_SENTINELS_MAX = 8,
    REDIS_DATABASE_MAX = 65535
};

enum redis_url_kind { REDIS_URL_TCP, REDIS_URL_UNIX, REDIS_URL_SENTINEL };

struct redis_host {
    char host[REDIS_HOST_MAX + 1]; /* a name or an address, IPv6 without brackets */
    uint16_t port;
};

/* Texts that the kind does not have are empty. */
struct redis_url {
    enum redis_url_kind kind;
    char host[REDIS_HOST_MAX + 1]; /* TCP */
    uint16_t port;
    char path[REDIS_PATH_MAX + 1]; /* UNIX */
    struct redis_host sentinels[REDIS_SENTINELS_MAX];
    unsigned sentinel_count;
    char master[REDIS_MASTER_MAX + 1];
    char user[REDIS_USER_MAX + 1];         /* empty: AUTH with the password alone */
    char password[REDIS_PASSWORD_MAX + 1]; /* empty: no AUTH */
    int database;
};

/* False with `why`, a fixed sentence that repeats nothing of the text; `url` is written only on success. */
bool redis_url_parse(const char *text, struct redis_url *url, const char **why);

/* Appends the URL with the password shown as ***: for logs. */
void redis_url_describe(const struct redis_url *url, struct buffer *out);

#endif
