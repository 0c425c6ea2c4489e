#include "api/context/intel_metadata.h"

static struct text text_member(const struct context_record *at, const json_t *object, const char *member,
                               struct arena *arena) {
    struct text text;
    if (!context_record_text(at, object, member, INTEL_TEXT_MAX, &text))
        return TEXT_NONE;
    return arena_copy(arena, text);
}

static int64_t number_member(const json_t *object, const char *member, int64_t max, int64_t otherwise) {
    const json_t *value = json_object_get(object, member);
    json_int_t number = json_integer_value(value);
    return json_is_integer(value) && number >= 0 && number <= max ? number : otherwise;
}

void intel_metadata_read(struct text name, struct text json, struct arena *arena,
                         struct intel_metadata *metadata) {
    static const struct complainer nobody = {NULL, NULL};
    static const char *const members[] = {"category", "source",   "as_of",       "score",
                                          "crawler",  "rejected", "imported_at", NULL};
    struct context_record at = {&nobody, "intel:lists", name};
    *metadata = (struct intel_metadata){
        .name = arena_copy(arena, name), .category = -1, .score = INTEL_SCORE_DEFAULT, .rejected = -1};
    json_t *object = context_record_parse(&at, json, members);
    if (object == NULL)
        return;
    metadata->category =
        vocabulary_find(&vocabulary_intel_category, text_member(&at, object, "category", arena));
    metadata->source = text_member(&at, object, "source", arena);
    metadata->as_of = text_member(&at, object, "as_of", arena);
    metadata->crawler = text_member(&at, object, "crawler", arena);
    metadata->imported_at = text_member(&at, object, "imported_at", arena);
    metadata->score = (unsigned)number_member(object, "score", INTEL_SCORE_MAX, INTEL_SCORE_DEFAULT);
    metadata->rejected = number_member(object, "rejected", UINT32_MAX, -1);
    json_decref(object);
}

static void write_text(struct writer *writer, const char *key, struct text text) {
    if (text.at != NULL)
        writer_member_text(writer, key, text);
}

void intel_metadata_write(struct writer *writer, const struct intel_metadata *metadata) {
    writer_member_text(writer, "list", metadata->name);
    writer_member_string(writer, "category", vocabulary_word(&vocabulary_intel_category, metadata->category));
    write_text(writer, "source", metadata->source);
    write_text(writer, "as_of", metadata->as_of);
    write_text(writer, "crawler", metadata->crawler);
}
