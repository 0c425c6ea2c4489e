/* Reading a JSON object by a table of its members: every fault is found, unknown and repeated members among
 * them, each with a JSON Pointer. */
#ifndef SOC_MODEL_JSON_SCAN_H
#define SOC_MODEL_JSON_SCAN_H

#include "shared/json/reader.h"
#include "shared/model/fault.h"
#include "shared/model/vocabulary.h"

struct json_scan {
    struct reader reader;
    struct arena *arena;
    struct faults *faults;
    void *into;     /* what the table's readers fill */
    int64_t now_ms; /* set by those whose readers ask for it */
};

struct scan_member {
    const char *name;
    bool required;
    void (*read)(struct json_scan *scan, const struct text *name);
};

void scan_init(struct json_scan *scan, struct text json, struct arena *arena, struct faults *faults,
               void *into);

/* The next value as an object of these members (at most 32, NULL name at the end); `what` names the whole in
 * complaints. */
void scan_object(struct json_scan *scan, const struct scan_member *members, const char *what);

/* True when the JSON is whole and nothing was wrong with it. */
bool scan_finish(struct json_scan *scan);

/* Each takes one value, or skips it and adds a fault under `name`. Only scan_null takes a null, and says
 * nothing of others. scan_text: 1 to `max` bytes without control characters; scan_characters: code points;
 * scan_string: any without U+0000. scan_word_from: `first` is the least index that counts. */
bool scan_null(struct json_scan *scan);
bool scan_string(struct json_scan *scan, const struct text *name, struct text *value);
bool scan_characters(struct json_scan *scan, const struct text *name, size_t least, size_t most,
                     struct text *value);
bool scan_text(struct json_scan *scan, const struct text *name, size_t max, struct text *value);
bool scan_integer(struct json_scan *scan, const struct text *name, int64_t min, int64_t max, int64_t *value);
bool scan_bool(struct json_scan *scan, const struct text *name, bool *value);
bool scan_word(struct json_scan *scan, const struct text *name, const struct vocabulary *vocabulary,
               int *value);
bool scan_word_from(struct json_scan *scan, const struct text *name, const struct vocabulary *vocabulary,
                    int first, int *value);

/* Enters an array or object of the member `name`; false, after a fault, when the value is none. Faults found
 * inside are put under `name` by scan_leave, which gets what faults_count was before. */
bool scan_enter_array(struct json_scan *scan, const struct text *name);
bool scan_enter_object(struct json_scan *scan, const struct text *name);
void scan_leave(struct json_scan *scan, const struct text *name, unsigned faults_before);

/* The name of an array's element, for pointers. */
struct text scan_index(struct json_scan *scan, unsigned index);

#endif
