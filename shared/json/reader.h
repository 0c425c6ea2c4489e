/* A pull reader for JSON (RFC 8259) on the hot path: one pass over borrowed bytes, no tree. Stricter than the
 * RFC where the contract is: UTF-8 must be well-formed, lone surrogates are errors, depth is bounded,
 * repeated names are noticed. The first fault sticks; every later call fails.
 *
 *     reader_init(&r, json);
 *     if (reader_enter_object(&r))
 *         while (reader_next_member(&r, &name))   // name borrows from the input or the reader's scratch
 *             …reader_kind / reader_take_… / reader_skip exactly once…
 *     ok = reader_finish(&r);
 */
#ifndef SOC_JSON_READER_H
#define SOC_JSON_READER_H

#include <stdint.h>

#include "shared/base/arena.h"

enum { READER_DEPTH_MAX = 256 };

enum value_kind { VALUE_OBJECT, VALUE_ARRAY, VALUE_TEXT, VALUE_NUMBER, VALUE_BOOL, VALUE_NULL, VALUE_BROKEN };

enum reader_fault {
    READER_FINE,
    READER_SYNTAX,
    READER_CUT_OFF,
    READER_BAD_UTF8,
    READER_BAD_ESCAPE,
    READER_CONTROL_BYTE,
    READER_TOO_DEEP,
    READER_TRAILING_BYTES,
    READER_FAULT_COUNT
};

struct reader {
    const char *start, *at, *end;
    enum reader_fault fault;
    int depth;
    int deepest;        /* the greatest depth so far; may be set back */
    bool fresh;         /* just entered: no comma due */
    bool repeated_name; /* reader_skip met an object that has a name twice; not a fault by itself */
};

void reader_init(struct reader *reader, struct text json);

/* What the next value is, by its first byte. */
enum value_kind reader_kind(struct reader *reader);

bool reader_enter_object(struct reader *reader);

/* False at the object's end (which is consumed) or on a fault. An escaped name is decoded into `arena`. */
bool reader_next_member(struct reader *reader, struct arena *arena, struct text *name);

bool reader_enter_array(struct reader *reader);
bool reader_next_element(struct reader *reader);

/* Decoded; borrows from the input when nothing is escaped, from `arena` otherwise. */
bool reader_take_text(struct reader *reader, struct arena *arena, struct text *value);

/* The number's characters, checked against the grammar. */
bool reader_take_number(struct reader *reader, struct text *digits);
bool reader_take_bool(struct reader *reader, bool *value);
bool reader_take_null(struct reader *reader);

/* Checks and skips any value of at most `depth_max` levels (an object without members has one). `span`, when
 * not NULL, is what was skipped. */
bool reader_skip(struct reader *reader, int depth_max, struct text *span);

/* Copies valid JSON without the blanks between its tokens; `out` has room for json.len bytes. */
size_t reader_compact(struct text json, char *out);

/* True when nothing but blanks follows and no fault was met. */
bool reader_finish(struct reader *reader);

size_t reader_offset(const struct reader *reader);
const char *reader_fault_text(enum reader_fault fault);

#endif
