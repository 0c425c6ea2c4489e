#include "shared/config/redis_url.h"

#include <stdio.h>

#include "shared/base/address.h"

enum { REDIS_PORT = 6379, SENTINEL_PORT = 26379, PORT_MAX = 65535 };

/* Takes what stands before the first `c` off `rest`, which then starts behind it; all of it when there is
 * none. */
static struct text take_until(struct text *rest, char c) {
    const char *end = memchr(rest->at, c, rest->len);
    struct text head = {rest->at, end == NULL ? rest->len : (size_t)(end - rest->at)};
    size_t used = head.len + (end != NULL);
    *rest = (struct text){rest->at + used, rest->len - used};
    return head;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* One byte of percent-encoded text; -1 when it is broken or NUL. Leaves `from` behind it. */
static int take_byte(struct text *from) {
    int byte = (unsigned char)from->at[0];
    size_t used = 1;
    if (byte == '%') {
        int high = from->len < 3 ? -1 : hex_digit(from->at[1]);
        int low = from->len < 3 ? -1 : hex_digit(from->at[2]);
        if (high < 0 || low < 0)
            return -1;
        byte = high * 16 + low;
        used = 3;
    }
    *from = (struct text){from->at + used, from->len - used};
    return byte == 0 ? -1 : byte;
}

/* `out` has room for `max` bytes and a NUL. */
static bool copy_decoded(struct text from, char *out, size_t max) {
    size_t len = 0;
    while (from.len > 0) {
        int byte = take_byte(&from);
        if (byte < 0 || len == max)
            return false;
        out[len++] = (char)byte;
    }
    out[len] = '\0';
    return true;
}

static bool is_name(struct text text) {
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i], lower = (char)(c | 0x20);
        bool letter = lower >= 'a' && lower <= 'z';
        if (!letter && !(c >= '0' && c <= '9') && c != '.' && c != '-' && c != '_')
            return false;
    }
    return text.len > 0;
}

static void copy_text(struct text from, char *out) {
    memcpy(out, from.at, from.len);
    out[from.len] = '\0';
}

/* Takes the host off `rest`, which is left at the colon before the port or empty. */
static bool take_host(struct text *rest, char *out) {
    struct text host;
    if (rest->len > 0 && rest->at[0] == '[') {
        struct address address;
        struct text inner = {rest->at + 1, rest->len - 1};
        host = take_until(&inner, ']');
        if (host.len + 1 == rest->len || memchr(host.at, ':', host.len) == NULL ||
            !address_parse(host, &address) || (inner.len > 0 && inner.at[0] != ':'))
            return false;
        *rest = inner;
    } else {
        const char *colon = memchr(rest->at, ':', rest->len);
        host = (struct text){rest->at, colon == NULL ? rest->len : (size_t)(colon - rest->at)};
        if (!is_name(host) || host.len > REDIS_HOST_MAX)
            return false;
        *rest = (struct text){rest->at + host.len, rest->len - host.len};
    }
    copy_text(host, out);
    return true;
}

/* `port` keeps its value when the text has none. */
static bool parse_host(struct text text, char *host, uint16_t *port, const char **why) {
    *why = "the host must be a name, an IPv4 address or an IPv6 address in brackets";
    if (!take_host(&text, host))
        return false;
    if (text.len == 0)
        return true;
    unsigned long long number;
    *why = "the port must be a number from 1 to 65535";
    if (!text_to_unsigned((struct text){text.at + 1, text.len - 1}, PORT_MAX, &number) || number == 0)
        return false;
    *port = (uint16_t)number;
    return true;
}

static bool parse_database(struct text text, struct redis_url *url, const char **why) {
    unsigned long long number = 0;
    *why = "the database must be a number from 0 to 65535";
    if (text.len > 0 && !text_to_unsigned(text, REDIS_DATABASE_MAX, &number))
        return false;
    url->database = (int)number;
    return true;
}

/* Takes `user:password@` off the authority in front of `rest`. */
static bool take_credentials(struct text *rest, struct redis_url *url, const char **why) {
    const char *slash = memchr(rest->at, '/', rest->len);
    size_t authority = slash == NULL ? rest->len : (size_t)(slash - rest->at);
    const char *sign = memrchr(rest->at, '@', authority);
    if (sign == NULL)
        return true;
    struct text password = {rest->at, (size_t)(sign - rest->at)};
    *rest = (struct text){sign + 1, rest->len - password.len - 1};
    *why = "before the @ stands user:password or :password";
    if (memchr(password.at, ':', password.len) == NULL)
        return false;
    struct text user = take_until(&password, ':');
    if (password.len == 0)
        return false;
    *why = "user or password is too long or has a broken percent-encoding";
    return copy_decoded(user, url->user, REDIS_USER_MAX) &&
           copy_decoded(password, url->password, REDIS_PASSWORD_MAX);
}

static bool parse_tcp(struct text rest, struct redis_url *url, const char **why) {
    struct text host = take_until(&rest, '/');
    url->port = REDIS_PORT;
    return parse_host(host, url->host, &url->port, why) && parse_database(rest, url, why);
}

static bool parse_unix(struct text rest, struct redis_url *url, const char **why) {
    struct text path = take_until(&rest, '?');
    *why = "the socket's path must be absolute and at most 107 bytes long";
    if (path.len < 2 || path.at[0] != '/' || !copy_decoded(path, url->path, REDIS_PATH_MAX))
        return false;
    if (rest.len == 0)
        return true;
    *why = "after the socket's path only ?db=N may follow";
    if (rest.len < 4 || memcmp(rest.at, "db=", 3) != 0)
        return false;
    return parse_database((struct text){rest.at + 3, rest.len - 3}, url, why);
}

static bool parse_sentinel(struct text rest, struct redis_url *url, const char **why) {
    struct text hosts = take_until(&rest, '/');
    struct text master = take_until(&rest, '/');
    *why = "a sentinel's host is missing behind a comma";
    if (hosts.len > 0 && hosts.at[hosts.len - 1] == ',')
        return false;
    do {
        *why = "at most 8 sentinels";
        if (url->sentinel_count == REDIS_SENTINELS_MAX)
            return false;
        struct redis_host *sentinel = &url->sentinels[url->sentinel_count++];
        sentinel->port = SENTINEL_PORT;
        if (!parse_host(take_until(&hosts, ','), sentinel->host, &sentinel->port, why))
            return false;
    } while (hosts.len > 0);
    *why = "after the sentinels comes /master, a name of at most 64 of A-Z a-z 0-9 . _ -";
    if (!is_name(master) || master.len > REDIS_MASTER_MAX)
        return false;
    copy_text(master, url->master);
    return parse_database(rest, url, why);
}

static const struct scheme {
    const char *name;
    enum redis_url_kind kind;
    bool (*parse)(struct text rest, struct redis_url *url, const char **why);
} schemes[] = {
    [REDIS_URL_TCP] = {"redis", REDIS_URL_TCP, parse_tcp},
    [REDIS_URL_UNIX] = {"unix", REDIS_URL_UNIX, parse_unix},
    [REDIS_URL_SENTINEL] = {"redis+sentinel", REDIS_URL_SENTINEL, parse_sentinel},
};
enum { SCHEME_COUNT = sizeof(schemes) / sizeof(schemes[0]) };

static const struct scheme *find_scheme(struct text name) {
    for (size_t i = 0; i < SCHEME_COUNT; i++)
        if (text_equal_ignoring_case(name, text_of(schemes[i].name)))
            return &schemes[i];
    return NULL;
}

bool redis_url_parse(const char *text, struct redis_url *url, const char **why) {
    const char *mark = strstr(text, "://");
    struct text name = {text, mark == NULL ? 0 : (size_t)(mark - text)};
    const struct scheme *scheme = find_scheme(name);
    if (mark == NULL || scheme == NULL) {
        *why = text_equal_ignoring_case(name, TEXT_LITERAL("rediss"))
                   ? "rediss:// is not spoken here: TLS to Redis goes through a sidecar, give its address"
                   : "it must start with redis://, unix:// or redis+sentinel://";
        return false;
    }
    struct text rest = text_of(mark + 3);
    struct redis_url result = {.kind = scheme->kind};
    if (!take_credentials(&rest, &result, why) || !scheme->parse(rest, &result, why))
        return false;
    *url = result;
    return true;
}

static void append_host(const char *host, unsigned port, struct buffer *out) {
    buffer_printf(out, strchr(host, ':') != NULL ? "[%s]:%u" : "%s:%u", host, port);
}

void redis_url_describe(const struct redis_url *url, struct buffer *out) {
    buffer_printf(out, "%s://", schemes[url->kind].name);
    if (url->password[0] != '\0')
        buffer_printf(out, "%s:***@", url->user);
    if (url->kind == REDIS_URL_UNIX) {
        buffer_printf(out, "%s?db=%d", url->path, url->database);
        return;
    }
    if (url->kind == REDIS_URL_TCP)
        append_host(url->host, url->port, out);
    for (unsigned i = 0; i < url->sentinel_count; i++) {
        if (i > 0)
            buffer_append_char(out, ',');
        append_host(url->sentinels[i].host, url->sentinels[i].port, out);
    }
    if (url->kind == REDIS_URL_SENTINEL)
        buffer_printf(out, "/%s", url->master);
    buffer_printf(out, "/%d", url->database);
}
