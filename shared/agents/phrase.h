/* Small helps for sentences. */
#ifndef SOC_PHRASE_H
#define SOC_PHRASE_H

#include "shared/base/arena.h"
#include "shared/base/utf8.h"

enum { PHRASE_NAME_MAX = 64 };

/* The parts with `between` between them; absent ones are passed over. */
struct text phrase_join(struct arena *arena, const struct text *parts, unsigned count, const char *between);

/* A name out of a record, cut to what a sentence bears. */
static inline struct text phrase_name(struct text name) {
    return utf8_cut(name.at == NULL ? TEXT_LITERAL("") : name, PHRASE_NAME_MAX);
}

#define PHRASE(name) (int)phrase_name(name).len, phrase_name(name).at /* for %.*s */

#endif
