#include "shared/json/reader.h"

#include <stdlib.h>

#include "shared/base/hash.h"
#include "shared/base/utf8.h"

enum { NAMES_COMPARED_MAX = 8 };

static const char *const fault_texts[READER_FAULT_COUNT] = {
    [READER_FINE] = "no fault",
    [READER_SYNTAX] = "is not JSON",
    [READER_CUT_OFF] = "ends in the middle of a value",
    [READER_BAD_UTF8] = "is not valid UTF-8",
    [READER_BAD_ESCAPE] = "has an escape that is not JSON's, or a lone surrogate",
    [READER_CONTROL_BYTE] = "has an unescaped control character in a string",
    [READER_TOO_DEEP] = "is nested too deep",
    [READER_TRAILING_BYTES] = "has bytes behind the JSON value",
};

const char *reader_fault_text(enum reader_fault fault) {
    return fault_texts[fault];
}

size_t reader_offset(const struct reader *reader) {
    return (size_t)(reader->at - reader->start);
}

void reader_init(struct reader *reader, struct text json) {
    const char *at = json.at == NULL ? "" : json.at;
    *reader = (struct reader){.start = at, .at = at, .end = at + json.len};
}

static bool fail(struct reader *reader, enum reader_fault fault) {
    if (reader->fault == READER_FINE)
        reader->fault = fault;
    return false;
}

static bool fail_here(struct reader *reader) {
    return fail(reader, reader->at >= reader->end ? READER_CUT_OFF : READER_SYNTAX);
}

static void skip_blanks(struct reader *reader) {
    while (reader->at < reader->end &&
           (*reader->at == ' ' || *reader->at == '\n' || *reader->at == '\r' || *reader->at == '\t'))
        reader->at++;
}

static bool take_char(struct reader *reader, char c) {
    if (reader->at >= reader->end || *reader->at != c)
        return false;
    reader->at++;
    return true;
}

enum value_kind reader_kind(struct reader *reader) {
    skip_blanks(reader);
    if (reader->fault != READER_FINE || reader->at >= reader->end)
        return VALUE_BROKEN;
    switch (*reader->at) {
    case '{': return VALUE_OBJECT;
    case '[': return VALUE_ARRAY;
    case '"': return VALUE_TEXT;
    case 't':
    case 'f': return VALUE_BOOL;
    case 'n': return VALUE_NULL;
    default:
        return *reader->at == '-' || (*reader->at >= '0' && *reader->at <= '9') ? VALUE_NUMBER : VALUE_BROKEN;
    }
}

static bool enter(struct reader *reader, char bracket) {
    skip_blanks(reader);
    if (reader->fault != READER_FINE)
        return false;
    if (!take_char(reader, bracket))
        return fail_here(reader);
    if (++reader->depth > READER_DEPTH_MAX)
        return fail(reader, READER_TOO_DEEP);
    if (reader->depth > reader->deepest)
        reader->deepest = reader->depth;
    reader->fresh = true;
    return true;
}

/* At the next item of an object or array; false at its end or on a fault. */
static bool next_item(struct reader *reader, char bracket) {
    if (reader->fault != READER_FINE)
        return false;
    skip_blanks(reader);
    if (take_char(reader, bracket)) {
        reader->depth--;
        reader->fresh = false;
        return false;
    }
    if (!reader->fresh && !take_char(reader, ','))
        return fail_here(reader);
    reader->fresh = false;
    return true;
}

bool reader_enter_object(struct reader *reader) {
    return enter(reader, '{');
}

bool reader_enter_array(struct reader *reader) {
    return enter(reader, '[');
}

bool reader_next_element(struct reader *reader) {
    return next_item(reader, ']');
}

bool reader_next_member(struct reader *reader, struct arena *arena, struct text *name) {
    if (!next_item(reader, '}'))
        return false;
    if (!reader_take_text(reader, arena, name))
        return false;
    skip_blanks(reader);
    return take_char(reader, ':') ? true : fail_here(reader);
}

/* Bytes of a string that stand for themselves in one byte. */
static bool is_plain(unsigned char c) {
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* Finds the end of the string that starts behind the quote; tells whether anything in it is escaped. */
static bool scan_text(struct reader *reader, struct text *span, bool *escaped) {
    const char *start = reader->at;
    *escaped = false;
    for (;;) {
        while (reader->at < reader->end && is_plain((unsigned char)*reader->at))
            reader->at++;
        if (reader->at >= reader->end)
            return fail(reader, READER_CUT_OFF);
        unsigned char c = (unsigned char)*reader->at;
        if (c == '"')
            break;
        if (c == '\\') {
            *escaped = true;
            if (reader->end - reader->at < 2)
                return fail(reader, READER_CUT_OFF);
            reader->at += 2;
        } else if (c < 0x20) {
            return fail(reader, READER_CONTROL_BYTE);
        } else {
            size_t step = utf8_sequence(reader->at, (size_t)(reader->end - reader->at));
            if (step == 0)
                return fail(reader, READER_BAD_UTF8);
            reader->at += step;
        }
    }
    *span = (struct text){start, (size_t)(reader->at - start)};
    reader->at++;
    return true;
}

static bool hex4(const char *at, const char *end, uint32_t *value) {
    uint32_t sum = 0;
    if (end - at < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        char c = at[i];
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
                                                : 16;
        if (digit > 15)
            return false;
        sum = sum << 4 | digit;
    }
    *value = sum;
    return true;
}

/* `*at` is behind "\u". Writes the character; false on bad digits or a lone surrogate. */
static bool decode_unicode(const char **at, const char *end, char **out) {
    uint32_t code, low;
    if (!hex4(*at, end, &code))
        return false;
    *at += 4;
    if (code >= 0xdc00 && code <= 0xdfff)
        return false;
    if (code >= 0xd800 && code <= 0xdbff) {
        if (end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u' || !hex4(*at + 2, end, &low) ||
            low < 0xdc00 || low > 0xdfff)
            return false;
        *at += 6;
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    *out += utf8_write(code, *out);
    return true;
}

/* Decoding never lengthens: \uXXXX is 6 bytes for at most 3. */
static bool decode_text(struct text span, char *out, size_t *len) {
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *at = span.at, *end = span.at + span.len;
    char *write = out;
    while (at < end) {
        if (*at != '\\') {
            *write++ = *at++;
            continue;
        }
        char letter = at[1];
        at += 2;
        const char *found = letter == '\0' ? NULL : strchr(from, letter);
        if (found != NULL)
            *write++ = to[found - from];
        else if (letter != 'u' || !decode_unicode(&at, end, &write))
            return false;
    }
    *len = (size_t)(write - out);
    return true;
}

bool reader_take_text(struct reader *reader, struct arena *arena, struct text *value) {
    struct text span = TEXT_NONE;
    bool escaped;
    skip_blanks(reader);
    if (reader->fault != READER_FINE)
        return false;
    if (!take_char(reader, '"'))
        return fail_here(reader);
    if (!scan_text(reader, &span, &escaped))
        return false;
    if (escaped) {
        char *out = arena_take(arena, span.len);
        if (!decode_text(span, out, &span.len))
            return fail(reader, READER_BAD_ESCAPE);
        span.at = out;
    }
    *value = span;
    return true;
}

static bool take_digits(struct reader *reader) {
    const char *start = reader->at;
    while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9')
        reader->at++;
    return reader->at > start ? true : fail_here(reader);
}

bool reader_take_number(struct reader *reader, struct text *digits) {
    skip_blanks(reader);
    if (reader->fault != READER_FINE)
        return false;
    const char *start = reader->at;
    take_char(reader, '-');
    if (!take_char(reader, '0') && !take_digits(reader))
        return false;
    if (take_char(reader, '.') && !take_digits(reader))
        return false;
    if (take_char(reader, 'e') || take_char(reader, 'E')) {
        if (!take_char(reader, '+'))
            take_char(reader, '-');
        if (!take_digits(reader))
            return false;
    }
    *digits = (struct text){start, (size_t)(reader->at - start)};
    return true;
}

static bool take_word(struct reader *reader, const char *word) {
    size_t len = strlen(word);
    skip_blanks(reader);
    if (reader->fault != READER_FINE)
        return false;
    if ((size_t)(reader->end - reader->at) < len || memcmp(reader->at, word, len) != 0)
        return fail(reader, READER_SYNTAX);
    reader->at += len;
    return true;
}

bool reader_take_bool(struct reader *reader, bool *value) {
    bool truth = reader_kind(reader) == VALUE_BOOL && *reader->at == 't';
    if (!take_word(reader, truth ? "true" : "false"))
        return false;
    *value = truth;
    return true;
}

bool reader_take_null(struct reader *reader) {
    return take_word(reader, "null");
}

/* The hashes of the names met so far in every open object, innermost last. */
struct names {
    uint64_t *hashes;
    size_t count, room;
    struct arena scratch; /* decoded names, and the numbers' texts */
};

static void names_add(struct names *names, uint64_t hash) {
    if (names->count == names->room) {
        names->room = names->room == 0 ? 64 : names->room * 2;
        uint64_t *grown = realloc(names->hashes, names->room * sizeof(*grown));
        if (grown == NULL)
            abort();
        names->hashes = grown;
    }
    names->hashes[names->count++] = hash;
}

static int compare_hashes(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Two names of one object that hash alike count as equal: 64 bits make that as good as true. */
static bool names_repeat(struct names *names, size_t from) {
    size_t count = names->count - from;
    if (count < 2)
        return false;
    uint64_t *own = names->hashes + from;
    if (count <= NAMES_COMPARED_MAX) {
        for (size_t i = 1; i < count; i++)
            for (size_t k = 0; k < i; k++)
                if (own[i] == own[k])
                    return true;
        return false;
    }
    qsort(own, count, sizeof(*own), compare_hashes);
    for (size_t i = 1; i < count; i++)
        if (own[i] == own[i - 1])
            return true;
    return false;
}

static bool skip_value(struct reader *reader, int depth_left, struct names *names);

static bool skip_object(struct reader *reader, int depth_left, struct names *names) {
    size_t from = names->count;
    struct text name = TEXT_NONE;
    if (!reader_enter_object(reader))
        return false;
    while (reader_next_member(reader, &names->scratch, &name)) {
        names_add(names, hash_text(name));
        if (!skip_value(reader, depth_left - 1, names))
            return false;
    }
    if (reader->fault == READER_FINE && names_repeat(names, from))
        reader->repeated_name = true;
    names->count = from;
    return reader->fault == READER_FINE;
}

static bool skip_array(struct reader *reader, int depth_left, struct names *names) {
    if (!reader_enter_array(reader))
        return false;
    while (reader_next_element(reader))
        if (!skip_value(reader, depth_left - 1, names))
            return false;
    return reader->fault == READER_FINE;
}

static bool skip_scalar(struct reader *reader, enum value_kind kind, struct arena *scratch) {
    struct text ignored;
    bool truth;
    switch (kind) {
    case VALUE_TEXT: return reader_take_text(reader, scratch, &ignored);
    case VALUE_NUMBER: return reader_take_number(reader, &ignored);
    case VALUE_BOOL: return reader_take_bool(reader, &truth);
    case VALUE_NULL: return reader_take_null(reader);
    default: return fail_here(reader);
    }
}

static bool skip_value(struct reader *reader, int depth_left, struct names *names) {
    enum value_kind kind = reader_kind(reader);
    if (kind != VALUE_OBJECT && kind != VALUE_ARRAY)
        return skip_scalar(reader, kind, &names->scratch);
    if (depth_left < 1)
        return fail(reader, READER_TOO_DEEP);
    return kind == VALUE_OBJECT ? skip_object(reader, depth_left, names)
                                : skip_array(reader, depth_left, names);
}

bool reader_skip(struct reader *reader, int depth_max, struct text *span) {
    struct names names = {0};
    skip_blanks(reader);
    const char *start = reader->at;
    bool fine = skip_value(reader, depth_max, &names);
    free(names.hashes);
    arena_fini(&names.scratch);
    if (fine && span != NULL)
        *span = (struct text){start, (size_t)(reader->at - start)};
    return fine;
}

size_t reader_compact(struct text json, char *out) {
    char *write = out;
    bool quoted = false;
    for (size_t i = 0; i < json.len; i++) {
        char c = json.at[i];
        if (!quoted && (c == ' ' || c == '\n' || c == '\r' || c == '\t'))
            continue;
        *write++ = c;
        if (quoted && c == '\\')
            *write++ = json.at[++i];
        else if (c == '"')
            quoted = !quoted;
    }
    return (size_t)(write - out);
}

bool reader_finish(struct reader *reader) {
    if (reader->fault != READER_FINE)
        return false;
    skip_blanks(reader);
    return reader->at == reader->end ? true : fail(reader, READER_TRAILING_BYTES);
}
