/* A STIX 2.1 bundle: its indicators whose pattern names addresses. The others are rejected, objects of other
 * types counted as ignored. */
#include "api/context/indicator_import.h"
#include "api/context/stix_pattern.h"
#include "shared/base/rfc3339.h"
#include "shared/context/context_record.h"
#include "shared/context/intel_lists.h"
#include "shared/json/integer.h"

/* What is read of an object; at == NULL: not there, or no string. */
struct stix_object {
    struct text type, id, pattern, pattern_type, valid_until;
    bool revoked, bad_confidence;
    unsigned confidence;
};

static struct text *text_member(struct stix_object *object, struct text name) {
    if (text_is(name, "type"))
        return &object->type;
    if (text_is(name, "id"))
        return &object->id;
    if (text_is(name, "pattern"))
        return &object->pattern;
    if (text_is(name, "pattern_type"))
        return &object->pattern_type;
    return text_is(name, "valid_until") ? &object->valid_until : NULL;
}

static void read_confidence(struct reader *reader, struct stix_object *object) {
    struct text digits;
    int64_t value;
    object->bad_confidence = true;
    if (reader_kind(reader) != VALUE_NUMBER) {
        reader_skip(reader, READER_DEPTH_MAX, NULL);
        return;
    }
    if (!reader_take_number(reader, &digits) || !integer_from_number(digits, &value) || value < 0 ||
        value > INTEL_SCORE_MAX)
        return;
    object->confidence = (unsigned)value;
    object->bad_confidence = false;
}

static void read_object_member(struct reader *reader, struct arena *arena, struct text name,
                               struct stix_object *object) {
    struct text *member = text_member(object, name);
    if (member != NULL && reader_kind(reader) == VALUE_TEXT)
        reader_take_text(reader, arena, member);
    else if (text_is(name, "revoked") && reader_kind(reader) == VALUE_BOOL)
        reader_take_bool(reader, &object->revoked);
    else if (text_is(name, "confidence"))
        read_confidence(reader, object);
    else
        reader_skip(reader, READER_DEPTH_MAX, NULL);
}

static void read_object(struct text json, struct arena *arena, struct stix_object *object) {
    struct reader reader;
    struct text name;
    *object = (struct stix_object){.confidence = INDICATOR_SCORE_OF_LIST};
    reader_init(&reader, json);
    reader_enter_object(&reader);
    while (reader_next_member(&reader, arena, &name))
        read_object_member(&reader, arena, name, object);
}

static const char *judge(const struct indicator_import *import, const struct stix_object *object) {
    int64_t until;
    if (object->revoked)
        return "is revoked";
    if (object->valid_until.at != NULL && !rfc3339_parse(object->valid_until, &until))
        return "valid_until is not a time of RFC 3339";
    if (object->valid_until.at != NULL && until <= import->now_ms)
        return "has expired: valid_until has passed";
    if (object->pattern_type.at != NULL && !text_is(object->pattern_type, "stix"))
        return "pattern_type is not stix";
    if (object->bad_confidence)
        return "confidence is not an integer from 0 to 100";
    return object->pattern.at == NULL ? "has no pattern" : NULL;
}

/* All of its addresses, or none: half an indicator would say something else. */
static void take_addresses(struct indicator_import *import, const struct stix_object *object,
                           const struct stix_address *addresses, unsigned count) {
    struct prefix prefixes[STIX_ADDRESSES_MAX];
    for (unsigned i = 0; i < count; i++) {
        const char *why = import_judge(import, addresses[i].written,
                                       addresses[i].ipv6 ? FAMILY_IPV6 : FAMILY_IPV4, &prefixes[i]);
        if (why == NULL)
            continue;
        import_reject(import, object->id, "pattern: %s: %s", context_record_quote(addresses[i].written).text,
                      why);
        return;
    }
    for (unsigned i = 0; i < count; i++)
        import_add(import, &prefixes[i], object->confidence, object->id);
}

static void read_indicator(struct indicator_import *import, const struct stix_object *object) {
    struct stix_address addresses[STIX_ADDRESSES_MAX];
    unsigned count = 0;
    const char *why = judge(import, object);
    if (why != NULL) {
        import_reject(import, object->id, "%s", why);
        return;
    }
    import->member = "/pattern";
    why = stix_pattern_read(object->pattern, addresses, &count);
    if (why == NULL)
        take_addresses(import, object, addresses, count);
    else
        import_reject(import, object->id, "pattern %s", why);
}

static void read_item(struct indicator_import *import, struct text json) {
    struct stix_object object;
    if (json.at[0] != '{') {
        import_reject(import, json, "is not an object");
        return;
    }
    read_object(json, &import->arena, &object);
    if (object.type.at == NULL)
        import_reject(import, object.id, "has no type");
    else if (text_is(object.type, "indicator"))
        read_indicator(import, &object);
    else
        import->ignored++;
}

static bool read_member(struct indicator_import *import, struct text name) {
    struct text type;
    if (!text_is(name, "type") || reader_kind(&import->reader) != VALUE_TEXT)
        return false;
    if (reader_take_text(&import->reader, &import->arena, &type))
        import->is_bundle = text_is(type, "bundle");
    return true;
}

static void finish(struct indicator_import *import) {
    if (!import->is_bundle)
        import_break(import, "is not a STIX bundle: its type is another");
}

const struct import_format_row stix_bundle = {
    .items = "objects", .read_item = read_item, .read_member = read_member, .finish = finish};
