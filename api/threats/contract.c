#include "api/threats/contract.h"

struct contract_file {
    const char *name;
    const char *text;
};

#include "contract_files.h"

static const char *find_file(struct text name) {
    for (const struct contract_file *file = contract_files; file->name != NULL; file++)
        if (text_is(name, file->name))
            return file->text;
    return NULL;
}

static void answer_file(struct exchange *exchange, struct text name, const char *content_type) {
    const char *text = find_file(name);
    if (text == NULL)
        exchange_answer_problem(exchange, STATUS_NOT_FOUND, "no schema has this name");
    else
        exchange_answer(exchange, 200, content_type, NULL, 0, text_of(text));
}

void get_openapi(struct exchange *exchange) {
    answer_file(exchange, TEXT_LITERAL("openapi.yaml"), "application/yaml");
}

void get_schema(struct exchange *exchange) {
    answer_file(exchange, exchange->id, "application/schema+json");
}
