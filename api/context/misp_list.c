/* A MISP warninglist: {"name","version","list":["address or CIDR",…],…}. */
#include <stdio.h>

#include "api/context/indicator_import.h"
#include "shared/context/context_record.h"
#include "shared/context/intel_lists.h"

static void read_item(struct indicator_import *import, struct text json) {
    struct reader reader;
    struct text entry;
    reader_init(&reader, json);
    if (reader_kind(&reader) != VALUE_TEXT)
        import_reject(import, json, "is not a string");
    else if (reader_take_text(&reader, &import->arena, &entry))
        import_take(import, entry, INDICATOR_SCORE_OF_LIST, FAMILY_ANY);
}

/* YYYYMMDD as a date; other versions say nothing of the data's age. */
static void use_version(struct indicator_import *import, struct text version) {
    unsigned long long number;
    if (import->options.as_of.at != NULL || version.len != 8 || !text_to_unsigned(version, 99999999, &number))
        return;
    unsigned month = (unsigned)(number / 100 % 100), day = (unsigned)(number % 100);
    if (month >= 1 && month <= 12 && day >= 1 && day <= 31)
        import->options.as_of =
            arena_printf(&import->arena, "%04u-%02u-%02u", (unsigned)(number / 10000), month, day);
}

static bool read_version(struct indicator_import *import) {
    enum value_kind kind = reader_kind(&import->reader);
    struct text version;
    if (kind != VALUE_TEXT && kind != VALUE_NUMBER)
        return false;
    if (kind == VALUE_TEXT ? reader_take_text(&import->reader, &import->arena, &version)
                           : reader_take_number(&import->reader, &version))
        use_version(import, version);
    return true;
}

static bool read_member(struct indicator_import *import, struct text name) {
    struct text list;
    if (text_is(name, "version"))
        return read_version(import);
    if (!text_is(name, "name") || reader_kind(&import->reader) != VALUE_TEXT)
        return false;
    if (reader_take_text(&import->reader, &import->arena, &list) && import->options.list.at == NULL)
        import->options.list = arena_copy(&import->arena, list);
    return true;
}

static void finish(struct indicator_import *import) {
    if (import->options.list.at == NULL || !context_record_text_fits(import->options.list, INTEL_NAME_MAX)) {
        import->options.list = TEXT_NONE;
        import_break(import, "has no name of 1 to %d bytes, and no parameter list was given", INTEL_NAME_MAX);
    }
}

const struct import_format_row misp_list = {
    .items = "list", .read_item = read_item, .read_member = read_member, .finish = finish};
