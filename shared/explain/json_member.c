#include "shared/explain/json_member.h"

#include "shared/base/rfc3339.h"

void taker_fault(struct taker *taker, const char *key, const char *what) {
    if (taker->why == NULL)
        taker->why = arena_printf(taker->arena, "%s: %s%c", key, what, '\0').at;
}

void take_text(struct taker *taker, const json_t *object, const char *key, struct text *value) {
    const json_t *member = json_object_get(object, key);
    if (member == NULL)
        return;
    if (!json_is_string(member)) {
        taker_fault(taker, key, "no text");
        return;
    }
    *value = arena_copy(taker->arena, (struct text){json_string_value(member), json_string_length(member)});
}

void take_bool(struct taker *taker, const json_t *object, const char *key, bool *value) {
    const json_t *member = json_object_get(object, key);
    if (member == NULL)
        return;
    if (json_is_boolean(member))
        *value = json_is_true(member);
    else
        taker_fault(taker, key, "neither true nor false");
}

void take_integer(struct taker *taker, const json_t *object, const char *key, int64_t least, int64_t most,
                  int64_t *value) {
    const json_t *member = json_object_get(object, key);
    if (member == NULL)
        return;
    if (!json_is_integer(member))
        taker_fault(taker, key, "no whole number");
    else if (json_integer_value(member) < least || json_integer_value(member) > most)
        taker_fault(taker, key, "out of bounds");
    else
        *value = json_integer_value(member);
}

void take_time(struct taker *taker, const json_t *object, const char *key, int64_t *ms) {
    struct text text = TEXT_NONE;
    take_text(taker, object, key, &text);
    if (text.at != NULL && !rfc3339_parse(text, ms))
        taker_fault(taker, key, "no RFC 3339 time");
}

void take_word(struct taker *taker, const json_t *object, const char *key,
               const struct vocabulary *vocabulary, int *index) {
    struct text word = TEXT_NONE;
    take_text(taker, object, key, &word);
    if (word.at == NULL)
        return;
    int found = vocabulary_find(vocabulary, word);
    if (found < 0)
        taker_fault(taker, key, "unknown word");
    else
        *index = found;
}

const json_t *take_object(struct taker *taker, const json_t *object, const char *key) {
    const json_t *member = json_object_get(object, key);
    if (member == NULL || json_is_object(member))
        return member;
    taker_fault(taker, key, "no object");
    return NULL;
}

const json_t *take_array(struct taker *taker, const json_t *object, const char *key, size_t most) {
    const json_t *member = json_object_get(object, key);
    if (member == NULL || (json_is_array(member) && json_array_size(member) <= most))
        return member;
    taker_fault(taker, key, json_is_array(member) ? "too long" : "no list");
    return NULL;
}

void take_no_other(struct taker *taker, const json_t *object, const char *const *names) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value) {
        unsigned i = 0;
        while (names[i] != NULL && strcmp(names[i], key) != 0)
            i++;
        if (names[i] == NULL)
            taker_fault(taker, key, "unknown member");
    }
}
