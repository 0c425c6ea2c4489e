#include "api/context/indicator_import.h"

#include <stdarg.h>
#include <stdio.h>

#include "shared/base/utf8.h"
#include "shared/context/context_record.h"

enum { REASON_MAX = 200 };

static const struct import_format_row *const formats[IMPORT_FORMAT_COUNT] = {
    [IMPORT_PLAIN] = &plain_list,
    [IMPORT_CSV] = &csv_list,
    [IMPORT_STIX] = &stix_bundle,
    [IMPORT_MISP] = &misp_list,
    [IMPORT_CRAWLER_RANGES] = &crawler_ranges,
};

static const struct import_format_row *format_of(const struct indicator_import *import) {
    return formats[import->options.format];
}

static bool is_text(const struct indicator_import *import) {
    return format_of(import)->read_line != NULL;
}

void indicator_import_init(struct indicator_import *import, const struct import_options *options,
                           struct text body, int64_t now_ms) {
    *import = (struct indicator_import){.options = *options, .body = body, .now_ms = now_ms, .member = ""};
    struct import_options *own = &import->options;
    own->list = arena_copy(&import->arena, options->list);
    own->source = arena_copy(&import->arena, options->source);
    own->as_of = arena_copy(&import->arena, options->as_of);
    own->crawler = arena_copy(&import->arena, options->crawler);
    indicator_set_init(&import->set, body.len);
    reader_init(&import->reader, body);
    writer_init(&import->errors_writer, &import->errors);
    if (is_text(import) && body.len >= 3 && memcmp(body.at, "\xef\xbb\xbf", 3) == 0)
        import->at = 3; /* a byte order mark */
}

void indicator_import_fini(struct indicator_import *import) {
    arena_fini(&import->arena);
    indicator_set_fini(&import->set);
    buffer_fini(&import->errors);
}

/* --- what is wrong --- */

static void write_place(struct indicator_import *import, bool whole) {
    struct writer *writer = &import->errors_writer;
    char pointer[64];
    if (is_text(import)) {
        writer_member_signed(writer, "line", import->lines);
        return;
    }
    if (!whole)
        writer_member_signed(writer, "index", import->lines - 1);
    snprintf(pointer, sizeof(pointer), "/%s/%u%s", format_of(import)->items, import->lines - 1,
             import->member);
    writer_member_string(writer, "pointer", whole ? "" : pointer);
}

static void tell(struct indicator_import *import, bool whole, struct text value, const char *reason) {
    struct writer *writer = &import->errors_writer;
    if (import->rejected++ >= IMPORT_ERRORS_MAX)
        return;
    writer_open_object(writer);
    write_place(import, whole);
    if (value.at != NULL)
        writer_member_string(writer, "value", context_record_quote(value).text);
    writer_member_string(writer, "reason", reason);
    writer_close_object(writer);
}

void import_reject(struct indicator_import *import, struct text value, const char *format, ...) {
    char reason[REASON_MAX];
    va_list list;
    va_start(list, format);
    vsnprintf(reason, sizeof(reason), format, list);
    va_end(list);
    tell(import, false, value, reason);
}

void import_break(struct indicator_import *import, const char *format, ...) {
    char reason[REASON_MAX];
    va_list list;
    va_start(list, format);
    vsnprintf(reason, sizeof(reason), format, list);
    va_end(list);
    import->broken = true;
    tell(import, true, TEXT_NONE, reason);
}

/* --- entries --- */

const char *import_judge(const struct indicator_import *import, struct text written,
                         enum import_family family, struct prefix *prefix) {
    const char *why = prefix_parse(written, prefix);
    if (why != NULL)
        return why;
    enum import_family own = prefix_is_ipv4(prefix) ? FAMILY_IPV4 : FAMILY_IPV6;
    if (family != FAMILY_ANY && family != own)
        return own == FAMILY_IPV4 ? "is IPv4 in a field for IPv6" : "is IPv6 in a field for IPv4";
    if (import->options.family != FAMILY_ANY && import->options.family != own)
        return own == FAMILY_IPV4 ? "is IPv4, but the list is of IPv6" : "is IPv6, but the list is of IPv4";
    return NULL;
}

void import_add(struct indicator_import *import, const struct prefix *prefix, unsigned score,
                struct text value) {
    struct indicator indicator = {*prefix, (uint8_t)score,
                                  is_text(import) ? import->lines : import->lines - 1};
    uint32_t earlier;
    if (indicator_set_add(&import->set, &indicator, &earlier))
        return;
    if (is_text(import))
        import_reject(import, value, "duplicate of line %u", earlier);
    else
        import_reject(import, value, "duplicate of /%s/%u", format_of(import)->items, earlier);
}

void import_take(struct indicator_import *import, struct text written, unsigned score,
                 enum import_family family) {
    struct prefix prefix;
    const char *why = import_judge(import, written, family, &prefix);
    if (why != NULL)
        import_reject(import, written, "%s", why);
    else
        import_add(import, &prefix, score, written);
}

/* --- steps over lines --- */

static bool step_lines(struct indicator_import *import, unsigned budget) {
    for (; budget > 0 && import->at < import->body.len && !import->broken; budget--) {
        struct text line = {import->body.at + import->at, import->body.len - import->at};
        const char *end = memchr(line.at, '\n', line.len);
        if (end != NULL)
            line.len = (size_t)(end - line.at);
        import->at += line.len + 1;
        if (line.len > 0 && line.at[line.len - 1] == '\r')
            line.len--;
        import->lines++;
        if (utf8_valid(line))
            format_of(import)->read_line(import, line);
        else
            import_reject(import, line, "is not valid UTF-8");
    }
    return import->at >= import->body.len || import->broken;
}

/* --- steps over items --- */

static void read_item(struct indicator_import *import) {
    struct text item;
    import->lines++;
    import->member = "";
    if (reader_skip(&import->reader, READER_DEPTH_MAX, &item))
        format_of(import)->read_item(import, item);
}

/* False at the end of the object, or on a fault. */
static bool read_member(struct indicator_import *import) {
    struct text name;
    if (!reader_next_member(&import->reader, &import->arena, &name))
        return false;
    if (text_is(name, format_of(import)->items)) {
        if (import->items_seen)
            import_break(import, "has %s twice", format_of(import)->items);
        import->in_items = import->items_seen = reader_enter_array(&import->reader);
    } else if (!format_of(import)->read_member(import, name)) {
        reader_skip(&import->reader, READER_DEPTH_MAX, NULL);
    }
    return !import->broken;
}

/* True when one more step can be made. */
static bool step_json(struct indicator_import *import) {
    if (!import->started) {
        import->started = true;
        return reader_enter_object(&import->reader);
    }
    if (!import->in_items)
        return read_member(import);
    if (reader_next_element(&import->reader))
        read_item(import);
    else
        import->in_items = false;
    return import->reader.fault == READER_FINE;
}

static void finish_json(struct indicator_import *import) {
    if (import->broken)
        return;
    if (!reader_finish(&import->reader))
        import_break(import, "%s (byte %zu)", reader_fault_text(import->reader.fault),
                     reader_offset(&import->reader));
    else if (!import->items_seen)
        import_break(import, "has no %s", format_of(import)->items);
}

static bool step_items(struct indicator_import *import, unsigned budget) {
    for (; budget > 0; budget--)
        if (!step_json(import)) {
            finish_json(import);
            return true;
        }
    return false;
}

bool indicator_import_step(struct indicator_import *import, unsigned budget) {
    if (is_text(import) ? !step_lines(import, budget) : !step_items(import, budget))
        return false;
    if (!import->broken && format_of(import)->finish != NULL)
        format_of(import)->finish(import);
    if (import->set.count == 0 && import->rejected == 0)
        import_break(import, "holds no entry");
    return true;
}

bool indicator_import_is_good(const struct indicator_import *import) {
    return !import->broken && import->set.count > 0 && (import->rejected == 0 || import->options.partial);
}
