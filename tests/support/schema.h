/* The JSON Schemas of a folder (2020-12), compiled so that a body of some KB is checked in some 10 µs. Only
 * the keywords that our schemas use are known; any other is an error, so that a schema cannot come to say
 * more than is checked. `format` is not checked. */
#ifndef SOC_TESTS_SCHEMA_H
#define SOC_TESTS_SCHEMA_H

#include <jansson.h>

#include "tests/support/json_nodes.h"
#include "tests/support/pattern.h"

enum schema_kind {
    KIND_NULL = 1,
    KIND_BOOLEAN = 2,
    KIND_OBJECT = 4,
    KIND_ARRAY = 8,
    KIND_NUMBER = 16,
    KIND_INTEGER = 32,
    KIND_STRING = 64
};

enum { SCHEMA_FILES_MAX = 64 };

struct schema;

struct schema_list {
    const struct schema **at;
    unsigned count;
};

struct schema_member {
    struct text name;
    const struct schema *schema;
};

struct schema_members {
    struct schema_member *at;
    unsigned count;
};

struct schema_names {
    struct text *at;
    unsigned count;
};

struct schema_dependency { /* whoever has `name` must have the others */
    struct text name;
    struct schema_names others;
};

struct schema_dependencies {
    struct schema_dependency *at;
    unsigned count;
};

struct schema_values { /* numbers, texts, true, false, null */
    const json_t **at;
    unsigned count;
};

struct schema_bounds { /* of a length or a count */
    unsigned least, most;
};

/* What is not said is NULL, or as wide as can be. */
struct schema {
    bool never;     /* the schema `false` */
    unsigned kinds; /* enum schema_kind; 0: any */
    const struct schema *ref, *additional, *names, *items, *condition, *then, *otherwise;
    struct schema_members members;
    struct schema_names required;
    struct schema_dependencies dependencies;
    struct schema_list prefix, all, any, one;
    struct schema_values values;
    double minimum, maximum;
    struct schema_bounds length, elements, properties;
    const struct pattern *pattern;
};

struct schema_made {
    const json_t *source;
    struct schema *schema;
};

struct schema_set {
    struct arena arena;
    struct schema_file {
        char *name;
        json_t *json;
    } files[SCHEMA_FILES_MAX];
    unsigned file_count;
    struct schema_made *made;
    unsigned made_count, made_room;
    char why[256]; /* the first thing that is wrong with the schemas; "": nothing */
};

/* Reads every *.json of the folder; false: see `why`. */
bool schema_set_open(struct schema_set *set, const char *folder);
void schema_set_close(struct schema_set *set);

/* `reference` is like "facts.json" or "common.json#/$defs/count". NULL: see `why`. */
const struct schema *schema_find(struct schema_set *set, const char *reference);

struct schema_fault {
    unsigned node;
    const char *keyword; /* or the name of the member that is missing */
};

/* `fault` is written when the node breaks the schema. */
bool schema_check(const struct schema *schema, const struct json_nodes *nodes, unsigned node,
                  struct schema_fault *fault);

#endif
