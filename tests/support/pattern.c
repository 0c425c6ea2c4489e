#include "tests/support/pattern.h"

#include <limits.h>
#include <stdint.h>

enum { ITEMS_MAX = 32 };

struct item {
    uint8_t set[256];          /* 1: the byte belongs to it */
    const struct items *group; /* NULL: one byte of the set */
    unsigned least, most;
};

struct items {
    struct item *at;
    unsigned count;
};

struct pattern {
    struct items items;
    bool from_start, to_end;
};

/* What is left to match behind a group. */
struct rest {
    const struct items *items;
    unsigned at;   /* the group itself */
    unsigned done; /* how often it was matched */
    const struct rest *behind;
};

struct cursor {
    const char *at, *end;
    struct arena *arena;
    const char *why;
};

static bool take(struct cursor *cursor, char c) {
    if (cursor->at == cursor->end || *cursor->at != c)
        return false;
    cursor->at++;
    return true;
}

static unsigned char take_char(struct cursor *cursor) {
    bool escaped = take(cursor, '\\');
    if (cursor->at == cursor->end) {
        cursor->why = "cut off";
        return 0;
    }
    unsigned char c = (unsigned char)*cursor->at++;
    if (escaped && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')))
        cursor->why = "an escape that is not known";
    return c;
}

static void take_class(struct cursor *cursor, struct item *item) {
    if (take(cursor, '^'))
        cursor->why = "a class of what is not in it";
    while (cursor->why == NULL && !take(cursor, ']')) {
        unsigned char first = take_char(cursor), last = first;
        if (cursor->end - cursor->at > 1 && cursor->at[0] == '-' && cursor->at[1] != ']') {
            cursor->at++;
            last = take_char(cursor);
        }
        for (unsigned c = first; c <= last; c++)
            item->set[c] = 1;
    }
}

static unsigned take_count(struct cursor *cursor) {
    unsigned count = 0;
    if (cursor->at == cursor->end || *cursor->at < '0' || *cursor->at > '9')
        cursor->why = "no count";
    while (cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9')
        count = 10 * count + (unsigned)(*cursor->at++ - '0');
    return count;
}

static void take_repeats(struct cursor *cursor, struct item *item) {
    item->least = item->most = 1;
    if (take(cursor, '?')) {
        item->least = 0;
    } else if (take(cursor, '*')) {
        item->least = 0;
        item->most = UINT_MAX;
    } else if (take(cursor, '+')) {
        item->most = UINT_MAX;
    } else if (take(cursor, '{')) {
        item->least = take_count(cursor);
        item->most = take(cursor, ',') ? take_count(cursor) : item->least;
        if (!take(cursor, '}'))
            cursor->why = "no end of a count";
    }
}

static void take_items(struct cursor *cursor, struct items *items, bool in_group);

static void take_item(struct cursor *cursor, struct item *item) {
    if (take(cursor, '(')) {
        struct items *group = arena_take(cursor->arena, sizeof(*group));
        take_items(cursor, group, true);
        item->group = group;
    } else if (take(cursor, '[')) {
        take_class(cursor, item);
    } else {
        if (memchr(".|*+?{}]^$", *cursor->at, 10) != NULL)
            cursor->why = "a sign that is not known here";
        item->set[take_char(cursor)] = 1;
    }
    take_repeats(cursor, item);
}

static void take_items(struct cursor *cursor, struct items *items, bool in_group) {
    items->at = arena_take(cursor->arena, ITEMS_MAX * sizeof(struct item));
    items->count = 0;
    memset(items->at, 0, ITEMS_MAX * sizeof(struct item));
    while (cursor->why == NULL && cursor->at < cursor->end && *cursor->at != ')' &&
           !(*cursor->at == '$' && cursor->at + 1 == cursor->end)) {
        if (items->count == ITEMS_MAX)
            cursor->why = "too long";
        else
            take_item(cursor, &items->at[items->count++]);
    }
    if (take(cursor, ')') != in_group)
        cursor->why = "brackets that do not pair";
}

const struct pattern *pattern_compile(struct arena *arena, struct text source, const char **why) {
    struct cursor cursor = {source.at, source.at + source.len, arena, NULL};
    struct pattern *pattern = arena_take(arena, sizeof(*pattern));
    pattern->from_start = take(&cursor, '^');
    take_items(&cursor, &pattern->items, false);
    pattern->to_end = take(&cursor, '$');
    if (cursor.at != cursor.end && cursor.why == NULL)
        cursor.why = "more behind its end";
    *why = cursor.why;
    return cursor.why == NULL ? pattern : NULL;
}

static bool match(const struct pattern *pattern, const struct items *items, unsigned i, struct text text,
                  const struct rest *rest);

static struct text behind(struct text text, size_t len) {
    return (struct text){text.at + len, text.len - len};
}

static bool match_group(const struct pattern *pattern, const struct items *items, unsigned i, unsigned done,
                        struct text text, const struct rest *rest) {
    const struct item *item = &items->at[i];
    struct rest again = {items, i, done + 1, rest};
    return (done < item->most && match(pattern, item->group, 0, text, &again)) ||
           (done >= item->least && match(pattern, items, i + 1, text, rest));
}

static bool match(const struct pattern *pattern, const struct items *items, unsigned i, struct text text,
                  const struct rest *rest) {
    if (i == items->count)
        return rest == NULL ? !pattern->to_end || text.len == 0
                            : match_group(pattern, rest->items, rest->at, rest->done, text, rest->behind);
    const struct item *item = &items->at[i];
    if (item->group != NULL)
        return match_group(pattern, items, i, 0, text, rest);
    size_t fits = 0;
    while (fits < item->most && fits < text.len && item->set[(unsigned char)text.at[fits]])
        fits++;
    for (size_t len = fits + 1; len-- > item->least;)
        if (match(pattern, items, i + 1, behind(text, len), rest))
            return true;
    return false;
}

bool pattern_matches(const struct pattern *pattern, struct text text) {
    for (size_t from = 0; from <= text.len; from++) {
        if (match(pattern, &pattern->items, 0, behind(text, from), NULL))
            return true;
        if (pattern->from_start)
            return false;
    }
    return false;
}
