/* For tests/integration/test_schema_check.py. With a seed and a count: as many random bodies, one a line, as
 * the API shows them. Without: for each line of stdin "fine" or where the body breaks schemas/analysis.json.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/random_world.h"
#include "tests/support/schema.h"

static void print_bodies(uint64_t seed, uint64_t count) {
    static struct random_world world;
    struct buffer body = BUFFER_EMPTY;
    for (uint64_t number = 0; number < count; number++) {
        buffer_clear(&body);
        random_world_make(&world, seed, number);
        random_world_analyze(&world);
        analysis_write(&body, &world.analysis);
        printf("%.*s,\"verdict\":null}\n", (int)body.len - 1, body.at);
    }
    buffer_fini(&body);
    random_world_fini(&world);
}

static void judge(const struct schema *schema, struct json_nodes *nodes, struct text body) {
    struct buffer pointer = BUFFER_EMPTY;
    struct schema_fault fault;
    if (!json_nodes_read(nodes, body)) {
        printf("no JSON: %s\n", nodes->fault);
    } else if (schema_check(schema, nodes, 0, &fault)) {
        puts("fine");
    } else {
        json_nodes_pointer(nodes, fault.node, &pointer);
        printf("%.*s: %s\n", (int)pointer.len, pointer.at == NULL ? "" : pointer.at, fault.keyword);
    }
    buffer_fini(&pointer);
}

static void judge_lines(const struct schema *schema) {
    struct json_nodes nodes = JSON_NODES_EMPTY;
    char *line = NULL;
    size_t room = 0;
    for (ssize_t len; (len = getline(&line, &room, stdin)) > 0;)
        judge(schema, &nodes, (struct text){line, (size_t)len});
    free(line);
    json_nodes_fini(&nodes);
}

int main(int argc, char **argv) {
    struct schema_set schemas;
    if (argc == 3) {
        print_bodies(strtoull(argv[1], NULL, 10), strtoull(argv[2], NULL, 10));
        return 0;
    }
    schema_set_open(&schemas, SCHEMAS_DIR);
    const struct schema *schema = schema_find(&schemas, "analysis.json");
    if (schema == NULL)
        fprintf(stderr, "schema-check: %s\n", schemas.why);
    else
        judge_lines(schema);
    schema_set_close(&schemas);
    return schema == NULL;
}
