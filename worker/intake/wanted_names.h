/* Names of context records that are to be read again: a bounded list of texts without NUL. */
#ifndef SOC_WORKER_WANTED_NAMES_H
#define SOC_WORKER_WANTED_NAMES_H

#include "shared/base/buffer.h"

struct wanted_names {
    struct buffer bytes; /* each name ended by NUL */
    unsigned count;
};

/* False when there are too many, or it is none of 1 to `most` bytes: then all are to be read. */
bool wanted_names_add(struct wanted_names *names, struct text name, size_t most);
void wanted_names_clear(struct wanted_names *names);
bool wanted_names_have(const struct wanted_names *names, struct text wanted);

/* The name at `at`, which moves behind it; TEXT_NONE at the end. Begin with 0. */
struct text wanted_names_next(const struct wanted_names *names, size_t *at);

#endif
