/* What a requested path gives away, by fragments that occur in it. */
#ifndef SOC_PATH_KINDS_H
#define SOC_PATH_KINDS_H

#include "shared/agents/raw_data.h"

/* A bit for each enum path_kind; `lower` is the path in lower case. */
unsigned path_kinds_of(struct text lower);

/* For tests: the table keeps the order that looking up relies on. */
bool path_fragments_are_sorted(void);

#endif
