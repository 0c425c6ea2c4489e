/* REDIS_URL. What is taken is within its bounds, and what is logged of it does not depend on the password; a
 * refusal repeats nothing of the text and leaves the result alone. */
#include "shared/config/redis_url.h"
#include "tests/fuzz/fuzz.h"

static bool fits(const char *text, size_t max) {
    return strnlen(text, max + 1) <= max;
}

static void check_parts(const struct redis_url *url) {
    FUZZ_CHECK(fits(url->host, REDIS_HOST_MAX) && fits(url->path, REDIS_PATH_MAX));
    FUZZ_CHECK(fits(url->user, REDIS_USER_MAX) && fits(url->password, REDIS_PASSWORD_MAX));
    FUZZ_CHECK(fits(url->master, REDIS_MASTER_MAX) && url->sentinel_count <= REDIS_SENTINELS_MAX);
    FUZZ_CHECK(url->database >= 0 && url->database <= REDIS_DATABASE_MAX);
    FUZZ_CHECK(url->kind != REDIS_URL_TCP || (url->host[0] != '\0' && url->port > 0));
    FUZZ_CHECK(url->kind != REDIS_URL_UNIX || url->path[0] == '/');
    FUZZ_CHECK(url->kind != REDIS_URL_SENTINEL || (url->sentinel_count > 0 && url->master[0] != '\0'));
    for (unsigned i = 0; i < url->sentinel_count; i++)
        FUZZ_CHECK(url->sentinels[i].host[0] != '\0' && url->sentinels[i].port > 0);
}

static void check_description(const struct redis_url *url) {
    struct buffer shown = BUFFER_EMPTY, other = BUFFER_EMPTY;
    struct redis_url changed = *url, again;
    const char *why = NULL;
    if (url->password[0] != '\0')
        memcpy(changed.password, "something else", sizeof("something else"));
    redis_url_describe(url, &shown);
    redis_url_describe(&changed, &other);
    FUZZ_CHECK(text_equal(buffer_text(&shown), buffer_text(&other)));
    buffer_append_char(&shown, '\0');
    if (url->kind != REDIS_URL_UNIX && url->user[0] == '\0') {
        FUZZ_CHECK(redis_url_parse(shown.at, &again, &why));
        FUZZ_CHECK(again.kind == url->kind && again.database == url->database && again.port == url->port);
        FUZZ_CHECK(strcmp(again.host, url->host) == 0 && strcmp(again.master, url->master) == 0);
        FUZZ_CHECK(again.sentinel_count == url->sentinel_count);
    }
    buffer_fini(&shown);
    buffer_fini(&other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct redis_url untouched = {.kind = REDIS_URL_UNIX, .database = 77, .host = "x"};
    struct redis_url url = untouched;
    const char *why = NULL;
    char *text = malloc(size + 1);
    FUZZ_CHECK(text != NULL);
    memcpy(text, size == 0 ? (const uint8_t *)"" : data, size);
    text[size] = '\0';
    if (redis_url_parse(text, &url, &why)) {
        check_parts(&url);
        check_description(&url);
    } else {
        FUZZ_CHECK(why != NULL && why[0] != '\0' && memcmp(&url, &untouched, sizeof(url)) == 0);
    }
    free(text);
    return 0;
}
