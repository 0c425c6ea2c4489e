/* REDIS_URL: every form, every way to be wrong, and no password in what is logged. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>

#include "shared/config/redis_url.h"

TestSuite(redis_url, .timeout = 10);

static struct redis_url parse(const char *text) {
    struct redis_url url;
    const char *why = NULL;
    cr_assert(redis_url_parse(text, &url, &why), "%s: %s", text, why);
    return url;
}

static const struct {
    const char *text, *host;
    int port, database;
    const char *user, *password;
} tcp_rows[] = {
    {"redis://127.0.0.1:6379/0", "127.0.0.1", 6379, 0, "", ""},
    {"redis://redis", "redis", 6379, 0, "", ""},
    {"redis://redis/", "redis", 6379, 0, "", ""},
    {"REDIS://redis_1.soc-ns.svc:7000/12", "redis_1.soc-ns.svc", 7000, 12, "", ""},
    {"redis://[::1]:1/65535", "::1", 1, 65535, "", ""},
    {"redis://[2001:db8::5]/3", "2001:db8::5", 6379, 3, "", ""},
    {"redis://soc:secret@h:65535/1", "h", 65535, 1, "soc", "secret"},
    {"redis://:secret@h", "h", 6379, 0, "", "secret"},
    {"redis://s%6fc:p%40%3A%2f%25@[::1]:2/4", "::1", 2, 4, "soc", "p@:/%"},
    {"redis://soc:a:b@c@h:1", "h", 1, 0, "soc", "a:b@c"},
};

Test(redis_url, reads_tcp) {
    for (size_t i = 0; i < sizeof(tcp_rows) / sizeof(tcp_rows[0]); i++) {
        struct redis_url url = parse(tcp_rows[i].text);
        cr_assert(eq(int, url.kind, REDIS_URL_TCP), "%s", tcp_rows[i].text);
        cr_assert(eq(str, url.host, (char *)tcp_rows[i].host), "%s", tcp_rows[i].text);
        cr_assert(eq(int, url.port, tcp_rows[i].port), "%s", tcp_rows[i].text);
        cr_assert(eq(int, url.database, tcp_rows[i].database), "%s", tcp_rows[i].text);
        cr_assert(eq(str, url.user, (char *)tcp_rows[i].user), "%s", tcp_rows[i].text);
        cr_assert(eq(str, url.password, (char *)tcp_rows[i].password), "%s", tcp_rows[i].text);
    }
}

Test(redis_url, reads_unix_sockets) {
    struct redis_url url = parse("unix:///run/redis%20soc/redis.sock?db=7");
    cr_assert(eq(int, url.kind, REDIS_URL_UNIX));
    cr_assert(eq(str, url.path, "/run/redis soc/redis.sock"));
    cr_assert(eq(int, url.database, 7));
    url = parse("unix://soc:secret@/tmp/a@b.sock");
    cr_assert(eq(str, url.path, "/tmp/a@b.sock"));
    cr_assert(eq(str, url.user, "soc"));
    cr_assert(eq(str, url.password, "secret"));
    cr_assert(eq(int, url.database, 0));
}

Test(redis_url, reads_sentinels) {
    struct redis_url url = parse("redis+sentinel://:pw@s1:26380,[::2],s3/soc-master/5");
    cr_assert(eq(int, url.kind, REDIS_URL_SENTINEL));
    cr_assert(eq(uint, url.sentinel_count, 3));
    cr_assert(eq(str, url.sentinels[0].host, "s1"));
    cr_assert(eq(int, url.sentinels[0].port, 26380));
    cr_assert(eq(str, url.sentinels[1].host, "::2"));
    cr_assert(eq(int, url.sentinels[1].port, 26379));
    cr_assert(eq(str, url.sentinels[2].host, "s3"));
    cr_assert(eq(str, url.master, "soc-master"));
    cr_assert(eq(str, url.password, "pw"));
    cr_assert(eq(int, url.database, 5));
    url = parse("redis+sentinel://a,b,c,d,e,f,g,h/m");
    cr_assert(eq(uint, url.sentinel_count, REDIS_SENTINELS_MAX));
}

static const struct {
    const char *text, *why; /* a part of it */
} bad_rows[] = {
    {"", "must start with"},
    {"127.0.0.1:6379", "must start with"},
    {"http://h:1/0", "must start with"},
    {"://h", "must start with"},
    {"redis:/h", "must start with"},
    {"rediss://h:6379/0", "sidecar"},
    {"REDISS://h", "sidecar"},
    {"redis://", "host"},
    {"redis://:6379/0", "host"},
    {"redis://a b:1", "host"},
    {"redis://::1:6379", "host"},
    {"redis://[::1", "host"},
    {"redis://[::1]6379", "host"},
    {"redis://[127.0.0.1]:1", "host"},
    {"redis://[::g]:1", "host"},
    {"redis://h:", "port"},
    {"redis://h:0", "port"},
    {"redis://h:65536", "port"},
    {"redis://h:-1", "port"},
    {"redis://h:1a/0", "port"},
    {"redis://h:1/-1", "database"},
    {"redis://h:1/65536", "database"},
    {"redis://h:1/0/1", "database"},
    {"redis://h:1/0?x=1", "database"},
    {"redis://h:1?db=1", "port"},
    {"redis://secret@h:1", "before the @"},
    {"redis://soc:@h:1", "before the @"},
    {"redis://:@h:1", "before the @"},
    {"redis://soc:%zz@h", "percent"},
    {"redis://soc:a%4@h", "percent"},
    {"redis://soc:a%00@h", "percent"},
    {"unix://", "path"},
    {"unix:///", "path"},
    {"unix://relative.sock", "path"},
    {"unix:///a%2", "path"},
    {"unix:///a?db=", "db=N"},
    {"unix:///a?db=x", "database"},
    {"unix:///a?x=1", "db=N"},
    {"redis+sentinel://", "host"},
    {"redis+sentinel://s1", "master"},
    {"redis+sentinel://s1//0", "master"},
    {"redis+sentinel://s1,/m", "comma"},
    {"redis+sentinel://,s1/m", "host"},
    {"redis+sentinel://s1:x/m", "port"},
    {"redis+sentinel://s1/m m", "master"},
    {"redis+sentinel://s1/m/x", "database"},
    {"redis+sentinel://a,b,c,d,e,f,g,h,i/m", "8 sentinels"},
};

Test(redis_url, refuses_what_is_broken) {
    for (size_t i = 0; i < sizeof(bad_rows) / sizeof(bad_rows[0]); i++) {
        struct redis_url url, before;
        const char *why = "";
        memset(&url, 0x5a, sizeof(url));
        memset(&before, 0x5a, sizeof(before));
        cr_assert(not(redis_url_parse(bad_rows[i].text, &url, &why)), "%s", bad_rows[i].text);
        cr_assert(ne(ptr, strstr(why, bad_rows[i].why), NULL), "%s: %s", bad_rows[i].text, why);
        cr_assert(eq(int, memcmp(&url, &before, sizeof(url)), 0), "%s: written", bad_rows[i].text);
    }
}

/* `head`, `count` times x, `tail`; the caller frees. */
static char *stretch(const char *head, size_t count, const char *tail) {
    struct buffer buffer = BUFFER_EMPTY;
    size_t len;
    buffer_append_string(&buffer, head);
    for (size_t i = 0; i < count; i++)
        buffer_append_char(&buffer, 'x');
    buffer_append_string(&buffer, tail);
    buffer_append_char(&buffer, '\0');
    return buffer_take(&buffer, &len);
}

static bool is_accepted(const char *head, size_t count, const char *tail) {
    struct redis_url url;
    const char *why;
    char *text = stretch(head, count, tail);
    bool accepted = redis_url_parse(text, &url, &why);
    free(text);
    return accepted;
}

Test(redis_url, bounds_every_part) {
    static const struct {
        const char *head;
        size_t max;
        const char *tail;
    } parts[] = {
        {"redis://", REDIS_HOST_MAX, ":1/0"},
        {"redis://", REDIS_USER_MAX, ":p@h"},
        {"redis://u:", REDIS_PASSWORD_MAX, "@h"},
        {"unix:///", REDIS_PATH_MAX - 1, "?db=1"},
        {"redis+sentinel://s/", REDIS_MASTER_MAX, "/0"},
        {"redis+sentinel://s,", REDIS_HOST_MAX, "/m"},
    };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        cr_assert(is_accepted(parts[i].head, parts[i].max, parts[i].tail), "%s", parts[i].head);
        cr_assert(not(is_accepted(parts[i].head, parts[i].max + 1, parts[i].tail)), "%s", parts[i].head);
    }
}

Test(redis_url, describes_without_the_password) {
    static const char *const pairs[][2] = {
        {"redis://soc:hunter2@[::1]:6380/3", "redis://soc:***@[::1]:6380/3"},
        {"redis://:hunter2@h", "redis://:***@h:6379/0"},
        {"redis://h/1", "redis://h:6379/1"},
        {"unix://soc:hunter2@/a/b.sock?db=2", "unix://soc:***@/a/b.sock?db=2"},
        {"redis+sentinel://:hunter2@a,[::1]:5/m/1", "redis+sentinel://:***@a:26379,[::1]:5/m/1"},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        struct redis_url url = parse(pairs[i][0]);
        struct buffer out = BUFFER_EMPTY;
        redis_url_describe(&url, &out);
        cr_assert(text_is(buffer_text(&out), pairs[i][1]), "%.*s", (int)out.len, out.at);
        buffer_fini(&out);
    }
}
