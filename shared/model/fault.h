/* What is wrong with an input, field by field: the errors[] of a problem (RFC 9457), pointers by RFC 6901. */
#ifndef SOC_MODEL_FAULT_H
#define SOC_MODEL_FAULT_H

#include "shared/base/arena.h"

enum { FAULTS_MAX = 32 };

struct fault {
    struct text pointer; /* "" is the whole document */
    struct text detail;
};

/* Texts live in `arena`. Past FAULTS_MAX further faults are only counted. */
struct faults {
    struct arena *arena;
    struct fault rows[FAULTS_MAX];
    unsigned count;
    unsigned dropped;
};

void faults_init(struct faults *faults, struct arena *arena);

/* `name` is one reference token, escaped here (~0, ~1), NULL for the whole document. */
void faults_add(struct faults *faults, const struct text *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
