/* The ids of all customers that have a record, some at a time. An index has them, so that it does not matter
 * how many other keys Redis holds; the first walk over a Redis without one makes it. */
#ifndef SOC_REDIS_CUSTOMER_IDS_H
#define SOC_REDIS_CUSTOMER_IDS_H

#include "shared/redis/keys.h"
#include "shared/redis/script.h"

/* For link_open. */
const struct script *customer_ids_script(void);

/* The beginning of a walk over all keys, whatever the index says. */
#define CUSTOMER_IDS_SEARCH TEXT_LITERAL("k0")

/* Writes the question into `command`. `next` is empty at the beginning and then what the last reply said; a
 * reply is [next, [id, …]], with "" for next at the end. */
void customer_ids_ask(struct command *command, const struct keyspace *keyspace, struct text next);

#endif
