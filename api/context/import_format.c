#include "api/context/import_format.h"

#include "shared/json/reader.h"
#include "shared/model/vocabulary.h"

static bool begins_with(struct text text, const char *head) {
    size_t len = strlen(head);
    return text.len >= len && text_equal_ignoring_case((struct text){text.at, len}, text_of(head));
}

/* The member that holds the items tells; what is broken before it is told when it is read. */
static int guess_json(struct text body) {
    static const struct {
        const char *member;
        enum import_format format;
    } rows[] = {{"objects", IMPORT_STIX}, {"list", IMPORT_MISP}, {"prefixes", IMPORT_CRAWLER_RANGES}};
    struct arena arena = ARENA_EMPTY;
    struct reader reader;
    struct text name;
    int format = -1;
    reader_init(&reader, body);
    if (reader_kind(&reader) == VALUE_OBJECT && reader_enter_object(&reader))
        while (format < 0 && reader_next_member(&reader, &arena, &name)) {
            for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
                if (text_is(name, rows[i].member))
                    format = (int)rows[i].format;
            reader_skip(&reader, format < 0 ? READER_DEPTH_MAX : 1, NULL);
        }
    arena_fini(&arena);
    return format;
}

/* By the first line that is neither blank nor a comment. */
static int guess_content(struct text body) {
    while (body.len > 0) {
        const char *end = memchr(body.at, '\n', body.len);
        struct text line = {body.at, end == NULL ? body.len : (size_t)(end - body.at)};
        bool told = line.len > 0 && strchr("#;\r", line.at[0]) == NULL;
        if (told && line.at[0] == '{')
            return guess_json(body);
        if (told)
            return memchr(line.at, ',', line.len) != NULL ? IMPORT_CSV : IMPORT_PLAIN;
        size_t gone = line.len + (end != NULL);
        body = (struct text){body.at + gone, body.len - gone};
    }
    return IMPORT_PLAIN;
}

int import_format_guess(struct text content_type, struct text body) {
    if (content_type.at == NULL || begins_with(content_type, "application/octet-stream") ||
        begins_with(content_type, "application/x-www-form-urlencoded"))
        return guess_content(body);
    if (begins_with(content_type, "text/csv"))
        return IMPORT_CSV;
    if (begins_with(content_type, "text/plain"))
        return IMPORT_PLAIN;
    if (begins_with(content_type, "application/stix+json") ||
        begins_with(content_type, "application/taxii+json"))
        return IMPORT_STIX;
    return begins_with(content_type, "application/json") ? guess_json(body) : -1;
}
