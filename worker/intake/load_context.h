/* Reads of the context what is wanted, keeps the rest, and puts the new snapshot in the old one's place. */
#ifndef SOC_WORKER_LOAD_CONTEXT_H
#define SOC_WORKER_LOAD_CONTEXT_H

#include "worker/intake/intake.h"
#include "worker/intake/wanted_names.h"

enum { CONTEXT_ALL_PARTS = CONTEXT_CUSTOMERS | CONTEXT_INFRA | CONTEXT_INTEL };

/* What is to be read again. */
struct context_wish {
    unsigned parts;                       /* whole: CONTEXT_… */
    bool search;                          /* customers, too, that nobody named */
    struct wanted_names customers, lists; /* of the other parts */
};

struct context_load;

/* Not whole: nothing was changed, and what was wished is forgotten. */
typedef void (*context_load_end)(void *owner, bool whole);

struct context_load *context_load_new(struct intake *intake, context_load_end on_end, void *owner);
void context_load_free(struct context_load *load);

/* Empties the wish. One at a time: not before the end of the last one. May end before it returns. */
void context_load_begin(struct context_load *load, struct context_wish *wish);

#endif
