/* Members of a jansson object, taken one by one with a common place for the first thing that is wrong. */
#ifndef SOC_EXPLAIN_JSON_MEMBER_H
#define SOC_EXPLAIN_JSON_MEMBER_H

#include <jansson.h>

#include "shared/base/arena.h"
#include "shared/model/vocabulary.h"

struct taker {
    struct arena *arena;
    const char *why; /* the first fault, in the arena; NULL: none so far */
};

/* Absent members leave `value` as it is; a wrong one is the taker's fault. */
void take_text(struct taker *taker, const json_t *object, const char *key, struct text *value);
void take_bool(struct taker *taker, const json_t *object, const char *key, bool *value);
void take_integer(struct taker *taker, const json_t *object, const char *key, int64_t least, int64_t most,
                  int64_t *value);
void take_time(struct taker *taker, const json_t *object, const char *key, int64_t *ms);

/* The word's index in the vocabulary. */
void take_word(struct taker *taker, const json_t *object, const char *key,
               const struct vocabulary *vocabulary, int *index);

/* The member when it is an object or an array; NULL when absent, or wrong. */
const json_t *take_object(struct taker *taker, const json_t *object, const char *key);
const json_t *take_array(struct taker *taker, const json_t *object, const char *key, size_t most);

/* A fault when the object has a member that is none of the names (NULL at the end). */
void take_no_other(struct taker *taker, const json_t *object, const char *const *names);

void taker_fault(struct taker *taker, const char *key, const char *what);

#endif
