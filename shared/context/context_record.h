/* What reading any context record needs: telling what is wrong with it, and its JSON. */
#ifndef SOC_CONTEXT_CONTEXT_RECORD_H
#define SOC_CONTEXT_CONTEXT_RECORD_H

#include <jansson.h>

#include "shared/context/snapshot.h"

struct complainer {
    context_complaint complain; /* NULL: nobody listens */
    void *arg;
};

/* Where the reader stands: the Redis key without its variable part, and that part (or the hash field). */
struct context_record {
    const struct complainer *to;
    const char *record;
    struct text name;
};

void context_record_complain(const struct context_record *at, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Outsiders' bytes made fit for a complaint: printable ASCII, cut. */
struct quoted {
    char text[68];
};
struct quoted context_record_quote(struct text text);

/* True for 1 to `max` bytes of valid UTF-8 without control characters. */
bool context_record_text_fits(struct text text, size_t max);

/* Takes the next run between separators off `rest`; false when there is none. */
bool context_record_next_part(struct text *rest, const char *separators, struct text *part);

/* One JSON object whose members are all among `members` (NULL at the end); others are complained about and
 * ignored. NULL, after a complaint, when there is none. The caller owns it. */
json_t *context_record_parse(const struct context_record *at, struct text json, const char *const *members);

/* A string member of at most `max` bytes, borrowed from the object; absent or null: TEXT_NONE. False, after a
 * complaint, when it is anything else. */
bool context_record_text(const struct context_record *at, const json_t *object, const char *member,
                         size_t max, struct text *text);

#endif
