#include <dirent.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/schema.h"

/* Where a schema stands: its file is what "#/…" refers to. */
struct place {
    struct schema_set *set;
    const struct schema_file *file;
};

static const struct schema *compile(const struct place *place, const json_t *source);

static void __attribute__((format(printf, 2, 3))) complain(struct schema_set *set, const char *format, ...) {
    va_list args;
    if (set->why[0] != '\0')
        return;
    va_start(args, format);
    vsnprintf(set->why, sizeof(set->why), format, args);
    va_end(args);
}

static void *take_many(struct schema_set *set, size_t count, size_t size) {
    void *many = arena_take(&set->arena, count * size + 1);
    memset(many, 0, count * size);
    return many;
}

static struct text text_in(const json_t *string) {
    return (struct text){json_string_value(string), json_string_length(string)};
}

static struct schema_list compile_list(const struct place *place, const json_t *array) {
    struct schema_list list = {.count = (unsigned)json_array_size(array)};
    list.at = take_many(place->set, list.count, sizeof(list.at[0]));
    for (unsigned i = 0; i < list.count; i++)
        list.at[i] = compile(place, json_array_get(array, i));
    return list;
}

static struct schema_names compile_names(const struct place *place, const json_t *array) {
    struct schema_names names = {.count = (unsigned)json_array_size(array)};
    names.at = take_many(place->set, names.count, sizeof(names.at[0]));
    for (unsigned i = 0; i < names.count; i++)
        names.at[i] = text_in(json_array_get(array, i));
    return names;
}

/* --- one function for each keyword --- */

static void set_type(const struct place *place, const json_t *value, struct schema *schema) {
    static const struct {
        const char *word;
        unsigned kinds;
    } rows[] = {{"null", KIND_NULL},    {"boolean", KIND_BOOLEAN}, {"object", KIND_OBJECT},
                {"array", KIND_ARRAY},  {"number", KIND_NUMBER},   {"integer", KIND_INTEGER},
                {"string", KIND_STRING}};
    size_t i;
    json_t *word;
    for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
        if (json_is_string(value) && strcmp(json_string_value(value), rows[row].word) == 0)
            schema->kinds |= rows[row].kinds;
        json_array_foreach(value, i, word) {
            if (strcmp(json_string_value(word), rows[row].word) == 0)
                schema->kinds |= rows[row].kinds;
        }
    }
    if (schema->kinds == 0)
        complain(place->set, "%s: a type that is not known", place->file->name);
}

static void set_ref(const struct place *place, const json_t *value, struct schema *schema) {
    char reference[256];
    const char *written = json_string_value(value);
    snprintf(reference, sizeof(reference), "%s%s", written[0] == '#' ? place->file->name : "", written);
    schema->ref = schema_find(place->set, reference);
}

static void set_properties(const struct place *place, const json_t *value, struct schema *schema) {
    const char *name;
    json_t *member;
    struct schema_members *members = &schema->members;
    members->at = take_many(place->set, json_object_size(value), sizeof(members->at[0]));
    json_object_foreach((json_t *)value, name, member) {
        members->at[members->count++] = (struct schema_member){text_of(name), compile(place, member)};
    }
}

static void set_dependencies(const struct place *place, const json_t *value, struct schema *schema) {
    const char *name;
    json_t *others;
    struct schema_dependencies *dependencies = &schema->dependencies;
    dependencies->at = take_many(place->set, json_object_size(value), sizeof(dependencies->at[0]));
    json_object_foreach((json_t *)value, name, others) {
        dependencies->at[dependencies->count++] =
            (struct schema_dependency){text_of(name), compile_names(place, others)};
    }
}

static void set_values(const struct place *place, const json_t *value, struct schema *schema) {
    struct schema_values *values = &schema->values;
    values->count = json_is_array(value) ? (unsigned)json_array_size(value) : 1;
    values->at = take_many(place->set, values->count, sizeof(values->at[0]));
    for (unsigned i = 0; i < values->count; i++) {
        values->at[i] = json_is_array(value) ? json_array_get(value, i) : value;
        if (json_is_object(values->at[i]) || json_is_array(values->at[i]))
            complain(place->set, "%s: enum or const of a list or object", place->file->name);
    }
}

static void set_pattern(const struct place *place, const json_t *value, struct schema *schema) {
    const char *why = NULL;
    schema->pattern = pattern_compile(&place->set->arena, text_in(value), &why);
    if (schema->pattern == NULL)
        complain(place->set, "%s: pattern %s: %s", place->file->name, json_string_value(value), why);
}

static void set_required(const struct place *place, const json_t *value, struct schema *schema) {
    schema->required = compile_names(place, value);
}

/* --- the rows; `set` NULL: by the offset of a subschema or a list of them, or nothing to check --- */

enum how { SAYS_NOTHING, BY_FUNCTION, SUBSCHEMA, SUBSCHEMAS, NUMBER, LEAST, MOST };

#define FIELD(field) offsetof(struct schema, field)

static const struct keyword {
    const char *word;
    enum how how;
    size_t offset;
    void (*set)(const struct place *place, const json_t *value, struct schema *schema);
} keywords[] = {
    {"type", BY_FUNCTION, 0, set_type},
    {"$ref", BY_FUNCTION, 0, set_ref},
    {"properties", BY_FUNCTION, 0, set_properties},
    {"required", BY_FUNCTION, 0, set_required},
    {"dependentRequired", BY_FUNCTION, 0, set_dependencies},
    {"enum", BY_FUNCTION, 0, set_values},
    {"const", BY_FUNCTION, 0, set_values},
    {"pattern", BY_FUNCTION, 0, set_pattern},
    {"additionalProperties", SUBSCHEMA, FIELD(additional), NULL},
    {"propertyNames", SUBSCHEMA, FIELD(names), NULL},
    {"items", SUBSCHEMA, FIELD(items), NULL},
    {"if", SUBSCHEMA, FIELD(condition), NULL},
    {"then", SUBSCHEMA, FIELD(then), NULL},
    {"else", SUBSCHEMA, FIELD(otherwise), NULL},
    {"prefixItems", SUBSCHEMAS, FIELD(prefix), NULL},
    {"allOf", SUBSCHEMAS, FIELD(all), NULL},
    {"anyOf", SUBSCHEMAS, FIELD(any), NULL},
    {"oneOf", SUBSCHEMAS, FIELD(one), NULL},
    {"minimum", NUMBER, FIELD(minimum), NULL},
    {"maximum", NUMBER, FIELD(maximum), NULL},
    {"minLength", LEAST, FIELD(length), NULL},
    {"maxLength", MOST, FIELD(length), NULL},
    {"minItems", LEAST, FIELD(elements), NULL},
    {"maxItems", MOST, FIELD(elements), NULL},
    {"minProperties", LEAST, FIELD(properties), NULL},
    {"maxProperties", MOST, FIELD(properties), NULL},
    {"$schema", SAYS_NOTHING, 0, NULL},
    {"$id", SAYS_NOTHING, 0, NULL},
    {"$defs", SAYS_NOTHING, 0, NULL},
    {"title", SAYS_NOTHING, 0, NULL},
    {"description", SAYS_NOTHING, 0, NULL},
    {"examples", SAYS_NOTHING, 0, NULL},
    {"default", SAYS_NOTHING, 0, NULL},
    {"format", SAYS_NOTHING, 0, NULL},
    {"x-max-bytes", SAYS_NOTHING, 0, NULL},
    {"x-max-depth", SAYS_NOTHING, 0, NULL},
    {"x-max-future-ms", SAYS_NOTHING, 0, NULL},
};

static const struct keyword *keyword_find(const char *word) {
    for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
        if (strcmp(keywords[i].word, word) == 0)
            return &keywords[i];
    return NULL;
}

static void compile_keyword(const struct place *place, const struct keyword *keyword, const json_t *value,
                            struct schema *schema) {
    char *field = (char *)schema + keyword->offset;
    switch (keyword->how) {
    case SAYS_NOTHING: break;
    case BY_FUNCTION: keyword->set(place, value, schema); break;
    case SUBSCHEMA: *(const struct schema **)(void *)field = compile(place, value); break;
    case SUBSCHEMAS: *(struct schema_list *)(void *)field = compile_list(place, value); break;
    case NUMBER: *(double *)(void *)field = json_number_value(value); break;
    case LEAST: ((struct schema_bounds *)(void *)field)->least = (unsigned)json_integer_value(value); break;
    case MOST: ((struct schema_bounds *)(void *)field)->most = (unsigned)json_integer_value(value); break;
    }
}

static void compile_keywords(const struct place *place, const json_t *source, struct schema *schema) {
    const char *word;
    json_t *value;
    json_object_foreach((json_t *)source, word, value) {
        const struct keyword *keyword = keyword_find(word);
        if (keyword == NULL)
            complain(place->set, "%s: keyword %s is not checked", place->file->name, word);
        else
            compile_keyword(place, keyword, value, schema);
    }
}

/* Registered before it is filled: a schema may refer to itself. */
static struct schema *schema_begin(struct schema_set *set, const json_t *source) {
    static const struct schema_bounds any = {0, UINT_MAX};
    struct schema *schema = take_many(set, 1, sizeof(*schema));
    *schema = (struct schema){
        .minimum = -INFINITY, .maximum = INFINITY, .length = any, .elements = any, .properties = any};
    if (set->made_count == set->made_room) {
        set->made_room = set->made_room == 0 ? 256 : 2 * set->made_room;
        set->made = realloc(set->made, set->made_room * sizeof(set->made[0]));
        if (set->made == NULL)
            abort();
    }
    set->made[set->made_count++] = (struct schema_made){source, schema};
    return schema;
}

static const struct schema *compile(const struct place *place, const json_t *source) {
    static const struct schema never = {.never = true};
    struct schema_set *set = place->set;
    if (json_is_false(source))
        return &never;
    if (json_is_true(source))
        return NULL;
    for (unsigned i = 0; i < set->made_count; i++)
        if (set->made[i].source == source)
            return set->made[i].schema;
    struct schema *schema = schema_begin(set, source);
    if (!json_is_object(source))
        complain(set, "%s: no schema", place->file->name);
    compile_keywords(place, source, schema);
    return schema;
}

static const json_t *follow(const json_t *json, const char *pointer) {
    char token[128];
    while (*pointer == '/' && json != NULL) {
        size_t len = strcspn(++pointer, "/");
        snprintf(token, sizeof(token), "%.*s", (int)len, pointer);
        json = json_object_get(json, token);
        pointer += len;
    }
    return json;
}

const struct schema *schema_find(struct schema_set *set, const char *reference) {
    size_t len = strcspn(reference, "#");
    const char *pointer = reference[len] == '#' ? reference + len + 1 : "";
    for (unsigned i = 0; i < set->file_count; i++) {
        struct place place = {set, &set->files[i]};
        if (strlen(set->files[i].name) != len || memcmp(set->files[i].name, reference, len) != 0)
            continue;
        const json_t *source = follow(set->files[i].json, pointer);
        const struct schema *schema = source != NULL ? compile(&place, source) : NULL;
        if (source != NULL)
            return set->why[0] == '\0' ? schema : NULL;
    }
    complain(set, "%s leads nowhere", reference);
    return NULL;
}

static void open_file(struct schema_set *set, const char *folder, const char *name) {
    char path[512];
    json_error_t error;
    struct schema_file *file = &set->files[set->file_count];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    if (set->file_count == SCHEMA_FILES_MAX) {
        complain(set, "more than %d files", SCHEMA_FILES_MAX);
        return;
    }
    *file = (struct schema_file){strdup(name), json_load_file(path, JSON_REJECT_DUPLICATES, &error)};
    set->file_count++;
    if (file->json == NULL)
        complain(set, "%s: %s", path, error.text);
}

bool schema_set_open(struct schema_set *set, const char *folder) {
    *set = (struct schema_set){.arena = ARENA_EMPTY};
    DIR *directory = opendir(folder);
    if (directory == NULL) {
        complain(set, "%s: cannot be read", folder);
        return false;
    }
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        const char *dot = strrchr(entry->d_name, '.');
        if (dot != NULL && strcmp(dot, ".json") == 0)
            open_file(set, folder, entry->d_name);
    }
    closedir(directory);
    return set->why[0] == '\0';
}

void schema_set_close(struct schema_set *set) {
    for (unsigned i = 0; i < set->file_count; i++) {
        json_decref(set->files[i].json);
        free(set->files[i].name);
    }
    free(set->made);
    arena_fini(&set->arena);
}
