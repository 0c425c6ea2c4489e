/* Reads one flat JSON object of a request by a table of its fields, and collects every fault: unknown,
 * repeated and missing members here, wrong values in the fields' own functions. */
#ifndef SOC_API_MEMBER_SCAN_H
#define SOC_API_MEMBER_SCAN_H

#include "shared/json/reader.h"
#include "shared/model/fault.h"
#include "shared/model/vocabulary.h"

struct member_scan {
    struct reader reader;
    struct arena *arena;
    struct faults *faults;
    void *into;
    int64_t now_ms;
};

struct member_field {
    const char *name;
    bool required;
    void (*read)(struct member_scan *scan, const struct text *name);
};

/* `fields`, at most 32, ends with a NULL name; `thing` is what the faults call the object: "a verdict". False
 * when there were faults. Texts in `into` borrow from `json` and the arena. */
bool member_scan_read(struct member_scan *scan, struct text json, const struct member_field *fields,
                      const char *thing);

/* Each takes one value, or adds a fault, skips it and returns false. A null is taken by none of them. */
bool member_take_null(struct member_scan *scan);
bool member_take_text(struct member_scan *scan, const struct text *name, struct text *value);
bool member_take_characters(struct member_scan *scan, const struct text *name, size_t least, size_t most,
                            struct text *value);
bool member_take_bool(struct member_scan *scan, const struct text *name, bool *value);

/* `first` is the least index that counts: the word "none" stands for no verdict and is never sent. */
bool member_take_word(struct member_scan *scan, const struct text *name, const struct vocabulary *vocabulary,
                      int first, int *index);

#endif
