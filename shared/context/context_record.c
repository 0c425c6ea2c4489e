#include "shared/context/context_record.h"

#include <stdarg.h>
#include <stdio.h>

#include "shared/base/utf8.h"

enum { COMPLAINT_MAX = 256, NAME_MAX_BYTES = 128 };

void context_record_complain(const struct context_record *at, const char *format, ...) {
    char why[COMPLAINT_MAX];
    struct quoted quoted = context_record_quote(at->name);
    bool fits = context_record_text_fits(at->name, NAME_MAX_BYTES);
    va_list list;
    if (at->to->complain == NULL)
        return;
    va_start(list, format);
    vsnprintf(why, sizeof(why), format, list);
    va_end(list);
    at->to->complain(at->to->arg, at->record, fits ? at->name : text_of(quoted.text), why);
}

struct quoted context_record_quote(struct text text) {
    struct quoted quoted;
    size_t room = sizeof(quoted.text) - sizeof("...");
    size_t len = text.len > room ? room : text.len;
    for (size_t i = 0; i < len; i++)
        quoted.text[i] = text.at[i] >= ' ' && text.at[i] <= '~' ? text.at[i] : '?';
    memcpy(quoted.text + len, "...", sizeof("..."));
    if (text.len <= room)
        quoted.text[len] = '\0';
    return quoted;
}

bool context_record_next_part(struct text *rest, const char *separators, struct text *part) {
    while (rest->len > 0 && strchr(separators, rest->at[0]) != NULL && rest->at[0] != '\0')
        *rest = (struct text){rest->at + 1, rest->len - 1};
    size_t len = 0;
    while (len < rest->len && (rest->at[len] == '\0' || strchr(separators, rest->at[len]) == NULL))
        len++;
    *part = (struct text){rest->at, len};
    *rest = (struct text){rest->at + len, rest->len - len};
    return len > 0;
}

bool context_record_text_fits(struct text text, size_t max) {
    if (text.len == 0 || text.len > max || !utf8_valid(text))
        return false;
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.at[i] < ' ' || text.at[i] == '\x7f')
            return false;
    return true;
}

static void complain_of_unknown_members(const struct context_record *at, json_t *object,
                                        const char *const *members) {
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value) {
        unsigned i = 0;
        while (members[i] != NULL && strcmp(members[i], key) != 0)
            i++;
        if (members[i] == NULL)
            context_record_complain(at, "%s: unknown member, ignored",
                                    context_record_quote(text_of(key)).text);
    }
}

json_t *context_record_parse(const struct context_record *at, struct text json, const char *const *members) {
    json_error_t error;
    if (json.len > CONTEXT_VALUE_MAX) {
        context_record_complain(at, "%zu bytes are too many", json.len);
        return NULL;
    }
    json_t *object = json_loadb(json.at == NULL ? "" : json.at, json.len, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(object)) {
        context_record_complain(at, "not a JSON object%s%s", object == NULL ? ": " : "",
                                object == NULL ? context_record_quote(text_of(error.text)).text : "");
        json_decref(object);
        return NULL;
    }
    complain_of_unknown_members(at, object, members);
    return object;
}

bool context_record_text(const struct context_record *at, const json_t *object, const char *member,
                         size_t max, struct text *text) {
    const json_t *value = json_object_get(object, member);
    *text = TEXT_NONE;
    if (value == NULL || json_is_null(value))
        return true;
    struct text read = {json_string_value(value), json_string_length(value)};
    if (!json_is_string(value) || !context_record_text_fits(read, max)) {
        context_record_complain(at, "%s: not a text of 1 to %zu bytes", member, max);
        return false;
    }
    *text = read;
    return true;
}
