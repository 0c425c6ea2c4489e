#include <limits.h>
#include <math.h>

#include "shared/base/utf8.h"
#include "tests/support/schema.h"

struct check {
    const struct json_nodes *nodes;
    struct schema_fault *fault;
};

/* NULL is the schema `true`. */
static bool check_schema(const struct check *check, const struct schema *schema, unsigned at);

static bool fail(const struct check *check, unsigned at, const char *keyword) {
    *check->fault = (struct schema_fault){at, keyword};
    return false;
}

static unsigned kinds_of(const struct json_node *node) {
    static const unsigned kinds[] = {[VALUE_OBJECT] = KIND_OBJECT,
                                     [VALUE_ARRAY] = KIND_ARRAY,
                                     [VALUE_TEXT] = KIND_STRING,
                                     [VALUE_NUMBER] = KIND_NUMBER,
                                     [VALUE_BOOL] = KIND_BOOLEAN,
                                     [VALUE_NULL] = KIND_NULL,
                                     [VALUE_BROKEN] = 0};
    unsigned whole = node->kind == VALUE_NUMBER && floor(node->number) == node->number ? KIND_INTEGER : 0;
    return kinds[node->kind] | whole;
}

static bool is_value(const struct json_node *node, const json_t *value) {
    if (json_is_string(value))
        return node->kind == VALUE_TEXT &&
               text_equal(node->text, (struct text){json_string_value(value), json_string_length(value)});
    if (json_is_number(value))
        return node->kind == VALUE_NUMBER && node->number == json_number_value(value);
    if (json_is_boolean(value))
        return node->kind == VALUE_BOOL && node->is_true == json_is_true(value);
    return node->kind == VALUE_NULL;
}

static bool is_one_of(const struct json_node *node, const struct schema_values *values) {
    for (unsigned i = 0; i < values->count; i++)
        if (is_value(node, values->at[i]))
            return true;
    return values->count == 0;
}

static bool is_within(const struct schema_bounds *bounds, size_t count) {
    return bounds->least <= count && count <= bounds->most;
}

static bool check_text(const struct check *check, const struct schema *schema, unsigned at) {
    struct text text = check->nodes->at[at].text;
    bool counts = schema->length.least > 1 || schema->length.most < UINT_MAX;
    if (!is_within(&schema->length, counts ? utf8_count(text) : text.len))
        return fail(check, at, "minLength or maxLength");
    if (schema->pattern != NULL && !pattern_matches(schema->pattern, text))
        return fail(check, at, "pattern");
    return true;
}

static bool check_number(const struct check *check, const struct schema *schema, unsigned at) {
    double number = check->nodes->at[at].number;
    return schema->minimum <= number && number <= schema->maximum ? true
                                                                  : fail(check, at, "minimum or maximum");
}

static bool check_array(const struct check *check, const struct schema *schema, unsigned at) {
    const struct json_node *array = &check->nodes->at[at];
    if (!is_within(&schema->elements, array->count))
        return fail(check, at, "minItems or maxItems");
    unsigned place = 0;
    for (unsigned i = at + 1; i < array->next; i = check->nodes->at[i].next, place++) {
        const struct schema *element =
            place < schema->prefix.count ? schema->prefix.at[place] : schema->items;
        if (!check_schema(check, element, i))
            return false;
    }
    return true;
}

/* Members mostly stand in the order of the schema: the search begins behind the one before. */
static const struct schema *member_schema(const struct schema *schema, struct text name, unsigned *from) {
    const struct schema_members *members = &schema->members;
    for (unsigned i = 0; i < members->count; i++) {
        unsigned k = *from + i < members->count ? *from + i : *from + i - members->count;
        if (text_equal(members->at[k].name, name)) {
            *from = k + 1 < members->count ? k + 1 : 0;
            return members->at[k].schema;
        }
    }
    return schema->additional;
}

static bool check_members(const struct check *check, const struct schema *schema, unsigned at) {
    unsigned from = 0;
    for (unsigned i = at + 1; i < check->nodes->at[at].next; i = check->nodes->at[i].next) {
        const struct schema *member = member_schema(schema, check->nodes->at[i].name, &from);
        if (!check_schema(check, member, i))
            return false;
    }
    return true;
}

/* As above: the search begins behind the member that was found before. */
static bool has_all(const struct check *check, const struct schema_names *names, unsigned at) {
    const struct json_node *nodes = check->nodes->at;
    unsigned from = at + 1, end = nodes[at].next;
    for (unsigned i = 0; i < names->count; i++) {
        unsigned found = from;
        while (found < end && !text_equal(nodes[found].name, names->at[i]))
            found = nodes[found].next;
        if (found == end)
            found = json_nodes_member(check->nodes, at, names->at[i]);
        if (found == 0)
            return fail(check, at, names->at[i].at);
        from = nodes[found].next;
    }
    return true;
}

static bool check_dependencies(const struct check *check, const struct schema *schema, unsigned at) {
    for (unsigned i = 0; i < schema->dependencies.count; i++) {
        const struct schema_dependency *dependency = &schema->dependencies.at[i];
        if (json_nodes_member(check->nodes, at, dependency->name) != 0 &&
            !has_all(check, &dependency->others, at))
            return false;
    }
    return true;
}

/* A name is a text of its own: it is judged as if it stood alone. */
static bool check_names(const struct check *check, const struct schema *schema, unsigned at) {
    for (unsigned i = at + 1; schema->names != NULL && i < check->nodes->at[at].next;
         i = check->nodes->at[i].next) {
        struct json_node name = {.kind = VALUE_TEXT, .text = check->nodes->at[i].name};
        struct json_nodes alone = {.at = &name, .count = 1};
        struct schema_fault ignored;
        if (!schema_check(schema->names, &alone, 0, &ignored))
            return fail(check, i, "propertyNames");
    }
    return true;
}

static bool check_object(const struct check *check, const struct schema *schema, unsigned at) {
    if (!is_within(&schema->properties, check->nodes->at[at].count))
        return fail(check, at, "minProperties or maxProperties");
    return has_all(check, &schema->required, at) && check_names(check, schema, at) &&
           check_dependencies(check, schema, at) && check_members(check, schema, at);
}

static unsigned count_fitting(const struct check *check, const struct schema_list *list, unsigned at) {
    unsigned fitting = 0;
    for (unsigned i = 0; i < list->count; i++)
        fitting += check_schema(check, list->at[i], at);
    return fitting;
}

static bool check_branches(const struct check *check, const struct schema *schema, unsigned at) {
    for (unsigned i = 0; i < schema->all.count; i++)
        if (!check_schema(check, schema->all.at[i], at))
            return false;
    if (schema->any.count > 0 && count_fitting(check, &schema->any, at) == 0)
        return fail(check, at, "anyOf");
    if (schema->one.count > 0 && count_fitting(check, &schema->one, at) != 1)
        return fail(check, at, "oneOf");
    if (schema->condition == NULL)
        return true;
    const struct schema *branch =
        check_schema(check, schema->condition, at) ? schema->then : schema->otherwise;
    return check_schema(check, branch, at);
}

static bool check_value(const struct check *check, const struct schema *schema, unsigned at) {
    switch (check->nodes->at[at].kind) {
    case VALUE_OBJECT: return check_object(check, schema, at);
    case VALUE_ARRAY: return check_array(check, schema, at);
    case VALUE_TEXT: return check_text(check, schema, at);
    case VALUE_NUMBER: return check_number(check, schema, at);
    default: return true;
    }
}

static bool check_schema(const struct check *check, const struct schema *schema, unsigned at) {
    const struct json_node *node = &check->nodes->at[at];
    if (schema == NULL)
        return true;
    if (schema->never)
        return fail(check, at, "not allowed here");
    if (schema->kinds != 0 && (schema->kinds & kinds_of(node)) == 0)
        return fail(check, at, "type");
    if (!is_one_of(node, &schema->values))
        return fail(check, at, "enum or const");
    return check_schema(check, schema->ref, at) && check_value(check, schema, at) &&
           check_branches(check, schema, at);
}

bool schema_check(const struct schema *schema, const struct json_nodes *nodes, unsigned node,
                  struct schema_fault *fault) {
    struct check check = {nodes, fault};
    return check_schema(&check, schema, node);
}
