#include "api/live/origin.h"

static bool origin_is_host(struct text origin, struct text host) {
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        size_t len = strlen(schemes[i]);
        if (origin.len > len && memcmp(origin.at, schemes[i], len) == 0 &&
            text_equal_ignoring_case((struct text){origin.at + len, origin.len - len}, host))
            return true;
    }
    return false;
}

static bool origin_listed(struct text origin, const char *list) {
    while (*list != '\0') {
        size_t len = strcspn(list, ",");
        if (text_equal_ignoring_case(origin, (struct text){list, len}))
            return true;
        list += len + (list[len] == ',');
    }
    return false;
}

bool origin_allowed(const char *allowed, const struct exchange *exchange) {
    struct text origin = exchange_header(exchange, "origin");
    if (origin.at == NULL || strcmp(allowed, "*") == 0)
        return true;
    h2o_iovec_t host = exchange->req->input.authority;
    return allowed[0] == '\0' ? origin_is_host(origin, (struct text){host.base, host.len})
                              : origin_listed(origin, allowed);
}
