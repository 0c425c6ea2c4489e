#include "shared/agents/phrase.h"

struct text phrase_join(struct arena *arena, const struct text *parts, unsigned count, const char *between) {
    size_t room = 0, len = 0, gap = strlen(between);
    for (unsigned i = 0; i < count; i++)
        room += parts[i].len + gap;
    char *joined = arena_take(arena, room + 1);
    for (unsigned i = 0; i < count; i++) {
        if (parts[i].at == NULL)
            continue;
        if (len > 0) {
            memcpy(joined + len, between, gap);
            len += gap;
        }
        memcpy(joined + len, parts[i].at, parts[i].len);
        len += parts[i].len;
    }
    return (struct text){joined, len};
}
