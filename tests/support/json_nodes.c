#include "tests/support/json_nodes.h"

#include <stdio.h>
#include <stdlib.h>

enum { EXACT_DIGITS_MAX = 15, NUMBER_TEXT_MAX = 64 };

static unsigned add(struct json_nodes *nodes, unsigned parent, struct text name) {
    if (nodes->count == nodes->room) {
        nodes->room = nodes->room == 0 ? 512 : 2 * nodes->room;
        nodes->at = realloc(nodes->at, nodes->room * sizeof(nodes->at[0]));
        if (nodes->at == NULL)
            abort();
    }
    nodes->at[nodes->count] = (struct json_node){.parent = parent, .name = name};
    return nodes->count++;
}

bool json_number_units(struct text digits, int decimals, int64_t *units) {
    bool negative = digits.len > 0 && digits.at[0] == '-', point = false;
    int64_t value = 0;
    for (size_t i = negative; i < digits.len; i++) {
        if (digits.at[i] == '.' && !point) {
            point = true;
            continue;
        }
        if (digits.at[i] < '0' || digits.at[i] > '9' || (point && decimals-- == 0) ||
            __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, digits.at[i] - '0', &value))
            return false;
    }
    while (decimals-- > 0)
        if (__builtin_mul_overflow(value, 10, &value))
            return false;
    *units = negative ? -value : value;
    return true;
}

/* Both parts of a quotient are exact for so few digits, hence the quotient is rounded as strtod does. */
static bool read_short_number(struct text digits, double *value) {
    static const double tens[] = {1,   1e1, 1e2,  1e3,  1e4,  1e5,  1e6, 1e7,
                                  1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14};
    const char *point = memchr(digits.at, '.', digits.len);
    int decimals = point == NULL ? 0 : (int)(digits.at + digits.len - point - 1);
    int64_t units;
    if (digits.len > EXACT_DIGITS_MAX || !json_number_units(digits, decimals, &units))
        return false;
    *value = (double)units / tens[decimals];
    return true;
}

static double number_of(struct text digits) {
    double value;
    if (read_short_number(digits, &value))
        return value;
    char text[NUMBER_TEXT_MAX];
    snprintf(text, sizeof(text), "%.*s", (int)digits.len, digits.at);
    return strtod(text, NULL);
}

static void read_value(struct json_nodes *nodes, struct reader *reader, unsigned node);

static bool is_repeated(const struct json_nodes *nodes, unsigned object, struct text name) {
    for (unsigned i = object + 1; i < nodes->count; i = nodes->at[i].next)
        if (text_equal(nodes->at[i].name, name))
            return true;
    return false;
}

static void read_members(struct json_nodes *nodes, struct reader *reader, unsigned object) {
    struct text name;
    reader_enter_object(reader);
    while (reader_next_member(reader, &nodes->texts, &name)) {
        if (is_repeated(nodes, object, name))
            nodes->fault = "a name stands twice in an object";
        nodes->at[object].count++;
        read_value(nodes, reader, add(nodes, object, name));
    }
}

static void read_elements(struct json_nodes *nodes, struct reader *reader, unsigned array) {
    reader_enter_array(reader);
    while (reader_next_element(reader)) {
        nodes->at[array].count++;
        read_value(nodes, reader, add(nodes, array, TEXT_NONE));
    }
}

static void read_value(struct json_nodes *nodes, struct reader *reader, unsigned node) {
    enum value_kind kind = reader_kind(reader);
    nodes->at[node].kind = kind;
    switch (kind) {
    case VALUE_OBJECT: read_members(nodes, reader, node); break;
    case VALUE_ARRAY: read_elements(nodes, reader, node); break;
    case VALUE_TEXT: reader_take_text(reader, &nodes->texts, &nodes->at[node].text); break;
    case VALUE_NUMBER:
        if (reader_take_number(reader, &nodes->at[node].text))
            nodes->at[node].number = number_of(nodes->at[node].text);
        break;
    case VALUE_BOOL: reader_take_bool(reader, &nodes->at[node].is_true); break;
    default: reader_take_null(reader);
    }
    nodes->at[node].next = nodes->count;
}

bool json_nodes_read(struct json_nodes *nodes, struct text json) {
    struct reader reader;
    nodes->count = 0;
    nodes->fault = NULL;
    arena_reset(&nodes->texts);
    reader_init(&reader, json);
    read_value(nodes, &reader, add(nodes, 0, TEXT_NONE));
    if (!reader_finish(&reader) && nodes->fault == NULL)
        nodes->fault = reader_fault_text(reader.fault);
    return nodes->fault == NULL;
}

void json_nodes_fini(struct json_nodes *nodes) {
    free(nodes->at);
    arena_fini(&nodes->texts);
    *nodes = JSON_NODES_EMPTY;
}

unsigned json_nodes_member(const struct json_nodes *nodes, unsigned object, struct text name) {
    for (unsigned i = object + 1; i < nodes->at[object].next; i = nodes->at[i].next)
        if (nodes->at[i].name.at != NULL && text_equal(nodes->at[i].name, name))
            return i;
    return 0;
}

unsigned json_nodes_find(const struct json_nodes *nodes, const char *path) {
    unsigned node = 0;
    while (*path != '\0') {
        size_t len = strcspn(path, "/");
        node = json_nodes_member(nodes, node, (struct text){path, len});
        if (node == 0)
            return 0;
        path += len + (path[len] == '/');
    }
    return node;
}

void json_nodes_pointer(const struct json_nodes *nodes, unsigned node, struct buffer *out) {
    if (node == 0)
        return;
    unsigned parent = nodes->at[node].parent, place = 0;
    json_nodes_pointer(nodes, parent, out);
    buffer_append_char(out, '/');
    if (nodes->at[node].name.at != NULL) {
        buffer_append_text(out, nodes->at[node].name);
        return;
    }
    for (unsigned i = parent + 1; i < node; i = nodes->at[i].next)
        place++;
    buffer_append_unsigned(out, place);
}
