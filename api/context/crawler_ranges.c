/* The JSON in which crawlers publish their ranges:
 * {"creationTime","prefixes":[{"ipv4Prefix":…} or {"ipv6Prefix":…},…]}. */
#include "api/context/indicator_import.h"

struct range_scan {
    struct text value; /* at == NULL: none yet */
    const char *member;
    enum import_family family;
    const char *why;
};

static void read_range(struct reader *reader, struct arena *arena, bool ipv6, struct range_scan *scan) {
    if (scan->member != NULL)
        scan->why = "has more than one prefix";
    scan->member = ipv6 ? "/ipv6Prefix" : "/ipv4Prefix";
    scan->family = ipv6 ? FAMILY_IPV6 : FAMILY_IPV4;
    if (reader_kind(reader) == VALUE_TEXT) {
        reader_take_text(reader, arena, &scan->value);
        return;
    }
    scan->why = "is not a string";
    reader_skip(reader, READER_DEPTH_MAX, &scan->value);
}

static void read_item(struct indicator_import *import, struct text json) {
    struct range_scan scan = {TEXT_NONE, NULL, FAMILY_ANY, NULL};
    struct reader reader;
    struct text name;
    reader_init(&reader, json);
    if (reader_kind(&reader) != VALUE_OBJECT) {
        import_reject(import, json, "is not an object");
        return;
    }
    reader_enter_object(&reader);
    while (reader_next_member(&reader, &import->arena, &name)) {
        bool ipv6 = text_is(name, "ipv6Prefix");
        if (ipv6 || text_is(name, "ipv4Prefix"))
            read_range(&reader, &import->arena, ipv6, &scan);
        else
            reader_skip(&reader, READER_DEPTH_MAX, NULL);
    }
    if (scan.member == NULL) {
        import_reject(import, json, "has neither ipv4Prefix nor ipv6Prefix");
        return;
    }
    import->member = scan.member;
    if (scan.why != NULL)
        import_reject(import, scan.value, "%s", scan.why);
    else
        import_take(import, scan.value, INDICATOR_SCORE_OF_LIST, scan.family);
}

static bool looks_like_date(struct text text) {
    static const char form[] = "dddd-dd-dd";
    for (size_t i = 0; i < sizeof(form) - 1; i++) {
        bool digit = i < text.len && text.at[i] >= '0' && text.at[i] <= '9';
        if (form[i] == 'd' ? !digit : i >= text.len || text.at[i] != form[i])
            return false;
    }
    return true;
}

static bool read_member(struct indicator_import *import, struct text name) {
    struct text time;
    if (!text_is(name, "creationTime") || reader_kind(&import->reader) != VALUE_TEXT)
        return false;
    if (reader_take_text(&import->reader, &import->arena, &time) && import->options.as_of.at == NULL &&
        looks_like_date(time))
        import->options.as_of = arena_copy(&import->arena, (struct text){time.at, 10});
    return true;
}

const struct import_format_row crawler_ranges = {
    .items = "prefixes", .read_item = read_item, .read_member = read_member};
