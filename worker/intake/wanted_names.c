#include "worker/intake/wanted_names.h"

enum { NAMES_MAX = 1000 };

bool wanted_names_add(struct wanted_names *names, struct text name, size_t most) {
    if (name.len < 1 || name.len > most || memchr(name.at, '\0', name.len) != NULL ||
        names->count == NAMES_MAX)
        return false;
    buffer_append_text(&names->bytes, name);
    buffer_append_char(&names->bytes, '\0');
    names->count++;
    return true;
}

void wanted_names_clear(struct wanted_names *names) {
    buffer_clear(&names->bytes);
    names->count = 0;
}

struct text wanted_names_next(const struct wanted_names *names, size_t *at) {
    if (*at >= names->bytes.len)
        return TEXT_NONE;
    struct text name = text_of(names->bytes.at + *at);
    *at += name.len + 1;
    return name;
}

bool wanted_names_have(const struct wanted_names *names, struct text wanted) {
    struct text name;
    for (size_t at = 0; (name = wanted_names_next(names, &at)).at != NULL;)
        if (text_equal(name, wanted))
            return true;
    return false;
}
