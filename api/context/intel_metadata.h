/* A list's record in intel:lists, as the calls show it. */
#ifndef SOC_API_INTEL_METADATA_H
#define SOC_API_INTEL_METADATA_H

#include "shared/context/intel_lists.h"
#include "shared/json/writer.h"

/* Texts live in the arena; at == NULL: not told. */
struct intel_metadata {
    struct text name;
    int category; /* -1: the record is of no use, workers leave the list out */
    struct text source, as_of, crawler, imported_at;
    unsigned score;
    int64_t rejected; /* -1: not told */
};

void intel_metadata_read(struct text name, struct text json, struct arena *arena,
                         struct intel_metadata *metadata);

/* Members of an open object. */
void intel_metadata_write(struct writer *writer, const struct intel_metadata *metadata);

#endif
