#include "shared/model/json_scan.h"

#include "shared/base/buffer.h"
#include "shared/base/utf8.h"
#include "shared/json/integer.h"

void scan_init(struct json_scan *scan, struct text json, struct arena *arena, struct faults *faults,
               void *into) {
    *scan = (struct json_scan){.arena = arena, .faults = faults, .into = into};
    reader_init(&scan->reader, json);
}

static void skip_value(struct json_scan *scan) {
    reader_skip(&scan->reader, READER_DEPTH_MAX, NULL);
}

/* False, after a fault and past the value, when it is of another kind. */
static bool is_of_kind(struct json_scan *scan, const struct text *name, enum value_kind kind,
                       const char *what) {
    if (reader_kind(&scan->reader) == kind)
        return true;
    skip_value(scan);
    if (scan->reader.fault == READER_FINE)
        faults_add(scan->faults, name, "must be %s", what);
    return false;
}

bool scan_null(struct json_scan *scan) {
    return reader_kind(&scan->reader) == VALUE_NULL && reader_take_null(&scan->reader);
}

bool scan_string(struct json_scan *scan, const struct text *name, struct text *value) {
    struct text read;
    if (!is_of_kind(scan, name, VALUE_TEXT, "a string") ||
        !reader_take_text(&scan->reader, scan->arena, &read))
        return false;
    if (read.len > 0 && memchr(read.at, '\0', read.len) != NULL) {
        faults_add(scan->faults, name, "must not contain the character U+0000");
        return false;
    }
    *value = read;
    return true;
}

bool scan_characters(struct json_scan *scan, const struct text *name, size_t least, size_t most,
                     struct text *value) {
    struct text read;
    if (!scan_string(scan, name, &read))
        return false;
    size_t characters = utf8_count(read);
    if (characters < least || characters > most) {
        faults_add(scan->faults, name, "must be %zu to %zu characters", least, most);
        return false;
    }
    *value = read;
    return true;
}

static bool has_control_character(struct text text) {
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.at[i] < ' ' || text.at[i] == '\x7f')
            return true;
    return false;
}

bool scan_text(struct json_scan *scan, const struct text *name, size_t max, struct text *value) {
    struct text read;
    if (!is_of_kind(scan, name, VALUE_TEXT, "a string") ||
        !reader_take_text(&scan->reader, scan->arena, &read))
        return false;
    if (read.len == 0 || read.len > max)
        faults_add(scan->faults, name, "must be 1 to %zu bytes", max);
    else if (has_control_character(read))
        faults_add(scan->faults, name, "must not contain control characters");
    else
        *value = read;
    return read.len > 0 && read.len <= max && !has_control_character(read);
}

bool scan_integer(struct json_scan *scan, const struct text *name, int64_t min, int64_t max, int64_t *value) {
    struct text digits;
    int64_t number;
    if (!is_of_kind(scan, name, VALUE_NUMBER, "an integer") || !reader_take_number(&scan->reader, &digits))
        return false;
    if (!integer_from_number(digits, &number) || number < min || number > max) {
        faults_add(scan->faults, name, "must be an integer from %lld to %lld", (long long)min,
                   (long long)max);
        return false;
    }
    *value = number;
    return true;
}

bool scan_bool(struct json_scan *scan, const struct text *name, bool *value) {
    return is_of_kind(scan, name, VALUE_BOOL, "true or false") && reader_take_bool(&scan->reader, value);
}

static void tell_words(struct json_scan *scan, const struct text *name, const struct vocabulary *vocabulary,
                       int first) {
    struct buffer words = BUFFER_EMPTY;
    for (int i = first; i < vocabulary->count; i++) {
        buffer_append_string(&words, i > first ? ", " : "");
        buffer_append_string(&words, vocabulary->words[i]);
    }
    faults_add(scan->faults, name, "must be one of %.*s", (int)words.len, words.at);
    buffer_fini(&words);
}

bool scan_word_from(struct json_scan *scan, const struct text *name, const struct vocabulary *vocabulary,
                    int first, int *value) {
    struct text word;
    if (!scan_string(scan, name, &word))
        return false;
    int found = vocabulary_find(vocabulary, word);
    if (found < first)
        tell_words(scan, name, vocabulary, first);
    else
        *value = found;
    return found >= first;
}

bool scan_word(struct json_scan *scan, const struct text *name, const struct vocabulary *vocabulary,
               int *value) {
    return scan_word_from(scan, name, vocabulary, 0, value);
}

bool scan_enter_array(struct json_scan *scan, const struct text *name) {
    return is_of_kind(scan, name, VALUE_ARRAY, "an array") && reader_enter_array(&scan->reader);
}

bool scan_enter_object(struct json_scan *scan, const struct text *name) {
    return is_of_kind(scan, name, VALUE_OBJECT, "an object") && reader_enter_object(&scan->reader);
}

void scan_leave(struct json_scan *scan, const struct text *name, unsigned faults_before) {
    for (unsigned i = faults_before; i < scan->faults->count; i++) {
        struct text *pointer = &scan->faults->rows[i].pointer;
        *pointer =
            arena_printf(scan->arena, "/%.*s%.*s", (int)name->len, name->at, (int)pointer->len, pointer->at);
    }
}

struct text scan_index(struct json_scan *scan, unsigned index) {
    return arena_printf(scan->arena, "%u", index);
}

static int find_member(const struct scan_member *members, struct text name) {
    for (int i = 0; members[i].name != NULL; i++)
        if (text_is(name, members[i].name))
            return i;
    return -1;
}

static void read_member(struct json_scan *scan, const struct scan_member *members, const char *what,
                        const struct text *name, uint32_t *seen) {
    int i = find_member(members, *name);
    if (i < 0) {
        faults_add(scan->faults, name, "is not a field of %s", what);
        skip_value(scan);
    } else if (*seen & UINT32_C(1) << i) {
        faults_add(scan->faults, name, "is there twice");
        skip_value(scan);
    } else {
        *seen |= UINT32_C(1) << i;
        members[i].read(scan, name);
    }
}

void scan_object(struct json_scan *scan, const struct scan_member *members, const char *what) {
    struct text name;
    uint32_t seen = 0;
    if (!is_of_kind(scan, NULL, VALUE_OBJECT, "a JSON object") || !reader_enter_object(&scan->reader))
        return;
    while (reader_next_member(&scan->reader, scan->arena, &name))
        read_member(scan, members, what, &name, &seen);
    for (int i = 0; members[i].name != NULL && scan->reader.fault == READER_FINE; i++) {
        name = text_of(members[i].name);
        if (members[i].required && !(seen & UINT32_C(1) << i))
            faults_add(scan->faults, &name, "is required");
    }
}

bool scan_finish(struct json_scan *scan) {
    if (!reader_finish(&scan->reader))
        faults_add(scan->faults, NULL, "%s (byte %zu)", reader_fault_text(scan->reader.fault),
                   reader_offset(&scan->reader));
    return scan->faults->count == 0;
}
