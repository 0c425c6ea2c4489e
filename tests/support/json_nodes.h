/* A JSON text as one flat array of nodes, in the order of the text: for tests that look at many bodies. Node
 * 0 is the document; the children of node i are i + 1 and then each one's `next`, up to the `next` of i. */
#ifndef SOC_TESTS_JSON_NODES_H
#define SOC_TESTS_JSON_NODES_H

#include "shared/base/buffer.h"
#include "shared/json/reader.h"

struct json_node {
    enum value_kind kind;
    unsigned parent;
    unsigned next;    /* behind everything below it */
    unsigned count;   /* children */
    struct text name; /* at == NULL: not a member */
    struct text text; /* decoded; of a number its digits */
    double number;
    bool is_true;
};

struct json_nodes {
    struct json_node *at;
    unsigned count;
    unsigned room;
    struct arena texts;
    const char *fault; /* why the text is no JSON, or none of ours */
};

#define JSON_NODES_EMPTY ((struct json_nodes){.texts = ARENA_EMPTY})

/* Replaces what was read before; `json` must live as long. False: see `fault`; a name that an object has
 * twice is one. */
bool json_nodes_read(struct json_nodes *nodes, struct text json);
void json_nodes_fini(struct json_nodes *nodes);

/* The member, or 0: the document is nobody's member. */
unsigned json_nodes_member(const struct json_nodes *nodes, unsigned object, struct text name);

/* By names with '/' between them, like "facts/customer"; 0: not there. */
unsigned json_nodes_find(const struct json_nodes *nodes, const char *path);

/* Appends the JSON Pointer of a node. */
void json_nodes_pointer(const struct json_nodes *nodes, unsigned node, struct buffer *out);

/* A number as a whole count of 10^-decimals; false when it is written with more decimals, or an exponent. */
bool json_number_units(struct text digits, int decimals, int64_t *units);

#endif
