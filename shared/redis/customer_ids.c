#include "shared/redis/customer_ids.h"

#include "lua/customer_ids_lua.h"

const struct script *customer_ids_script(void) {
    static struct script script;
    return script_once(&script, customer_ids_lua);
}

void customer_ids_ask(struct command *command, const struct keyspace *keyspace, struct text next) {
    struct buffer pattern = BUFFER_EMPTY, head = BUFFER_EMPTY;
    keyspace_customer_pattern(keyspace, &pattern);
    keyspace_customer(keyspace, TEXT_LITERAL(""), &head);
    command_begin_script(command, customer_ids_script(), 1);
    command_string(command, keyspace_fixed(keyspace, KEY_CUSTOMERS));
    command_text(command, next);
    command_text(command, buffer_text(&pattern));
    command_signed(command, (int64_t)head.len);
    buffer_fini(&pattern);
    buffer_fini(&head);
}
