#include "api/threats/member_scan.h"

#include "shared/base/buffer.h"
#include "shared/base/utf8.h"

static bool skip_wrong(struct member_scan *scan, const struct text *name, const char *detail) {
    faults_add(scan->faults, name, "%s", detail);
    reader_skip(&scan->reader, READER_DEPTH_MAX, NULL);
    return false;
}

bool member_take_null(struct member_scan *scan) {
    return reader_kind(&scan->reader) == VALUE_NULL && reader_take_null(&scan->reader);
}

bool member_take_text(struct member_scan *scan, const struct text *name, struct text *value) {
    if (reader_kind(&scan->reader) != VALUE_TEXT)
        return skip_wrong(scan, name, "must be a string");
    if (!reader_take_text(&scan->reader, scan->arena, value))
        return false;
    if (value->len > 0 && memchr(value->at, '\0', value->len) != NULL) {
        faults_add(scan->faults, name, "must not contain the character U+0000");
        return false;
    }
    return true;
}

bool member_take_characters(struct member_scan *scan, const struct text *name, size_t least, size_t most,
                            struct text *value) {
    struct text taken;
    if (!member_take_text(scan, name, &taken))
        return false;
    size_t characters = utf8_count(taken);
    if (characters < least || characters > most) {
        faults_add(scan->faults, name, "must be %zu to %zu characters", least, most);
        return false;
    }
    *value = taken;
    return true;
}

bool member_take_bool(struct member_scan *scan, const struct text *name, bool *value) {
    if (reader_kind(&scan->reader) != VALUE_BOOL)
        return skip_wrong(scan, name, "must be true or false");
    return reader_take_bool(&scan->reader, value);
}

static void tell_words(struct member_scan *scan, const struct text *name, const struct vocabulary *vocabulary,
                       int first) {
    struct buffer words = BUFFER_EMPTY;
    for (int i = first; i < vocabulary->count; i++) {
        buffer_append_string(&words, i > first ? ", " : "");
        buffer_append_string(&words, vocabulary->words[i]);
    }
    faults_add(scan->faults, name, "must be one of %.*s", (int)words.len, words.at);
    buffer_fini(&words);
}

bool member_take_word(struct member_scan *scan, const struct text *name, const struct vocabulary *vocabulary,
                      int first, int *index) {
    struct text word;
    if (!member_take_text(scan, name, &word))
        return false;
    int found = vocabulary_find(vocabulary, word);
    if (found < first) {
        tell_words(scan, name, vocabulary, first);
        return false;
    }
    *index = found;
    return true;
}

static int find_field(const struct member_field *fields, struct text name) {
    for (int i = 0; fields[i].name != NULL; i++)
        if (text_is(name, fields[i].name))
            return i;
    return -1;
}

static void read_member(struct member_scan *scan, const struct text *name, const struct member_field *fields,
                        const char *thing, unsigned *seen) {
    int i = find_field(fields, *name);
    if (i < 0) {
        faults_add(scan->faults, name, "is not a field of %s", thing);
        reader_skip(&scan->reader, READER_DEPTH_MAX, NULL);
    } else if (*seen & 1u << i) {
        skip_wrong(scan, name, "is there twice");
    } else {
        *seen |= 1u << i;
        fields[i].read(scan, name);
    }
}

static void tell_missing(struct faults *faults, const struct member_field *fields, unsigned seen) {
    for (int i = 0; fields[i].name != NULL; i++) {
        struct text name = text_of(fields[i].name);
        if (fields[i].required && !(seen & 1u << i))
            faults_add(faults, &name, "is required");
    }
}

bool member_scan_read(struct member_scan *scan, struct text json, const struct member_field *fields,
                      const char *thing) {
    struct text name;
    unsigned seen = 0;
    reader_init(&scan->reader, json);
    if (reader_kind(&scan->reader) != VALUE_OBJECT && reader_skip(&scan->reader, READER_DEPTH_MAX, NULL)) {
        faults_add(scan->faults, NULL, "must be a JSON object");
        return false;
    }
    if (reader_enter_object(&scan->reader))
        while (reader_next_member(&scan->reader, scan->arena, &name))
            read_member(scan, &name, fields, thing, &seen);
    if (reader_finish(&scan->reader))
        tell_missing(scan->faults, fields, seen);
    else
        faults_add(scan->faults, NULL, "%s (byte %zu)", reader_fault_text(scan->reader.fault),
                   reader_offset(&scan->reader));
    return scan->faults->count == 0;
}
