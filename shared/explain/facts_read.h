/* Reads back what facts_write wrote (shared/model/facts.h): the facts that an analysis carries, or those of a
 * case file. What stands there is all that the agents get, so reading and writing are each other's inverse.
 */
#ifndef SOC_EXPLAIN_FACTS_READ_H
#define SOC_EXPLAIN_FACTS_READ_H

#include <jansson.h>

#include "shared/base/arena.h"
#include "shared/model/facts.h"

/* Texts are copied to `arena`. False, with what is wrong in `why` (lives in the arena), when the object has a
 * member that is unknown, of another type or out of bounds; `facts` is then undefined. */
bool facts_read(struct text json, struct arena *arena, struct facts *facts, const char **why);
bool facts_read_tree(const json_t *tree, struct arena *arena, struct facts *facts, const char **why);

#endif
